// SPDX-License-Identifier: GPL-2.0-or-later
/* Text, one line an event: spans, violations, alerts, health. */
#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "base/text.h"
#include "base/units.h"
#include "output/compose.h"
#include "output/text_parts.h"
#include "output/why_words.h"

/* Three causes, mostly. */
#define CAUSE_WIDTH 40

/* Mostly a request's two figures. */
#define CONNECTION_WIDTH 26

/* All text goes to one terminal, so there is one list of spans. */
static struct {
	bool header_done;
	bool values, connections, causes; /* has these columns */
} spans;

static int begin(const struct output_options *options, const struct snapshot *snapshot)
{
	(void)options;
	(void)snapshot;
	spans.header_done = spans.values = spans.connections = false;
	text_table_reset();
	text_tcp_reset();
	return 0;
}

static int interval(const struct output_options *options, const struct snapshot *snapshot)
{
	return options->tcp ? text_tcp_interval(options, snapshot) : text_table_interval(options, snapshot);
}

/* A kernel's comm need not end with a zero byte. */
static const char *comm_word(const char comm[LAPSE_COMM_LEN], char buffer[NAME_SIZE])
{
	char whole[LAPSE_COMM_LEN + 1] = {0};

	memcpy(whole, comm, LAPSE_COMM_LEN);
	return *whole ? text_escape(whole, buffer, NAME_SIZE) : "-";
}

/* Functions that return int leave the register's upper half zero: a small negative one is meant. */
static int64_t error_value(uint64_t ret)
{
	int32_t low = (int32_t)ret;

	return ret >> 32 == 0 && low < 0 && low >= -4095 ? low : (int64_t)ret;
}

static const char *result_word(const struct lapse_span *span, char word[WORD_SIZE])
{
	if (span->flags & LAPSE_SPAN_OPEN)
		return "open";
	if (span->flags & LAPSE_SPAN_TIMED_OUT)
		return "gave up";
	if (span->flags & LAPSE_SPAN_RESTARTED)
		return "restart";
	if (!(span->flags & LAPSE_SPAN_ERROR))
		return "ok";
	if (!(span->flags & LAPSE_SPAN_RET))
		return "err";
	snprintf(word, WORD_SIZE, "err %" PRId64, error_value(span->ret));
	return word;
}

/* "batch_size=7,depth=2", what was captured with the span. */
static const char *captured(const struct snapshot *snapshot, const struct lapse_span *span,
			    char values[NAME_SIZE])
{
	const struct component_snapshot *component = &snapshot->components[span->component];
	char number[WORD_SIZE];

	*values = '\0';
	for (size_t i = 0; span->component < snapshot->n_components && i < LAPSE_VALUES; i++) {
		if (!(span->values & 1U << i) || !component->value_name[i])
			continue;
		snprintf(number, sizeof(number), "%" PRId64, (int64_t)span->value[i]);
		word_captured(component->value_name[i], number, values);
	}
	return *values ? values : "-";
}

static bool names_values(const struct component_snapshot *component)
{
	for (int v = 0; v < LAPSE_VALUES; v++)
		if (component->value_name[v])
			return true;
	return false;
}

static bool wants_values(const struct snapshot *snapshot)
{
	for (size_t i = 0; i < snapshot->n_components; i++)
		if (names_values(&snapshot->components[i]))
			return true;
	return false;
}

/* Programs with markers may name a value at any time: the column begins with the first that has one. */
static bool has_values(const struct snapshot *snapshot, const struct lapse_span *span)
{
	return span->values || (span->component < snapshot->n_components &&
				names_values(&snapshot->components[span->component]));
}

static bool wants_connections(const struct snapshot *snapshot)
{
	for (size_t i = 0; i < snapshot->n_components; i++)
		if (snapshot->components[i].tcp)
			return true;
	return false;
}

static void span_header(FILE *out, enum time_unit unit)
{
	fprintf(out, "%-12s %-15s %-8s %-8s %10s  %-8s ", "TIME", "COMM", "PID", "TID",
		unit == UNIT_US ? "LAT(us)" : "LAT(ms)", "RESULT");
	if (spans.causes)
		fprintf(out, "%-*s ", CAUSE_WIDTH, "CAUSE");
	if (spans.values)
		fprintf(out, "%-*s ", VALUES_WIDTH, "VALUES");
	if (spans.connections)
		fprintf(out, "%-*s ", CONNECTION_WIDTH, "CONNECTION");
	fputs("FUNC\n", out);
	spans.header_done = true;
}

static const char *thread_word(uint32_t tid, char word[WORD_SIZE])
{
	snprintf(word, WORD_SIZE, "%u", tid);
	return tid ? word : "-";
}

static void span_row(FILE *out, enum time_unit unit, const struct snapshot *snapshot,
		     const struct lapse_span *span, const struct output_stack *stack)
{
	char clock[WORD_SIZE], latency[WORD_SIZE], result[WORD_SIZE], thread[WORD_SIZE];
	char comm[NAME_SIZE], name[NAME_SIZE], words[NAME_SIZE];

	fprintf(out, "%-12s %-15s %-8u %-8s %10s  %-8s ", word_clock(snapshot, span_end_ns(span), clock),
		comm_word(span->comm, comm), span->pid, thread_word(span->tid, thread),
		span->flags & LAPSE_SPAN_UNTIMED ? "-" : word_in_unit(span->duration_ns, unit, latency),
		result_word(span, result));
	if (spans.causes)
		fprintf(out, "%-*s ", CAUSE_WIDTH, text_causes(unit, span, words));
	if (spans.values)
		fprintf(out, "%-*s ", VALUES_WIDTH, captured(snapshot, span, words));
	word_component(snapshot, span->component, name);
	if (spans.connections)
		fprintf(out, "%-*s ", CONNECTION_WIDTH, text_tcp_span(unit, span, name, words));
	fprintf(out, "%s\n", name);
	text_longest_wait(out, snapshot, span, stack);
}

static int span(const struct output_options *options, const struct snapshot *snapshot,
		const struct lapse_span *span, const struct output_stack *stack)
{
	enum time_unit unit = options->unit == UNIT_US ? UNIT_US : UNIT_MS;
	struct compose compose;
	int err = compose_open(&compose);

	if (err)
		return err;
	if (!spans.header_done || (!spans.values && has_values(snapshot, span))) {
		spans.values = has_values(snapshot, span) || wants_values(snapshot);
		spans.connections = wants_connections(snapshot);
		spans.causes = options->why;
		span_header(compose.file, unit);
	}
	span_row(compose.file, unit, snapshot, span, stack);
	return compose_write(&compose, options->stream);
}

/* "71.2 ms > 30.0 ms"; a warning on approach is no breach yet. */
static void comparison(FILE *out, enum objective_kind kind, double measured, double limit, bool approach)
{
	char left[WORD_SIZE], right[WORD_SIZE];

	fprintf(out, "%s %s %s", word_quantity(kind, measured, left),
		approach		      ? "nears"
		: objective_info(kind)->upper ? ">"
					      : "<",
		word_quantity(kind, limit, right));
}

static void offender(FILE *out, const char comm[LAPSE_COMM_LEN], uint32_t pid, uint32_t tid, bool open)
{
	char name[NAME_SIZE];

	if (open)
		fputs(", still open", out);
	if (tid)
		fprintf(out, ", by %s/%u", comm_word(comm, name), tid);
	else if (pid)
		fprintf(out, ", by a goroutine of %u", pid);
}

/* Where the violation's type does not say which objective it was. */
static bool must_say_which(enum objective_kind kind)
{
	return !objective_info(kind)->per_span || objective_info(kind)->names_value;
}

static void subject(FILE *out, const struct snapshot *snapshot, uint32_t component, enum objective_kind kind,
		    const char *value)
{
	char name[NAME_SIZE], which[NAME_SIZE];

	fprintf(out, " %s %s", objective_info(kind)->violation, word_component(snapshot, component, name));
	if (must_say_which(kind))
		fprintf(out, " %s", word_objective(kind, value, which));
	fputs(": ", out);
}

/* In one phrase. */
static void explanation(FILE *out, const struct snapshot *snapshot, const struct explanation *why)
{
	char words[NAME_SIZE];

	if (*word_explanation(snapshot, why, words))
		fprintf(out, ": %s", words);
}

static int violation(const struct output_options *options, const struct snapshot *snapshot,
		     const struct violation *v)
{
	char clock[WORD_SIZE];
	struct compose compose;
	int err = compose_open(&compose);

	if (err)
		return err;
	fprintf(compose.file, "%s VIOLATION %s%s%s", word_clock(snapshot, v->time_ns, clock),
		word_color(options, v->severity), output_severity_name(v->severity), word_plain(options));
	subject(compose.file, snapshot, v->component, v->kind, v->value);
	comparison(compose.file, v->kind, v->measured, v->limit, false);
	offender(compose.file, v->comm, v->pid, v->tid, v->open);
	if (v->why)
		explanation(compose.file, snapshot, v->why);
	fputc('\n', compose.file);
	return compose_write(&compose, options->stream);
}

static void held_back(FILE *out, uint64_t count)
{
	if (count)
		fprintf(out, ", %" PRIu64 " held back", count);
}

static void resolution(FILE *out, const struct alert *alert)
{
	char word[WORD_SIZE];

	fprintf(out, "after %s", word_duration((double)(alert->time_ns - alert->since_ns), word));
	fprintf(out, ", %s", word_count(alert->violations, "violation", word));
	held_back(out, alert->held_back);
}

static void announcement(FILE *out, const struct snapshot *snapshot, const struct alert *alert)
{
	char word[WORD_SIZE];

	comparison(out, alert->kind, alert->measured, alert->limit, alert->approach);
	if (alert->window_ns)
		fprintf(out, " over %s", word_duration((double)alert->window_ns, word));
	held_back(out, alert->held_back);
	offender(out, alert->comm, alert->pid, alert->tid, alert->open);
	explanation(out, snapshot, &alert->why);
}

void text_alert(FILE *out, const struct output_options *options, const struct snapshot *snapshot,
		const struct alert *alert)
{
	fprintf(out, "ALERT %s %s%s%s", alert_event_names[alert->event], word_color(options, alert->severity),
		output_severity_name(alert->severity), word_plain(options));
	subject(out, snapshot, alert->component, alert->kind, alert->value);
	if (alert->event == ALERT_EVENT_RESOLVED)
		resolution(out, alert);
	else
		announcement(out, snapshot, alert);
	fputc('\n', out);
}

char *output_alert_text(const struct snapshot *snapshot, const struct alert *alert)
{
	const struct output_options plain = {.color = false};
	struct compose compose;

	if (compose_open(&compose))
		return NULL;
	text_alert(compose.file, &plain, snapshot, alert);
	return compose_take(&compose);
}

static int alert(const struct output_options *options, const struct snapshot *snapshot, const struct alert *a)
{
	char clock[WORD_SIZE];
	struct compose compose;
	int err = compose_open(&compose);

	if (err)
		return err;
	fprintf(compose.file, "%s ", word_clock(snapshot, a->time_ns, clock));
	text_alert(compose.file, options, snapshot, a);
	return compose_write(&compose, options->stream);
}

static void health_line(FILE *out, const struct snapshot *snapshot)
{
	const struct system_snapshot *system = &snapshot->system;
	char word[WORD_SIZE];

	fprintf(out, "%s HEALTH ", word_clock(snapshot, system->now_ns, word));
	fprintf(out, "observed %s", word_duration((double)system->observed_ns, word));
	fprintf(out, ", %s", word_count(system->requests, "request", word));
	if (system->has_errors)
		fprintf(out, ", errors %s", word_share(system->error_rate, word));
	fprintf(out, ", average %s", word_duration(system->avg_ns, word));
	fprintf(out, ", %s", word_count(system->active_alerts, "active alert", word));
	if (isnan(system->overall))
		fputs(", overall -\n", out);
	else
		fprintf(out, ", overall %.0f (%s)\n", system->overall,
			system->overall > 80 ? "healthy" : "not healthy");
}

static int health(const struct output_options *options, const struct snapshot *snapshot)
{
	struct compose compose;
	int err = compose_open(&compose);

	if (err)
		return err;
	health_line(compose.file, snapshot);
	return compose_write(&compose, options->stream);
}

const struct output output_text = {
	.name = "text",
	.begin = begin,
	.interval = interval,
	.span = span,
	.violation = violation,
	.alert = alert,
	.health = health,
	.final = text_report,
};
