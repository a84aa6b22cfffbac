// SPDX-License-Identifier: GPL-2.0-or-later
/* The tables as a JSON Schema, draft 2020-12. */
#include <errno.h>

#include "output/compose.h"
#include "output/json_parts.h"
#include "output/output.h"

#define TIME_PATTERN "^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\\.[0-9]{9}Z$"

json_t *json_schema_text(void)
{
	return json_pack("{s:s}", "type", "string");
}

json_t *json_schema_text_or_null(void)
{
	return json_pack("{s:[s,s]}", "type", "string", "null");
}

json_t *json_schema_bool(void)
{
	return json_pack("{s:s}", "type", "boolean");
}

json_t *json_schema_bool_or_null(void)
{
	return json_pack("{s:[s,s]}", "type", "boolean", "null");
}

static json_t *count_schema(void)
{
	return json_pack("{s:s,s:i}", "type", "integer", "minimum", 0);
}

json_t *json_schema_integer_or_null(void)
{
	return json_pack("{s:[s,s]}", "type", "integer", "null");
}

static json_t *number_or_null(void)
{
	return json_pack("{s:[s,s]}", "type", "number", "null");
}

json_t *json_schema_values(void)
{
	static const char *const keys[] = {"last", "min", "mean", "max"};
	json_t *one = json_pack("{s:s,s:{},s:[]}", "type", "object", "properties", "required");

	for (size_t i = 0; one && i < sizeof(keys) / sizeof(*keys); i++) {
		json_object_set_new(json_object_get(one, "properties"), keys[i], number_or_null());
		json_array_append_new(json_object_get(one, "required"), json_string(keys[i]));
	}
	return json_pack("{s:s,s:o}", "type", "object", "additionalProperties", one);
}

json_t *json_schema_span_values(void)
{
	return json_pack("{s:s,s:{s:s}}", "type", "object", "additionalProperties", "type", "integer");
}

json_t *json_schema_labels(void)
{
	return json_pack("{s:s,s:{s:s}}", "type", "object", "additionalProperties", "type", "string");
}

static json_t *map_of(const struct json_table *table)
{
	return json_pack("{s:s,s:o}", "type", "object", "additionalProperties",
			 json_table_schema(table, false));
}

json_t *json_schema_contract(void)
{
	return map_of(&json_objective);
}

json_t *json_schema_withdrawn(void)
{
	return json_pack("{s:s,s:o}", "type", "array", "items", json_table_schema(&json_withdrawn, false));
}

json_t *json_schema_components(void)
{
	return map_of(&json_component);
}

json_t *json_schema_alerts(void)
{
	return json_pack("{s:s,s:o}", "type", "array", "items", json_table_schema(&json_alert, false));
}

json_t *json_schema_handlers(void)
{
	return json_pack("{s:s,s:o}", "type", "array", "items", json_table_schema(&json_handler, false));
}

json_t *json_schema_histogram(void)
{
	return json_pack("{s:s,s:{s:s,s:o,s:i,s:i}}", "type", "array", "items", "type", "array", "items",
			 json_schema_integer_or_null(), "minItems", 3, "maxItems", 3);
}

static json_t *names_schema(const char *const *names, size_t n)
{
	json_t *list = json_array();

	for (size_t i = 0; i < n; i++)
		json_array_append_new(list, names[i] ? json_string(names[i]) : json_null());
	return json_pack("{s:o}", "enum", list);
}

static json_t *pattern(const char *text)
{
	return json_pack("{s:s,s:s}", "type", "string", "pattern", text);
}

static json_t *kind_schema(const struct json_field *field)
{
	switch (field->kind) {
	case JSON_KIND_COUNT:
		return count_schema();
	case JSON_KIND_ID:
		return json_pack("{s:s,s:i}", "type", "integer", "minimum", 1);
	case JSON_KIND_SIGNED:
		return json_pack("{s:s}", "type", "integer");
	case JSON_KIND_NUMBER:
	case JSON_KIND_SECONDS:
		return json_pack("{s:s}", "type", "number");
	case JSON_KIND_DIGITS:
		return pattern("^[0-9]+$");
	case JSON_KIND_TIME:
		return pattern(TIME_PATTERN);
	case JSON_KIND_BOOL:
		return json_schema_bool();
	case JSON_KIND_TEXT:
	case JSON_KIND_VIOLATION:
	case JSON_KIND_OBJECTIVE:
	case JSON_KIND_UNIT:
		return json_schema_text();
	case JSON_KIND_NAME:
		return names_schema(field->names, field->n_names);
	case JSON_KIND_OBJECT:
		return json_table_schema(field->table, false);
	case JSON_KIND_GET:
	case JSON_KIND_PRINT:
		return field->schema();
	}
	return NULL;
}

static json_t *field_schema(const struct json_field *field)
{
	json_t *schema = kind_schema(field);

	/* Names say themselves whether null is among them. */
	if (field->nullable && field->kind != JSON_KIND_NAME)
		json_object_set_new(schema, "type",
				    json_pack("[O,s]", json_object_get(schema, "type"), "null"));
	if (field->help)
		json_object_set_new(schema, "description", json_string(field->help));
	return schema;
}

static void require(json_t *schema, const char *key, json_t *property)
{
	json_object_set_new(json_object_get(schema, "properties"), key, property);
	json_array_append_new(json_object_get(schema, "required"), json_string(key));
}

static void head(json_t *schema, const char *type)
{
	require(schema, "v", json_pack("{s:i}", "const", 1));
	require(schema, "type", json_pack("{s:s}", "const", type));
	require(schema, "time", pattern(TIME_PATTERN));
}

json_t *json_table_schema(const struct json_table *table, bool with_head)
{
	json_t *schema = json_pack("{s:s,s:s,s:s,s:{},s:[]}", "title", table->name, "description",
				   table->help, "type", "object", "properties", "required");

	if (with_head)
		head(schema, table->name);
	for (size_t i = 0; i < table->n_fields; i++)
		require(schema, table->fields[i].key, field_schema(&table->fields[i]));
	return schema;
}

static json_t *other_field(const struct output_field *field)
{
	static const char *const types[] = {
		[OUTPUT_TEXT] = "string", [OUTPUT_COUNT] = "integer", [OUTPUT_BOOL] = "boolean"};
	json_t *schema = field->nullable ? json_pack("{s:[s,s]}", "type", types[field->kind], "null")
					 : json_pack("{s:s}", "type", types[field->kind]);

	if (field->kind == OUTPUT_COUNT)
		json_object_set_new(schema, "minimum", json_integer(0));
	json_object_set_new(schema, "description", json_string(field->help));
	return schema;
}

static json_t *other_schema(const struct output_object *object)
{
	json_t *schema = json_pack("{s:s,s:s,s:s,s:{},s:[]}", "title", object->type, "description",
				   object->help, "type", "object", "properties", "required");

	head(schema, object->type);
	for (size_t i = 0; i < object->n_fields; i++)
		require(schema, object->fields[i].key, other_field(&object->fields[i]));
	return schema;
}

int output_json_schema(FILE *stream, const struct output_object *others, size_t n_others)
{
	static const struct json_table *const tables[] = {&json_window, &json_span,   &json_violation,
							  &json_alert,	&json_health, &json_final};
	json_t *schema =
		json_pack("{s:s,s:s,s:[]}", "$schema", "https://json-schema.org/draft/2020-12/schema",
			  "title", "a line of lapse --json", "oneOf");
	struct compose compose;
	int err = compose_open(&compose);

	for (size_t i = 0; i < sizeof(tables) / sizeof(*tables); i++)
		json_array_append_new(json_object_get(schema, "oneOf"), json_table_schema(tables[i], true));
	for (size_t i = 0; i < REPORT_ROWS; i++)
		json_array_append_new(json_object_get(schema, "oneOf"),
				      json_table_schema(json_report_tables[i], true));
	for (size_t i = 0; i < n_others; i++)
		json_array_append_new(json_object_get(schema, "oneOf"), other_schema(&others[i]));
	if (!err) {
		if (json_dumpf(schema, compose.file, JSON_INDENT(2)))
			err = -ENOMEM;
		fputc('\n', compose.file);
		err = compose_write(&compose, stream) ?: err;
	}
	json_decref(schema);
	return err;
}
