// SPDX-License-Identifier: GPL-2.0-or-later
/* What was slow, since when, and why: in sentences, the most broken promise first. */
#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "output/why_words.h"
#include "report/report.h"

/* Components that are told of. */
#define TOLD	   5
/* A stretch that is so many times slower than most is worth a sentence. */
#define STANDS_OUT 2.0

static int say(struct report *report, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
static int say(struct report *report, const char *fmt, ...)
{
	char **grown = reallocarray(report->story, report->n_story + 1, sizeof(*grown));
	va_list args;
	int length;

	if (!grown)
		return -ENOMEM;
	report->story = grown;
	va_start(args, fmt);
	length = vasprintf(&grown[report->n_story], fmt, args);
	va_end(args);
	if (length < 0)
		return -ENOMEM;
	report->n_story++;
	return 0;
}

/* ---- promises that were broken ------------------------------------------------------------------ */

struct broken {
	uint32_t component;
	uint64_t violations;
};

static int most_first(const void *a, const void *b)
{
	const struct broken *x = a, *y = b;

	if (x->violations != y->violations)
		return x->violations < y->violations ? 1 : -1;
	return x->component < y->component ? -1 : 1;
}

/* When the first and the last of them were; false: none was kept. */
static bool times_of(const struct report *report, uint32_t component, enum objective_kind kind,
		     uint64_t *first, uint64_t *last)
{
	bool any = false;

	for (size_t i = 0; i < report->n_violations; i++) {
		const struct violation *v = &report->violations[i].violation;

		if (v->component != component || v->kind != kind)
			continue;
		*first = any ? *first : v->time_ns;
		*last = v->time_ns;
		any = true;
	}
	return any;
}

static int tell_objective(struct report *report, uint32_t component, const struct objective_state *state)
{
	const struct snapshot *snapshot = report->snapshot;
	char name[NAME_SIZE], what[NAME_SIZE], limit[WORD_SIZE], worst[WORD_SIZE], count[WORD_SIZE];
	char from[WORD_SIZE], to[WORD_SIZE], into[WORD_SIZE];
	enum objective_kind kind = state->objective.kind;
	uint64_t first = 0, last = 0;

	word_component(snapshot, component, name);
	word_objective(kind, objective_value(&state->objective), what);
	word_quantity(kind, state->objective.limit, limit);
	word_quantity(kind, state->worst, worst);
	word_count(state->violations, "time", count);
	if (!times_of(report, component, kind, &first, &last))
		return say(report, "%s broke %s (%s) %s; the worst was %s.", name, what, limit, count, worst);
	word_clock(snapshot, first, from);
	word_clock(snapshot, last, to);
	word_duration((double)(first - report->head.begin_ns), into);
	if (first == last)
		return say(report, "%s broke %s (%s) %s, at %s (%s into the recording); the worst was %s.",
			   name, what, limit, count, from, into, worst);
	return say(report, "%s broke %s (%s) %s, from %s (%s into the recording) to %s; the worst was %s.",
		   name, what, limit, count, from, into, to, worst);
}

/* Why its slowest calls were. */
static int tell_why(struct report *report, uint32_t component)
{
	const struct component_snapshot *c = &report->snapshot->components[component];
	const struct cause_band *band = c->n_bands ? &c->bands[c->n_bands - 1] : NULL;
	char words[NAME_SIZE], name[NAME_SIZE], which[WORD_SIZE], count[WORD_SIZE], mean[WORD_SIZE];

	if (!band || !band->count || !*word_causes(report->snapshot, band, words))
		return 0;
	return say(report, "Why: %s%s of %s (%s, %s each) spent %s.", band->share == 1 ? "" : "the ",
		   word_band(band, which), word_component(report->snapshot, component, name),
		   word_count(band->count, "call", count), word_duration(band->mean_ns, mean), words);
}

static int tell_component(struct report *report, uint32_t component)
{
	const struct component_snapshot *c = &report->snapshot->components[component];
	int err = 0;

	for (size_t i = 0; i < c->n_objectives && !err; i++)
		if (c->objectives[i].violations)
			err = tell_objective(report, component, &c->objectives[i]);
	return err ?: tell_why(report, component);
}

/* How many components are told of, of those that broke something; or -ENOMEM. */
static int tell_broken(struct report *report)
{
	const struct snapshot *snapshot = report->snapshot;
	struct broken *broken = calloc(snapshot->n_components + 1, sizeof(*broken));
	int n = 0, err = 0;

	if (!broken)
		return -ENOMEM;
	for (uint32_t i = 0; i < snapshot->n_components; i++)
		if (snapshot->components[i].violations)
			broken[n++] = (struct broken){i, snapshot->components[i].violations};
	qsort(broken, (size_t)n, sizeof(*broken), most_first);
	for (int i = 0; i < n && i < TOLD && !err; i++)
		err = tell_component(report, broken[i].component);
	if (n > TOLD && !err)
		err = say(report, "%d more components broke what was promised of them.", n - TOLD);
	free(broken);
	return err ? err : n;
}

/* ---- stretches that stand out ------------------------------------------------------------------- */

static int ascending(const void *a, const void *b)
{
	const uint64_t *x = a, *y = b;

	return *x < *y ? -1 : *x > *y;
}

/* The 99th percentile of the middle column; 0: there are too few. */
static uint64_t usual(const struct report *report, uint32_t component)
{
	uint64_t p99[HEAT_COLUMNS];
	struct report_slice slice;
	size_t n = 0;

	for (size_t column = 0; column < report->heat.n; column++)
		if (report_slice(report, component, column, &slice))
			p99[n++] = slice.p99_ns;
	if (n < 3)
		return 0;
	qsort(p99, n, sizeof(*p99), ascending);
	return p99[n / 2];
}

struct peak {
	uint32_t component;
	double ratio;
	uint64_t usual_ns;
	struct report_slice first, worst;
};

/* Where it stood out most, and where that began. */
static struct peak peak_of(const struct report *report, uint32_t component)
{
	struct peak peak = {.component = component, .usual_ns = usual(report, component)};
	struct report_slice slice, first = {0};
	bool out = false;

	if (!peak.usual_ns)
		return peak;
	for (size_t column = 0; column < report->heat.n; column++) {
		double ratio;

		if (!report_slice(report, component, column, &slice))
			continue;
		ratio = (double)slice.p99_ns / (double)peak.usual_ns;
		if (ratio >= STANDS_OUT && !out)
			first = slice;
		out = ratio >= STANDS_OUT;
		if (out && ratio > peak.ratio) {
			peak.ratio = ratio;
			peak.worst = slice;
			peak.first = first;
		}
	}
	return peak;
}

static bool any_call(const struct snapshot *snapshot)
{
	for (uint32_t i = 0; i < snapshot->n_components; i++)
		if (snapshot->components[i].total.count)
			return true;
	return false;
}

/* Then it is the component that took most time whose slowest calls are explained. */
static int tell_evenly(struct report *report)
{
	const struct snapshot *snapshot = report->snapshot;
	double most = 0;
	uint32_t whose = 0;
	int err;

	if (!any_call(snapshot))
		return say(report, "No call ended while it was recorded.");
	err = say(report, "No stretch of time stands out as slower than the others.");
	for (uint32_t i = 0; i < snapshot->n_components; i++) {
		const struct stats *total = &snapshot->components[i].total;

		/* Of one without calls it is NAN, which is not more. */
		if (total->avg_ns * (double)total->count > most) {
			most = total->avg_ns * (double)total->count;
			whose = i;
		}
	}
	return err ? err : most > 0 ? tell_why(report, whose) : 0;
}

static int tell_peak(struct report *report)
{
	struct peak best = {0};
	char name[NAME_SIZE], began[WORD_SIZE], at[WORD_SIZE], p99[WORD_SIZE], most[WORD_SIZE];
	int err;

	for (uint32_t i = 0; i < report->snapshot->n_components; i++) {
		struct peak peak = peak_of(report, i);

		if (peak.ratio > best.ratio)
			best = peak;
	}
	if (best.ratio < STANDS_OUT)
		return tell_evenly(report);
	err = say(report, "%s was slowest at %s: p99 %s, where %s is usual; that began at %s.",
		  word_component(report->snapshot, best.component, name),
		  word_clock(report->snapshot, best.worst.begin_ns, at),
		  word_duration((double)best.worst.p99_ns, p99), word_duration((double)best.usual_ns, most),
		  word_clock(report->snapshot, best.first.begin_ns, began));
	return err ?: tell_why(report, best.component);
}

/* ---- the whole ---------------------------------------------------------------------------------- */

static int tell_alerts(struct report *report)
{
	char count[WORD_SIZE], at[WORD_SIZE], name[NAME_SIZE];
	const struct alert *first = report->alerts;

	if (!report->n_alerts)
		return 0;
	return say(report, "%s: the first at %s, %s of %s.",
		   word_count(report->n_alerts, "announcement", count),
		   word_clock(report->snapshot, first->time_ns, at), objective_info(first->kind)->violation,
		   word_component(report->snapshot, first->component, name));
}

/* Of one that is bounded, or that a flight recorder kept: "since when" may lie before it. */
static int tell_beginning(struct report *report)
{
	int64_t traced = reader_number(report->reader, FACT_START_NS, 0);
	uint64_t recorded = reader_options(report->reader).start_ns;
	char word[WORD_SIZE];

	if (traced <= 0 || recorded <= (uint64_t)traced)
		return 0;
	return say(report, "Tracing had begun %s before the recording does: what was then is not in it.",
		   word_duration((double)(recorded - (uint64_t)traced), word));
}

static int tell_state(struct report *report)
{
	const struct report_head *head = &report->head;
	char count[WORD_SIZE];
	int err = tell_beginning(report);

	if (!head->complete && !err)
		err = say(report, "The recording was not ended in peace: it is told as far as it goes.");
	if (head->damage && !err)
		err = say(report,
			  "The file is damaged: %s could not be read, and what stood there is missing.",
			  word_count(head->damage, "place", count));
	if (head->lost && !err)
		err = say(report, "%s found no room on the way into the recording, and %s missing.",
			  word_count(head->lost, "record", count), head->lost == 1 ? "is" : "are");
	if (report->n_alerts != report->n_recorded_alerts && !err)
		err = say(report, "%zu alerts come of what can be read, where %zu were announced.",
			  report->n_alerts, report->n_recorded_alerts);
	return err;
}

int report_tell(struct report *report)
{
	int broken, err = 0;

	if (!report->heat.n)
		err = say(report, "Nothing that was measured can be read.");
	broken = err ? err : tell_broken(report);
	if (broken < 0)
		return broken;
	if (!broken && report->heat.n)
		err = say(report, report->has_config ? "What was promised was not seen to be broken."
						     : "Nothing was promised of what was measured.");
	if (!broken && report->heat.n)
		err = err ?: tell_peak(report);
	err = err ?: tell_alerts(report);
	return err ?: tell_state(report);
}
