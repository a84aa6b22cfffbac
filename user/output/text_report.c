// SPDX-License-Identifier: GPL-2.0-or-later
/* The final report. Only what is there is printed. */
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "output/compose.h"
#include "output/text_parts.h"
#include "output/words.h"

static void headline(FILE *out, const struct component_snapshot *component)
{
	const struct stats *total = &component->total;
	char word[WORD_SIZE];

	fprintf(out, "%s", word_count(total->count, "span", word));
	if (total->covered_ns)
		fprintf(out, " in %s", word_duration((double)total->covered_ns, word));
	if (!isnan(total->rate_per_s))
		fprintf(out, " (%.1f/s)", total->rate_per_s);
	if (total->errors)
		fprintf(out, ", %s", word_count(total->errors, "error", word));
	if (total->errors && !isnan(total->error_rate))
		fprintf(out, " (%s)", word_share(total->error_rate, word));
	if (component->in_flight)
		fprintf(out, ", %" PRIu64 " in flight", component->in_flight);
	if (component->in_flight && component->has_oldest)
		fprintf(out, ", the oldest for %s",
			word_duration((double)component->oldest_in_flight_ns, word));
	if (component->detached)
		fputs("; detached: its probes were too dear", out);
	fputc('\n', out);
}

static void cache(FILE *out, const struct stats *total)
{
	char word[WORD_SIZE];

	if (isnan(total->cache_hit_rate))
		return;
	fprintf(out, "    cache: %s", word_count(total->hits + total->misses, "look-up", word));
	fprintf(out, ", %s hits\n", word_share(total->cache_hit_rate, word));
}

static void value_row(FILE *out, const struct value_stats *value)
{
	char name[NAME_SIZE], word[WORD_SIZE];

	fprintf(out, "    %s: %s", text_escape(value->name, name, sizeof(name)),
		word_count(value->count, "value", word));
	fprintf(out, ", mean %s", word_number(value->mean, word));
	if (value->has_extremes)
		fprintf(out, ", min %" PRId64 ", max %" PRId64, value->min, value->max);
	fprintf(out, ", last %" PRId64 "\n", value->last);
}

static void captured(FILE *out, const struct stats *total)
{
	for (size_t i = 0; i < total->n_values; i++)
		if (total->values[i].count)
			value_row(out, &total->values[i]);
}

static void latencies(FILE *out, const struct stats *total)
{
	const struct {
		const char *name;
		bool known;
		double ns;
	} figures[] = {
		{"avg", !isnan(total->avg_ns), total->avg_ns},
		{"min", total->has_extremes, (double)total->min_ns},
		{"p50", total->has_percentiles, (double)total->p50_ns},
		{"p90", total->has_percentiles, (double)total->p90_ns},
		{"p95", total->has_percentiles, (double)total->p95_ns},
		{"p99", total->has_percentiles, (double)total->p99_ns},
		{"p99.9", total->has_percentiles, (double)total->p999_ns},
		{"max", total->has_extremes, (double)total->max_ns},
	};
	const char *between = "    ";
	char word[WORD_SIZE];

	for (size_t i = 0; i < sizeof(figures) / sizeof(*figures); i++) {
		if (!figures[i].known)
			continue;
		fprintf(out, "%s%s %s", between, figures[i].name, word_duration(figures[i].ns, word));
		between = ", ";
	}
	if (*between == ',')
		fputc('\n', out);
}

#define OBJECTIVE_WIDTH 12

static int widest(const struct objective_state *objectives, size_t n, int width)
{
	char name[NAME_SIZE];

	for (size_t i = 0; i < n; i++) {
		const struct objective *objective = &objectives[i].objective;
		int length = (int)strlen(word_objective(objective->kind, objective->value, name));

		width = length > width ? length : width;
	}
	return width;
}

static void objective_row(FILE *out, const struct output_options *options, const struct snapshot *snapshot,
			  const struct objective_state *objective, int width)
{
	enum objective_kind kind = objective->objective.kind;
	char name[NAME_SIZE], limit[WORD_SIZE], worst[WORD_SIZE], until[WORD_SIZE];

	fprintf(out, "    %-*s %12s %12s %10" PRIu64 "  %s%s%s", width,
		word_objective(kind, objective->objective.value, name),
		word_quantity(kind, objective->objective.limit, limit),
		word_quantity(kind, objective->worst, worst), objective->violations,
		word_verdict_color(options, objective->verdict), output_verdict_name(objective->verdict),
		word_plain(options));
	if (objective->verdict == VERDICT_UNKNOWN && objective->why_unknown)
		fprintf(out, ": %s", objective->why_unknown);
	if (objective->spans_needed)
		fprintf(out, ", %" PRIu64 " are needed", objective->spans_needed);
	if (objective->until_ns)
		fprintf(out, ": promised until %s", word_clock_short(snapshot, objective->until_ns, until));
	fputc('\n', out);
}

static void contract(FILE *out, const struct output_options *options, const struct snapshot *snapshot,
		     const struct component_snapshot *component)
{
	int width = widest(component->objectives, component->n_objectives, OBJECTIVE_WIDTH);

	width = widest(component->withdrawn, component->n_withdrawn, width);
	if (!component->n_objectives && !component->n_withdrawn)
		return;
	fprintf(out, "    %-*s %12s %12s %10s  %s\n", width, "OBJECTIVE", "LIMIT", "WORST", "VIOLATIONS",
		"VERDICT");
	for (size_t i = 0; i < component->n_objectives; i++)
		objective_row(out, options, snapshot, &component->objectives[i], width);
	for (size_t i = 0; i < component->n_withdrawn; i++)
		objective_row(out, options, snapshot, &component->withdrawn[i], width);
}

static void component_part(FILE *out, const struct output_options *options, const struct snapshot *snapshot,
			   uint32_t i)
{
	const struct component_snapshot *component = &snapshot->components[i];
	char name[NAME_SIZE];

	fprintf(out, "%s: ", word_component(snapshot, i, name));
	if (text_first_band(out, snapshot, component))
		fputs("    ", out);
	headline(out, component);
	latencies(out, &component->total);
	text_other_bands(out, snapshot, component);
	text_hung(out, snapshot, component);
	cache(out, &component->total);
	captured(out, &component->total);
	if (component->tcp)
		text_tcp_total(out, &component->total.tcp);
	if (options->histogram && !component->untimed)
		text_histogram(out, component, options->unit);
	contract(out, options, snapshot, component);
	fputc('\n', out);
}

#define SLOWEST 10

static int by_p99(const void *a, const void *b)
{
	const struct component_snapshot *x = *(const struct component_snapshot *const *)a;
	const struct component_snapshot *y = *(const struct component_snapshot *const *)b;

	if (x->total.p99_ns == y->total.p99_ns)
		return x < y ? -1 : x > y;
	return x->total.p99_ns < y->total.p99_ns ? 1 : -1;
}

/* Fills @sorted with the components that have percentiles, the slowest first. */
static size_t sort_slowest(const struct snapshot *snapshot, const struct component_snapshot **sorted)
{
	size_t n = 0;

	for (size_t i = 0; i < snapshot->n_components; i++)
		if (snapshot->components[i].total.has_percentiles)
			sorted[n++] = &snapshot->components[i];
	qsort(sorted, n, sizeof(*sorted), by_p99);
	return n;
}

/* With one component there is nothing to compare. */
static void slowest(FILE *out, const struct snapshot *snapshot)
{
	const struct component_snapshot **sorted = calloc(snapshot->n_components + 1, sizeof(*sorted));
	size_t n = sorted ? sort_slowest(snapshot, sorted) : 0;
	char name[NAME_SIZE], word[WORD_SIZE];

	for (size_t i = 0; n > 1 && i < n && i < SLOWEST; i++)
		fprintf(out, "%s%s %s",
			i ? ", " : "slowest by p99: ", text_escape(sorted[i]->name, name, sizeof(name)),
			word_duration((double)sorted[i]->total.p99_ns, word));
	if (n > 1)
		fputs("\n\n", out);
	free(sorted);
}

static void handler_count(FILE *out, uint64_t count, const char *what)
{
	if (count)
		fprintf(out, ", %" PRIu64 " %s", count, what);
}

static void handlers(FILE *out, const struct snapshot *snapshot)
{
	for (size_t i = 0; i < snapshot->n_handlers; i++) {
		const struct handler_stats *handler = &snapshot->handlers[i];
		char target[NAME_SIZE], word[WORD_SIZE];

		fprintf(out, "handler %s %s: %s", handler->kind,
			text_escape(handler->target, target, sizeof(target)),
			word_count(handler->runs, "run", word));
		handler_count(out, handler->failures, "failed");
		handler_count(out, handler->retries, "tried again");
		handler_count(out, handler->drops, "dropped");
		handler_count(out, handler->waiting, "still waiting");
		fputc('\n', out);
	}
	if (snapshot->n_handlers)
		fputc('\n', out);
}

static void alerts(FILE *out, const struct output_options *options, const struct snapshot *snapshot)
{
	for (size_t i = 0; i < snapshot->n_firing; i++) {
		char clock[WORD_SIZE];

		fprintf(out, "since %s ", word_clock(snapshot, snapshot->firing[i].since_ns, clock));
		text_alert(out, options, snapshot, &snapshot->firing[i]);
	}
	if (snapshot->n_firing)
		fputc('\n', out);
}

static void verdict(FILE *out, const struct output_options *options, const struct snapshot *snapshot)
{
	char word[WORD_SIZE], safe[NAME_SIZE];

	fprintf(out, "observed %s", word_duration((double)snapshot->system.observed_ns, word));
	if (snapshot->system.stolen_share >= WORD_STOLEN_LEAST)
		fprintf(out, ", while the host kept back %s of the processors' time (told as on-cpu)",
			word_share(snapshot->system.stolen_share, word));
	if (snapshot->end_reason)
		fprintf(out, ", ended: %s", text_escape(snapshot->end_reason, safe, sizeof(safe)));
	fputc('\n', out);
	if (snapshot->verdict != VERDICT_NONE)
		fprintf(out, "verdict: %s%s%s\n", word_verdict_color(options, snapshot->verdict),
			output_verdict_name(snapshot->verdict), word_plain(options));
}

static void components(FILE *out, const struct output_options *options, const struct snapshot *snapshot)
{
	uint32_t *shown;
	size_t more, n = text_shown(snapshot, false, &shown, &more);

	for (size_t i = 0; i < n; i++)
		component_part(out, options, snapshot, shown[i]);
	if (more)
		fprintf(out, "and %zu more functions with less time spent in them (--json has all)\n\n",
			more);
	free(shown);
}

/* What all of them promise together. */
static void system_part(FILE *out, const struct output_options *options, const struct snapshot *snapshot)
{
	const struct component_snapshot *whole = &snapshot->components[snapshot->n_components];

	if (!whole->n_objectives)
		return;
	fprintf(out, "%s: ", whole->name);
	headline(out, whole);
	contract(out, options, snapshot, whole);
	fputc('\n', out);
}

int text_report(const struct output_options *options, const struct snapshot *snapshot)
{
	struct compose compose;
	int err = compose_open(&compose);

	if (err)
		return err;
	fputc('\n', compose.file);
	components(compose.file, options, snapshot);
	system_part(compose.file, options, snapshot);
	slowest(compose.file, snapshot);
	alerts(compose.file, options, snapshot);
	handlers(compose.file, snapshot);
	text_integrity(compose.file, snapshot);
	text_overhead(compose.file, &snapshot->overhead);
	text_recording(compose.file, snapshot->recording);
	verdict(compose.file, options, snapshot);
	return compose_write(&compose, options->stream);
}
