// SPDX-License-Identifier: GPL-2.0-or-later
/* What JSON says of why spans were slow. */
#include <stdio.h>
#include <string.h>

#include "output/json_parts.h"
#include "output/output.h"
#include "output/words.h"

static const char *const keys[LAPSE_CAUSES + 1] = {"runq_ns",  "throttled_ns", "lock_ns",  "disk_ns",
						   "net_ns",   "handoff_ns",   "poll_ns",  "sleep_ns",
						   "fault_ns", "other_ns",     "on_cpu_ns"};

json_t *json_get_cause(const struct json_source *source)
{
	uint64_t ns[LAPSE_CAUSES + 1];
	json_t *cause;

	if (!span_causes(source->from[FROM_SPAN], ns))
		return json_null();
	cause = json_object();
	for (int i = LAPSE_CAUSES; i >= 0 && cause; i--)
		json_object_set_new(cause, keys[i], json_integer((json_int_t)ns[i]));
	return cause;
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

static json_t *stack_of(const struct output_stack *stack)
{
	json_t *frames = json_array();

	for (size_t i = 0; stack && frames && i < stack->n; i++)
		json_array_append_new(frames, json_text(stack->frames[i]));
	return frames;
}

json_t *json_get_longest_wait(const struct json_source *source)
{
	const struct lapse_why *why = span_why(source->from[FROM_SPAN]);
	char address[ADDRESS_SIZE];

	if (!why || !why->longest.duration_ns)
		return json_null();
	return json_pack("{s:s,s:I,s:o,s:o,s:o}", "cause", cause_names[why->longest.cause], "duration_ns",
			 (json_int_t)why->longest.duration_ns, "peer",
			 why->longest.peer.port ? json_string(word_address(&why->longest.peer, address))
						: json_null(),
			 "stack", stack_of(source->from[FROM_STACK]), "waker",
			 waker_of(source->from[FROM_SNAPSHOT], &why->longest.waker));
}

json_t *json_schema_longest_wait(void)
{
	return json_pack(
		"{s:[s,s],s:{s:{s:s},s:{s:s},s:{s:[s,s]},s:{s:s,s:{s:s}},s:{s:[s,s]}},s:[s,s,s,s,s]}", "type",
		"object", "null", "properties", "cause", "type", "string", "duration_ns", "type", "integer",
		"peer", "type", "string", "null", "stack", "type", "array", "items", "type", "string",
		"waker", "type", "object", "null", "required", "cause", "duration_ns", "peer", "stack",
		"waker");
}

json_t *json_get_causes(const struct json_source *source)
{
	const struct component_snapshot *component = source->from[FROM_COMPONENT];
	json_t *list;

	if (!component->n_bands)
		return json_null();
	list = json_array();
	for (size_t i = 0; i < component->n_bands && list; i++) {
		const struct cause_band *band = &component->bands[i];
		json_t *parts = json_object();

		for (int cause = LAPSE_CAUSES; cause >= 0; cause--)
			json_object_set_new(parts, cause_names[cause], json_real(band->part[cause]));
		json_array_append_new(list, json_pack("{s:f,s:I,s:f,s:o}", "slowest", band->share, "count",
						      (json_int_t)band->count, "mean_ns", band->mean_ns,
						      "parts", parts));
	}
	return list;
}

json_t *json_schema_causes(void)
{
	return json_pack("{s:[s,s],s:{s:s,s:{s:{s:s},s:{s:s},s:{s:s},s:{s:s,s:{s:s}}},s:[s,s,s,s]}}", "type",
			 "array", "null", "items", "type", "object", "properties", "slowest", "type",
			 "number", "count", "type", "integer", "mean_ns", "type", "number", "parts", "type",
			 "object", "additionalProperties", "type", "number", "required", "slowest", "count",
			 "mean_ns", "parts");
}
