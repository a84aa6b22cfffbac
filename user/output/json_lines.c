// SPDX-License-Identifier: GPL-2.0-or-later
/* JSON, one object a line. */
#include <errno.h>
#include <stdlib.h>

#include "output/compose.h"
#include "output/json_parts.h"
#include "output/output.h"
#include "output/words.h"

/* The object of @table with its head, stamped with the monotonic @time_ns. NULL: no memory. */
static json_t *whole(const struct json_table *table, const struct json_source *source, uint64_t time_ns)
{
	json_t *object = json_pack("{s:i,s:s,s:o}", "v", 1, "type", table->name, "time",
				   json_time(source->from[FROM_SNAPSHOT], time_ns));

	if (object && json_add_fields(object, table, source)) {
		json_decref(object);
		return NULL;
	}
	return object;
}

static char *text_of(const struct json_table *table, const struct json_source *source, uint64_t time_ns)
{
	json_t *object = whole(table, source, time_ns);
	char *text = object ? json_dumps(object, JSON_DUMP_FLAGS) : NULL;

	json_decref(object);
	return text;
}

static int add_line(FILE *out, const struct json_table *table, const struct json_source *source,
		    uint64_t time_ns)
{
	char *text = text_of(table, source, time_ns);

	if (!text)
		return -ENOMEM;
	fprintf(out, "%s\n", text);
	free(text);
	return 0;
}

static int line(const struct output_options *options, const struct json_table *table,
		const struct json_source *source, uint64_t time_ns)
{
	struct compose compose;
	int err = compose_open(&compose), composed;

	if (err)
		return err;
	composed = add_line(compose.file, table, source, time_ns);
	err = compose_write(&compose, options->stream);
	return composed ? composed : err;
}

static int interval(const struct output_options *options, const struct snapshot *snapshot)
{
	struct compose compose;
	int err = compose_open(&compose), composed = 0;

	if (err)
		return err;
	for (uint32_t i = 0; i < snapshot->n_components && !composed; i++) {
		struct json_source source = json_source_component(snapshot, i);

		source.from[FROM_STATS] = &snapshot->components[i].interval;
		composed = add_line(compose.file, &json_window, &source, snapshot->system.now_ns);
	}
	err = compose_write(&compose, options->stream);
	return composed ? composed : err;
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

	return text_of(&json_alert, &source, alert->time_ns);
}

static int health(const struct output_options *options, const struct snapshot *snapshot)
{
	struct json_source source = {.from = {[FROM_SNAPSHOT] = snapshot}};

	return line(options, &json_health, &source, snapshot->system.now_ns);
}

/* The same line as add_line()'s, piece by piece. */
static int print_line(FILE *out, const struct json_table *table, const struct json_source *source,
		      uint64_t time_ns)
{
	int err;

	fprintf(out, "{\"v\":1,\"type\":\"%s\",\"time\":", table->name);
	err = json_print(out, json_time(source->from[FROM_SNAPSHOT], time_ns));
	if (!err)
		err = json_print_fields(out, table, source);
	fputs("}\n", out);
	return err;
}

/* Of thousands of components it is megabytes of text, and would be more than ten times that as one tree. */
static int final(const struct output_options *options, const struct snapshot *snapshot)
{
	struct json_source source = {.from = {[FROM_SNAPSHOT] = snapshot}};
	struct compose compose;
	int err = compose_open(&compose);

	if (err)
		return err;
	err = print_line(compose.file, &json_final, &source, snapshot->system.now_ns);
	if (!err)
		return compose_write(&compose, options->stream);
	free(compose_take(&compose)); /* a part of a line is worse than none */
	return err;
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
