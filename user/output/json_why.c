// SPDX-License-Identifier: GPL-2.0-or-later
/* What JSON says of why spans were slow. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "monitor/explain.h"
#include "output/json_parts.h"
#include "output/output.h"
#include "output/why_words.h"

static const char *const keys[LAPSE_CAUSES + 1] = {"runq_ns",  "throttled_ns", "lock_ns",  "disk_ns",
						   "net_ns",   "handoff_ns",   "poll_ns",  "sleep_ns",
						   "fault_ns", "other_ns",     "on_cpu_ns"};

int json_print_cause(FILE *out, const struct json_source *source)
{
	uint64_t ns[LAPSE_CAUSES + 1];

	if (!span_causes(source->from[FROM_SPAN], ns))
		return json_print_text(out, NULL);
	for (int i = LAPSE_CAUSES; i >= 0; i--)
		fprintf(out, "%c\"%s\":%" PRIu64, i == LAPSE_CAUSES ? '{' : ',', keys[i], ns[i]);
	fputc('}', out);
	return 0;
}

json_t *json_schema_cause(void)
{
	json_t *schema = json_pack("{s:[s,s],s:{},s:[]}", "type", "object", "null", "properties", "required");

	for (int i = LAPSE_CAUSES; i >= 0 && schema; i--) {
		json_object_set_new(json_object_get(schema, "properties"), keys[i],
				    json_pack("{s:s,s:i}", "type", "integer", "minimum", 0));
		json_array_append_new(json_object_get(schema, "required"), json_string(keys[i]));
	}
	return schema;
}

static json_t *comm_of(const char comm[LAPSE_COMM_LEN])
{
	char whole[LAPSE_COMM_LEN + 1] = {0};

	memcpy(whole, comm, LAPSE_COMM_LEN);
	return json_text(whole);
}

json_t *json_get_ran_instead(const struct json_source *source)
{
	const struct lapse_why *why = span_why(source->from[FROM_SPAN]);
	json_t *list;

	if (!why)
		return json_null();
	list = json_array();
	for (int i = 0; i < LAPSE_RIVALS && list; i++)
		if (why->rival[i].pid)
			json_array_append_new(list, json_pack("{s:o,s:I,s:I,s:I}", "comm",
							      comm_of(why->rival[i].comm), "pid",
							      (json_int_t)why->rival[i].pid, "cgroup",
							      (json_int_t)why->rival[i].cgroup, "ns",
							      (json_int_t)why->rival[i].ns));
	return list;
}

json_t *json_schema_ran_instead(void)
{
	return json_pack("{s:[s,s],s:{s:s,s:{s:{s:s},s:{s:s},s:{s:s},s:{s:s}},s:[s,s,s,s]}}", "type", "array",
			 "null", "items", "type", "object", "properties", "comm", "type", "string", "pid",
			 "type", "integer", "cgroup", "type", "integer", "ns", "type", "integer", "required",
			 "comm", "pid", "cgroup", "ns");
}

/* Who a thread was is not known of an interrupt, nor where the wake was not seen. */
static json_t *waker_of(const struct snapshot *snapshot, const struct lapse_waker *waker)
{
	bool known = waker->component && waker->component <= snapshot->n_components;

	if (waker->interrupt == LAPSE_INTERRUPT_UNKNOWN)
		return json_null();
	if (waker->interrupt)
		return json_pack("{s:n,s:n,s:n,s:s}", "comm", "tid", "component", "interrupt",
				 interrupt_names[waker->interrupt]);
	return json_pack("{s:o,s:I,s:o,s:n}", "comm", comm_of(waker->comm), "tid", (json_int_t)waker->tid,
			 "component",
			 known ? json_text(snapshot->components[waker->component - 1].name) : json_null(),
			 "interrupt");
}

static int print_texts(FILE *out, const struct output_stack *stack)
{
	int err = 0;

	for (size_t i = 0; i < stack->n && !err; i++) {
		fputs(i ? "," : "", out);
		err = json_print_text(out, stack->frames[i].text);
	}
	return err;
}

static int print_text_if_any(FILE *out, const char *key, const char *text)
{
	fprintf(out, "\"%s\":", key);
	return json_print_text(out, *text ? text : NULL);
}

static int print_frame(FILE *out, const struct output_frame *frame)
{
	int err = print_text_if_any(out, "name", frame->name);

	if (*frame->name)
		fprintf(out, ",\"offset\":%" PRIu64 ",", frame->offset);
	else
		fputs(",\"offset\":null,", out);
	err = err ?: print_text_if_any(out, "file", frame->file);
	fputc(',', out);
	err = err ?: print_text_if_any(out, "build_id", frame->build_id);
	if (frame->address)
		fprintf(out, ",\"address\":\"0x%" PRIx64 "\"", frame->address);
	else
		fputs(",\"address\":null", out);
	return err;
}

/* "stack" and "frames": what a debugger needs to name a frame elsewhere, piece by piece, as many as the stack
 * has texts. */
static int print_stack(FILE *out, const struct output_stack *stack)
{
	int err;

	fputs("\"stack\":[", out);
	err = print_texts(out, stack);
	fputs("],\"frames\":[", out);
	for (size_t i = 0; i < stack->n && !err; i++) {
		fputs(i ? ",{" : "{", out);
		err = print_frame(out, &stack->frames[i]);
		fputc('}', out);
	}
	fputc(']', out);
	return err;
}

static json_t *schema_frames(void)
{
	return json_pack("{s:s,s:{s:s,s:{s:{s:[s,s]},s:{s:[s,s]},s:{s:[s,s]},s:{s:[s,s]},s:{s:[s,s]}},"
			 "s:[s,s,s,s,s]}}",
			 "type", "array", "items", "type", "object", "properties", "name", "type", "string",
			 "null", "offset", "type", "integer", "null", "file", "type", "string", "null",
			 "build_id", "type", "string", "null", "address", "type", "string", "null",
			 "required", "name", "offset", "file", "build_id", "address");
}

/* Of a span in flight the stack is that of where it is now. */
static bool is_present(const struct json_source *source, const struct lapse_why *why)
{
	return !span_now(source->from[FROM_SPAN]) || !why->longest.end_ns;
}

int json_print_longest_wait(FILE *out, const struct json_source *source)
{
	const struct lapse_why *why = span_why(source->from[FROM_SPAN]);
	const struct output_stack *stack = source->from[FROM_STACK], none = {0};
	char address[ADDRESS_SIZE];
	int err;

	if (!why || !why->longest.duration_ns)
		return json_print_text(out, NULL);
	fprintf(out,
		"{\"cause\":\"%s\",\"duration_ns\":%" PRIu64 ",\"peer\":", cause_names[why->longest.cause],
		(uint64_t)why->longest.duration_ns);
	err = json_print_text(out, why->longest.peer.port ? word_address(&why->longest.peer, address) : NULL);
	fputc(',', out);
	err = err ?: print_stack(out, stack && is_present(source, why) ? stack : &none);
	fputs(",\"waker\":", out);
	err = err ?: json_print(out, waker_of(source->from[FROM_SNAPSHOT], &why->longest.waker));
	fputc('}', out);
	return err;
}

static json_t *schema_waker(void)
{
	return json_pack("{s:[s,s],s:{s:{s:[s,s]},s:{s:[s,s]},s:{s:[s,s]},s:{s:[s,s]}},s:[s,s,s,s]}", "type",
			 "object", "null", "properties", "comm", "type", "string", "null", "tid", "type",
			 "integer", "null", "component", "type", "string", "null", "interrupt", "type",
			 "string", "null", "required", "comm", "tid", "component", "interrupt");
}

json_t *json_schema_longest_wait(void)
{
	return json_pack("{s:[s,s],s:{s:{s:s},s:{s:s},s:{s:[s,s]},s:{s:s,s:{s:s}},s:o,s:o},s:[s,s,s,s,s,s]}",
			 "type", "object", "null", "properties", "cause", "type", "string", "duration_ns",
			 "type", "integer", "peer", "type", "string", "null", "stack", "type", "array",
			 "items", "type", "string", "frames", schema_frames(), "waker", schema_waker(),
			 "required", "cause", "duration_ns", "peer", "stack", "frames", "waker");
}

/* ---- many spans ------------------------------------------------------------------------------------ */

static json_t *parts_of(const struct cause_band *band)
{
	json_t *parts = json_object();

	for (int cause = LAPSE_CAUSES; cause >= 0; cause--)
		json_object_set_new(parts, cause_names[cause], json_real(band->part[cause]));
	return parts;
}

static json_t *named_of(const struct snapshot *snapshot, const struct cause_band *band)
{
	static const char *const kinds[] = {"none", "component", "command", "peer"};
	json_t *list = json_array();
	char name[NAME_SIZE];

	for (size_t i = 0; i < band->n_named && list; i++) {
		const struct cause_named *named = &band->named[i];

		json_array_append_new(list,
				      json_pack("{s:s,s:f,s:s,s:o}", "cause", cause_names[named->cause],
						"share", named->share, "by", kinds[named->name.by], "name",
						json_text(word_cause_name(snapshot, &named->name, name))));
	}
	return list;
}

static json_t *band_of(const struct snapshot *snapshot, const struct cause_band *band)
{
	char words[NAME_SIZE];

	if (!band->count)
		return json_null();
	return json_pack("{s:f,s:f,s:I,s:f,s:o,s:o,s:o}", "slowest", band->share, "share", band->held,
			 "count", (json_int_t)band->count, "mean_ns", band->mean_ns, "parts", parts_of(band),
			 "named", named_of(snapshot, band), "text",
			 json_text(word_causes(snapshot, band, words)));
}

json_t *json_get_causes(const struct json_source *source)
{
	const struct component_snapshot *component = source->from[FROM_COMPONENT];
	json_t *list;

	if (!component->n_bands)
		return json_null();
	list = json_array();
	for (size_t i = 0; i < component->n_bands && list; i++)
		json_array_append_new(list, band_of(source->from[FROM_SNAPSHOT], &component->bands[i]));
	return list;
}

static json_t *schema_band(const char *type, const char *or_else)
{
	json_t *named =
		json_pack("{s:s,s:{s:s,s:{s:{s:s},s:{s:s},s:{s:[s,s,s]},s:{s:s}},s:[s,s,s,s]}}", "type",
			  "array", "items", "type", "object", "properties", "cause", "type", "string",
			  "share", "type", "number", "by", "enum", "component", "command", "peer", "name",
			  "type", "string", "required", "cause", "share", "by", "name");

	return json_pack("{s:[s,s],s:{s:{s:s},s:{s:s,s:s},s:{s:s},s:{s:s},s:{s:s,s:{s:s}},s:o,s:{s:s}},s:[s,"
			 "s,s,s,s,s,s]}",
			 "type", type, or_else, "properties", "slowest", "type", "number", "share", "type",
			 "number", "description",
			 "of all spans, as many as it holds: at least the slowest that are meant", "count",
			 "type", "integer", "mean_ns", "type", "number", "parts", "type", "object",
			 "additionalProperties", "type", "number", "named", named, "text", "type", "string",
			 "required", "slowest", "share", "count", "mean_ns", "parts", "named", "text");
}

json_t *json_schema_causes(void)
{
	return json_pack("{s:[s,s],s:o}", "type", "array", "null", "items", schema_band("object", "null"));
}

json_t *json_schema_band(void)
{
	return schema_band("object", "null");
}

/* ---- where a thread is ------------------------------------------------------------------------------- */

static json_t *holder_of(const struct snapshot *snapshot, const struct thread_holder *holder)
{
	const struct component_snapshot *in = holder->component && holder->component <= snapshot->n_components
						      ? &snapshot->components[holder->component - 1]
						      : NULL;

	if (!holder->tid)
		return json_null();
	return json_pack("{s:o,s:I,s:o}", "comm", comm_of(holder->comm), "tid", (json_int_t)holder->tid,
			 "component", in ? json_text(in->name) : json_null());
}

static json_t *now_of(const struct snapshot *snapshot, const struct thread_now *now)
{
	char address[ADDRESS_SIZE];

	if (now->state == THREAD_UNKNOWN)
		return json_null();
	return json_pack("{s:s,s:o,s:o,s:o,s:o,s:o,s:o}", "state", thread_state_names[now->state], "cause",
			 now->state == THREAD_BLOCKED && now->cause < LAPSE_CAUSES
				 ? json_string(cause_names[now->cause])
				 : json_null(),
			 "for_ns", now->for_ns ? json_integer((json_int_t)now->for_ns) : json_null(), "peer",
			 now->peer.port ? json_string(word_address(&now->peer, address)) : json_null(),
			 "peers", now->n_peers ? json_integer((json_int_t)now->n_peers) : json_null(),
			 "place", *now->place ? json_text(now->place) : json_null(), "holder",
			 holder_of(snapshot, &now->holder));
}

json_t *json_schema_now(void)
{
	json_t *holder =
		json_pack("{s:[s,s],s:{s:{s:s},s:{s:s},s:{s:[s,s]}},s:[s,s,s]}", "type", "object", "null",
			  "properties", "comm", "type", "string", "tid", "type", "integer", "component",
			  "type", "string", "null", "required", "comm", "tid", "component");

	return json_pack("{s:[s,s],s:{s:{s:[s,s,s]},s:{s:[s,s]},s:{s:[s,s]},s:{s:[s,s]},s:{s:[s,s]},s:{s:[s,"
			 "s]},s:o,s:{s:s,"
			 "s:{s:s}},s:o},s:[s,s,s,s,s,s,s]}",
			 "type", "object", "null", "properties", "state", "enum", "on-cpu", "runnable",
			 "blocked", "cause", "type", "string", "null", "for_ns", "type", "integer", "null",
			 "peer", "type", "string", "null", "peers", "type", "integer", "null", "place",
			 "type", "string", "null", "holder", holder, "stack", "type", "array", "items",
			 "type", "string", "frames", schema_frames(), "required", "state", "cause", "for_ns",
			 "peer", "peers", "place", "holder");
}

/* With the stack of it. */
int json_print_span_now(FILE *out, const struct json_source *source)
{
	const struct thread_now *now = span_now(source->from[FROM_SPAN]);
	const struct output_stack *stack = source->from[FROM_STACK], none = {0};
	int err;

	if (!now || now->state == THREAD_UNKNOWN)
		return json_print_text(out, NULL);
	fputc('{', out);
	err = json_print_open(out, now_of(source->from[FROM_SNAPSHOT], now));
	fputc(',', out);
	err = err ?: print_stack(out, stack ?: &none);
	fputc('}', out);
	return err;
}

json_t *json_get_violation_cause(const struct json_source *source)
{
	const struct violation *violation = source->from[FROM_VIOLATION];

	return violation->why ? band_of(source->from[FROM_SNAPSHOT], &violation->why->causes) : json_null();
}

json_t *json_get_violation_now(const struct json_source *source)
{
	const struct violation *violation = source->from[FROM_VIOLATION];

	return violation->why ? now_of(source->from[FROM_SNAPSHOT], &violation->why->now) : json_null();
}

json_t *json_get_alert_cause(const struct json_source *source)
{
	const struct alert *alert = source->from[FROM_ALERT];

	return band_of(source->from[FROM_SNAPSHOT], &alert->why.causes);
}

json_t *json_get_alert_now(const struct json_source *source)
{
	const struct alert *alert = source->from[FROM_ALERT];

	return now_of(source->from[FROM_SNAPSHOT], &alert->why.now);
}

json_t *json_get_hung(const struct json_source *source)
{
	const struct component_snapshot *component = source->from[FROM_COMPONENT];
	json_t *list = json_array();

	for (size_t i = 0; i < component->n_hung && list; i++) {
		const struct hung *hung = &component->hung[i];

		json_array_append_new(
			list, json_pack("{s:I,s:o,s:o,s:I,s:o,s:o}", "pid", (json_int_t)hung->pid, "tid",
					hung->tid ? json_integer((json_int_t)hung->tid) : json_null(), "comm",
					comm_of(hung->comm), "age_ns", (json_int_t)hung->age_ns, "cause",
					band_of(source->from[FROM_SNAPSHOT], &hung->why.causes), "now",
					now_of(source->from[FROM_SNAPSHOT], &hung->why.now)));
	}
	return list;
}

json_t *json_schema_hung(void)
{
	return json_pack("{s:s,s:{s:s,s:{s:{s:s},s:{s:[s,s]},s:{s:s},s:{s:s},s:o,s:o},s:[s,s,s,s,s,s]}}",
			 "type", "array", "items", "type", "object", "properties", "pid", "type", "integer",
			 "tid", "type", "integer", "null", "comm", "type", "string", "age_ns", "type",
			 "integer", "cause", schema_band("object", "null"), "now", json_schema_now(),
			 "required", "pid", "tid", "comm", "age_ns", "cause", "now");
}
