// SPDX-License-Identifier: GPL-2.0-or-later
/* JSON, one object a line. */
#include <errno.h>
#include <stdlib.h>

#include "output/compose.h"
#include "output/json_parts.h"
#include "output/output.h"
#include "output/words.h"

/* The object of @table with its head, stamped with the monotonic @time_ns, piece by piece: of thousands of
 * components it is megabytes of text, and would be more than ten times that as one tree. 0 or -ENOMEM. */
static int add_line(FILE *out, const struct json_table *table, const struct json_source *source,
		    uint64_t time_ns)
{
	int err;

	fprintf(out, "{\"v\":1,\"type\":\"%s\",\"time\":", table->name);
	json_print_time(out, source->from[FROM_SNAPSHOT], time_ns);
	err = json_print_fields(out, table, source);
	fputs("}\n", out);
	return err;
}

/* A part of a line is worse than none. */
static void forget(struct compose *compose)
{
	free(compose_take(compose));
}

static int line(const struct output_options *options, const struct json_table *table,
		const struct json_source *source, uint64_t time_ns)
{
	struct compose compose;
	int err = compose_open(&compose);

	if (err)
		return err;
	err = add_line(compose.file, table, source, time_ns);
	if (!err)
		return compose_write(&compose, options->stream);
	forget(&compose);
	return err;
}

static int interval(const struct output_options *options, const struct snapshot *snapshot)
{
	struct compose compose;
	int err = compose_open(&compose);

	if (err)
		return err;
	for (uint32_t i = 0; i < snapshot->n_components && !err; i++) {
		struct json_source source = json_source_component(snapshot, i);

		source.from[FROM_STATS] = &snapshot->components[i].interval;
		err = add_line(compose.file, &json_window, &source, snapshot->system.now_ns);
	}
	if (!err)
		return compose_write(&compose, options->stream);
	forget(&compose);
	return err;
}

static int span(const struct output_options *options, const struct snapshot *snapshot,
		const struct lapse_span *span, const struct output_stack *stack)
{
	struct json_source source = json_source_component(snapshot, span->component);

	source.from[FROM_SPAN] = span;
	source.from[FROM_STACK] = stack;
	return line(options, &json_span, &source, span_end_ns(span));
}

static int violation(const struct output_options *options, const struct snapshot *snapshot,
		     const struct violation *violation)
{
	struct json_source source = json_source_component(snapshot, violation->component);

	source.from[FROM_VIOLATION] = violation;
	return line(options, &json_violation, &source, violation->time_ns);
}

static struct json_source alert_source(const struct snapshot *snapshot, const struct alert *alert)
{
	struct json_source source = json_source_component(snapshot, alert->component);

	source.from[FROM_ALERT] = alert;
	return source;
}

static int alert(const struct output_options *options, const struct snapshot *snapshot,
		 const struct alert *alert)
{
	struct json_source source = alert_source(snapshot, alert);

	return line(options, &json_alert, &source, alert->time_ns);
}

char *output_alert_json(const struct snapshot *snapshot, const struct alert *alert)
{
	struct json_source source = alert_source(snapshot, alert);
	struct compose compose;

	if (compose_open(&compose))
		return NULL;
	if (!add_line(compose.file, &json_alert, &source, alert->time_ns))
		return compose_take(&compose);
	forget(&compose);
	return NULL;
}

static int health(const struct output_options *options, const struct snapshot *snapshot)
{
	struct json_source source = {.from = {[FROM_SNAPSHOT] = snapshot}};

	return line(options, &json_health, &source, snapshot->system.now_ns);
}

static int final(const struct output_options *options, const struct snapshot *snapshot)
{
	struct json_source source = {.from = {[FROM_SNAPSHOT] = snapshot}};

	return line(options, &json_final, &source, snapshot->system.now_ns);
}

int output_report_row(const struct output_options *options, const struct snapshot *snapshot,
		      enum report_row kind, const void *row, uint64_t time_ns)
{
	struct json_source source = {.from = {[FROM_SNAPSHOT] = snapshot, [FROM_REPORT] = row}};

	return line(options, json_report_tables[kind], &source, time_ns);
}

const struct output output_json = {
	.name = "json",
	.interval = interval,
	.span = span,
	.violation = violation,
	.alert = alert,
	.health = health,
	.final = final,
};
