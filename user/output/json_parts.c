// SPDX-License-Identifier: GPL-2.0-or-later
#include "output/json_parts.h"

#include <string.h>

#include "base/text.h"
#include "output/words.h"

/* Records of a component that the snapshot does not know still have an object to read from. */
static const struct component_snapshot nobody = {.name = "?"};

struct json_source json_source_component(const struct snapshot *snapshot, uint32_t component)
{
	const struct component_snapshot *found =
		component < snapshot->n_components ? &snapshot->components[component] : &nobody;
	struct json_source source = {0};

	source.from[FROM_SNAPSHOT] = snapshot;
	source.from[FROM_COMPONENT] = found;
	source.from[FROM_STATS] = &found->total;
	return source;
}

json_t *json_get_null(const struct json_source *source)
{
	(void)source;
	return json_null();
}

json_t *json_get_zero(const struct json_source *source)
{
	(void)source;
	return json_integer(0);
}

json_t *json_get_values(const struct json_source *source)
{
	(void)source;
	return json_object();
}

json_t *json_get_contract(const struct json_source *source)
{
	const struct component_snapshot *component = source->from[FROM_COMPONENT];
	json_t *contract = json_object();

	for (size_t i = 0; contract && i < component->n_objectives; i++) {
		struct json_source one = *source;

		one.from[FROM_OBJECTIVE] = &component->objectives[i];
		if (json_object_set_new(contract,
					objective_info(component->objectives[i].objective.kind)->key,
					json_object_of(&json_objective, &one))) {
			json_decref(contract);
			return NULL;
		}
	}
	return contract;
}

/* The overflow bucket has none. */
static json_t *upper_bound(uint64_t high_ns)
{
	return high_ns > INT64_MAX ? json_null() : json_integer((json_int_t)high_ns);
}

json_t *json_get_histogram(const struct json_source *source)
{
	const struct component_snapshot *component = source->from[FROM_COMPONENT];
	json_t *rows = json_array();

	for (size_t i = 0; rows && i < component->n_histogram; i++) {
		const struct histogram_row *row = &component->histogram[i];
		json_t *triple = json_pack("[I,o,I]", (json_int_t)row->low_ns, upper_bound(row->high_ns),
					   (json_int_t)row->count);

		if (json_array_append_new(rows, triple)) {
			json_decref(rows);
			return NULL;
		}
	}
	return rows;
}

/* Keys need valid UTF-8 as much as values do. */
static int set_by_name(json_t *object, const char *name, json_t *value)
{
	json_t *key = json_text(name);
	int err;

	if (!key) {
		json_decref(value);
		return -1;
	}
	err = json_object_set_new(object, json_string_value(key), value);
	json_decref(key);
	return err;
}

json_t *json_get_components(const struct json_source *source)
{
	const struct snapshot *snapshot = source->from[FROM_SNAPSHOT];
	json_t *components = json_object();

	for (uint32_t i = 0; components && i < snapshot->n_components; i++) {
		struct json_source one = json_source_component(snapshot, i);

		if (set_by_name(components, snapshot->components[i].name,
				json_object_of(&json_component, &one))) {
			json_decref(components);
			return NULL;
		}
	}
	return components;
}

json_t *json_get_alerts(const struct json_source *source)
{
	const struct snapshot *snapshot = source->from[FROM_SNAPSHOT];
	json_t *alerts = json_array();

	for (size_t i = 0; alerts && i < snapshot->n_firing; i++) {
		struct json_source one = json_source_component(snapshot, snapshot->firing[i].component);

		one.from[FROM_ALERT] = &snapshot->firing[i];
		if (json_array_append_new(alerts, json_object_of(&json_alert, &one))) {
			json_decref(alerts);
			return NULL;
		}
	}
	return alerts;
}

static const struct lapse_span *span_of(const struct json_source *source)
{
	return source->from[FROM_SPAN];
}

json_t *json_get_span_comm(const struct json_source *source)
{
	char comm[LAPSE_COMM_LEN + 1] = {0};

	memcpy(comm, span_of(source)->comm, LAPSE_COMM_LEN);
	return json_text(comm);
}

json_t *json_get_span_open(const struct json_source *source)
{
	return json_boolean(span_of(source)->flags & LAPSE_SPAN_OPEN);
}

/* An open span has no outcome yet. */
json_t *json_get_span_ok(const struct json_source *source)
{
	uint32_t flags = span_of(source)->flags;

	return flags & LAPSE_SPAN_OPEN ? json_null() : json_boolean(!(flags & LAPSE_SPAN_ERROR));
}

json_t *json_get_span_ret(const struct json_source *source)
{
	const struct lapse_span *span = span_of(source);

	return span->flags & LAPSE_SPAN_OPEN ? json_null() : json_integer((json_int_t)span->ret);
}
