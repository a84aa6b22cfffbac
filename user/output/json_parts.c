// SPDX-License-Identifier: GPL-2.0-or-later
#include "output/json_parts.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "output/words.h"

/* Records of a component that the snapshot does not know still have an object to read from. */
static const struct component_snapshot nobody = {.name = "?"};

struct json_source json_source_component(const struct snapshot *snapshot, uint32_t component)
{
	const struct component_snapshot *found =
		component <= snapshot->n_components ? &snapshot->components[component] : &nobody;
	struct json_source source = {0};

	source.from[FROM_SNAPSHOT] = snapshot;
	source.from[FROM_COMPONENT] = found;
	source.from[FROM_STATS] = &found->total;
	return source;
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

/* ---- labels ------------------------------------------------------------------------------ */

static json_t *label_object(const struct label_set *set)
{
	json_t *object = json_object();

	for (size_t i = 0; object && i < set->n; i++) {
		if (set_by_name(object, set->list[i].name, json_text(set->list[i].value))) {
			json_decref(object);
			return NULL;
		}
	}
	return object;
}

json_t *json_get_labels(const struct json_source *source)
{
	const struct component_snapshot *component = source->from[FROM_COMPONENT];

	return label_object(&component->labels);
}

json_t *json_get_annotations(const struct json_source *source)
{
	const struct component_snapshot *component = source->from[FROM_COMPONENT];

	return label_object(&component->annotations);
}

/* ---- captured values --------------------------------------------------------------------- */

static json_t *number_if(bool known, int64_t value)
{
	return known ? json_integer(value) : json_null();
}

static json_t *value_figures(const struct value_stats *value)
{
	return json_pack("{s:o,s:o,s:o,s:o}", "last", number_if(value->count, value->last), "min",
			 number_if(value->has_extremes, value->min), "mean",
			 isnan(value->mean) ? json_null() : json_real(value->mean), "max",
			 number_if(value->has_extremes, value->max));
}

json_t *json_get_values(const struct json_source *source)
{
	const struct stats *stats = source->from[FROM_STATS];
	json_t *values = json_object();

	for (size_t i = 0; values && i < stats->n_values; i++) {
		if (set_by_name(values, stats->values[i].name, value_figures(&stats->values[i]))) {
			json_decref(values);
			return NULL;
		}
	}
	return values;
}

json_t *json_get_span_values(const struct json_source *source)
{
	const struct component_snapshot *component = source->from[FROM_COMPONENT];
	const struct lapse_span *span = source->from[FROM_SPAN];
	json_t *values = json_object();

	for (size_t i = 0; values && i < LAPSE_VALUES; i++) {
		if (!(span->values & 1U << i) || !component->value_name[i])
			continue;
		if (set_by_name(values, component->value_name[i], json_integer(span->value[i]))) {
			json_decref(values);
			return NULL;
		}
	}
	return values;
}

/* ---- contracts ------------------------------------------------------------------------------ */

json_t *json_get_objective_value(const struct json_source *source)
{
	const struct objective_state *state = source->from[FROM_OBJECTIVE];
	const char *value = objective_value(&state->objective);

	return value ? json_text(value) : json_null();
}

/* Where a contract has one objective a captured value, the key names the value too. */
static const char *contract_key(const struct objective *objective, char *buffer, size_t size)
{
	const struct objective_kind_info *info = objective_info(objective->kind);

	snprintf(buffer, size, info->names_value ? "%s.%s" : "%s", info->key, objective->value);
	return buffer;
}

static json_t *contract_of(const struct component_snapshot *component, const struct json_source *source)
{
	json_t *contract = json_object();
	char key[64];

	for (size_t i = 0; contract && i < component->n_objectives; i++) {
		const struct objective_state *state = &component->objectives[i];
		struct json_source one = *source;

		one.from[FROM_OBJECTIVE] = state;
		if (set_by_name(contract, contract_key(&state->objective, key, sizeof(key)),
				json_object_of(&json_objective, &one))) {
			json_decref(contract);
			return NULL;
		}
	}
	return contract;
}

json_t *json_get_objective_key(const struct json_source *source)
{
	const struct objective_state *state = source->from[FROM_OBJECTIVE];
	char key[64];

	return json_text(contract_key(&state->objective, key, sizeof(key)));
}

json_t *json_get_withdrawn(const struct json_source *source)
{
	const struct component_snapshot *component = source->from[FROM_COMPONENT];
	json_t *list = json_array();

	for (size_t i = 0; list && i < component->n_withdrawn; i++) {
		struct json_source one = *source;

		one.from[FROM_OBJECTIVE] = &component->withdrawn[i];
		if (json_array_append_new(list, json_object_of(&json_withdrawn, &one))) {
			json_decref(list);
			return NULL;
		}
	}
	return list;
}

json_t *json_get_contract(const struct json_source *source)
{
	return contract_of(source->from[FROM_COMPONENT], source);
}

json_t *json_get_system_contract(const struct json_source *source)
{
	const struct snapshot *snapshot = source->from[FROM_SNAPSHOT];

	return contract_of(&snapshot->components[snapshot->n_components], source);
}

/* ---- histograms ------------------------------------------------------------------------------- */

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

/* ---- the lists of final ------------------------------------------------------------------------- */

static int print_component(FILE *out, const struct snapshot *snapshot, uint32_t i)
{
	struct json_source source = json_source_component(snapshot, i);
	int err = json_print(out, json_text(snapshot->components[i].name));

	putc(':', out);
	return err ? err : json_print(out, json_object_of(&json_component, &source));
}

int json_print_components(FILE *out, const struct json_source *source)
{
	const struct snapshot *snapshot = source->from[FROM_SNAPSHOT];
	const char *before = "{";
	int err = 0;

	for (uint32_t i = 0; i < snapshot->n_components && !err; i++) {
		if (snapshot->components[i].unused)
			continue;
		fputs(before, out);
		err = print_component(out, snapshot, i);
		before = ",";
	}
	fputs(*before == '{' ? "{}" : "}", out);
	return err;
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

json_t *json_get_handlers(const struct json_source *source)
{
	const struct snapshot *snapshot = source->from[FROM_SNAPSHOT];
	json_t *handlers = json_array();

	for (size_t i = 0; handlers && i < snapshot->n_handlers; i++) {
		struct json_source one = {.from = {[FROM_HANDLER] = &snapshot->handlers[i]}};

		if (json_array_append_new(handlers, json_object_of(&json_handler, &one))) {
			json_decref(handlers);
			return NULL;
		}
	}
	return handlers;
}

/* ---- spans ------------------------------------------------------------------------------------------ */

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

static bool has_not_ended(const struct lapse_span *span)
{
	return span->flags & LAPSE_SPAN_ENDLESS;
}

json_t *json_get_span_open(const struct json_source *source)
{
	return json_boolean(has_not_ended(span_of(source)));
}

/* An open span has no outcome yet, and others may have none that can be told. */
json_t *json_get_span_ok(const struct json_source *source)
{
	const struct component_snapshot *component = source->from[FROM_COMPONENT];
	uint32_t flags = span_of(source)->flags;

	if (has_not_ended(span_of(source)) || !component->total.has_errors)
		return json_null();
	return json_boolean(!(flags & LAPSE_SPAN_ERROR));
}

json_t *json_get_span_ret(const struct json_source *source)
{
	const struct lapse_span *span = span_of(source);

	return number_if(span->flags & LAPSE_SPAN_RET, (int64_t)span->ret);
}
