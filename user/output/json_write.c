// SPDX-License-Identifier: GPL-2.0-or-later
/* From a table and a source to an object. */
#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/text.h"
#include "base/units.h"
#include "output/json_table.h"

json_t *json_text(const char *text)
{
	json_t *value = json_string(text);
	size_t size;
	char *safe;

	if (value)
		return value;
	size = strlen(text) * 4 + 1; /* every byte as \xNN */
	safe = malloc(size);
	if (!safe)
		return NULL;
	value = json_string(text_escape(text, safe, size));
	free(safe);
	return value;
}

json_t *json_time(const struct snapshot *snapshot, uint64_t ns)
{
	int64_t wall = snapshot->epoch_ns + (int64_t)ns;
	time_t seconds = wall / (int64_t)NSEC_PER_SEC;
	char text[64];
	struct tm tm = {0};
	size_t length;

	gmtime_r(&seconds, &tm);
	length = strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%S", &tm);
	snprintf(text + length, sizeof(text) - length, ".%09dZ", (int)(wall % (int64_t)NSEC_PER_SEC));
	return json_string(text);
}

static uint64_t read_unsigned(const void *at, size_t size)
{
	uint64_t u64;
	uint32_t u32;
	uint16_t u16;

	switch (size) {
	case sizeof(u64):
		memcpy(&u64, at, sizeof(u64));
		return u64;
	case sizeof(u32):
		memcpy(&u32, at, sizeof(u32));
		return u32;
	default:
		memcpy(&u16, at, sizeof(u16));
		return u16;
	}
}

static json_t *number(double value)
{
	return isfinite(value) ? json_real(value) : json_null();
}

static json_t *digits(uint64_t value)
{
	char text[24];

	snprintf(text, sizeof(text), "%" PRIu64, value);
	return json_string(text);
}

static json_t *text_at(const void *at)
{
	const char *text;

	memcpy(&text, at, sizeof(text));
	return text ? json_text(text) : json_null();
}

static const char *unit_of(enum objective_kind kind)
{
	switch (objective_info(kind)->quantity) {
	case QUANTITY_DURATION:
		return "ns";
	case QUANTITY_RATE:
		return "fraction";
	case QUANTITY_THROUGHPUT:
		return "per_second";
	case QUANTITY_SIZE:
		return "bytes";
	case QUANTITY_BURN:
		return "burn_rate";
	case QUANTITY_COUNT:
		break;
	}
	return "count";
}

static json_t *named(const struct json_field *field, const void *at)
{
	uint64_t i = read_unsigned(at, field->size);

	return i < field->n_names && field->names[i] ? json_string(field->names[i]) : json_null();
}

static json_t *number_at(const void *at)
{
	double value;

	memcpy(&value, at, sizeof(value));
	return number(value);
}

static bool is_known(const struct json_field *field, const char *base)
{
	return !field->known || *(const bool *)(base + field->known);
}

static json_t *value_at(const struct json_field *field, const struct json_source *source, const void *at)
{
	switch (field->kind) {
	case JSON_KIND_COUNT:
	case JSON_KIND_SIGNED:
		return json_integer((json_int_t)read_unsigned(at, field->size));
	case JSON_KIND_NUMBER:
		return number_at(at);
	case JSON_KIND_ID:
		return read_unsigned(at, field->size)
			       ? json_integer((json_int_t)read_unsigned(at, field->size))
			       : json_null();
	case JSON_KIND_SECONDS:
		return json_real((double)read_unsigned(at, field->size) / 1e9);
	case JSON_KIND_DIGITS:
		return digits(read_unsigned(at, field->size));
	case JSON_KIND_TIME:
		return json_time(source->from[FROM_SNAPSHOT], read_unsigned(at, field->size));
	case JSON_KIND_BOOL:
		return json_boolean(*(const bool *)at);
	case JSON_KIND_TEXT:
		return text_at(at);
	case JSON_KIND_NAME:
		return named(field, at);
	case JSON_KIND_VIOLATION:
		return json_string(objective_info((enum objective_kind)read_unsigned(at, 4))->violation);
	case JSON_KIND_OBJECTIVE:
		return json_string(objective_info((enum objective_kind)read_unsigned(at, 4))->key);
	case JSON_KIND_UNIT:
		return json_string(unit_of((enum objective_kind)read_unsigned(at, 4)));
	case JSON_KIND_OBJECT:
		return json_object_of(field->table, source);
	case JSON_KIND_GET:
		return field->get(source);
	case JSON_KIND_PRINT:
		break; /* never becomes a value */
	}
	return NULL;
}

/* NULL: no memory. */
static json_t *value_of(const struct json_field *field, const struct json_source *source)
{
	const char *base = source->from[field->from];

	if (field->known && !is_known(field, base))
		return json_null();
	return value_at(field, source, base ? base + field->offset : NULL);
}

/* The keys are of the tables, whose characters need no check. */
int json_add_fields(json_t *object, const struct json_table *table, const struct json_source *source)
{
	for (size_t i = 0; i < table->n_fields; i++) {
		const struct json_field *field = &table->fields[i];

		if (json_object_set_new_nocheck(object, field->key, value_of(field, source)))
			return -ENOMEM;
	}
	return 0;
}

int json_print(FILE *out, json_t *value)
{
	int err = value ? json_dumpf(value, out, JSON_DUMP_FLAGS | JSON_ENCODE_ANY) : -1;

	json_decref(value);
	return err ? -ENOMEM : 0;
}

int json_print_fields(FILE *out, const struct json_table *table, const struct json_source *source)
{
	int err = 0;

	for (size_t i = 0; i < table->n_fields && !err; i++) {
		const struct json_field *field = &table->fields[i];

		fprintf(out, ",\"%s\":", field->key);
		err = field->kind == JSON_KIND_PRINT ? field->print(out, source)
						     : json_print(out, value_of(field, source));
	}
	return err;
}

json_t *json_object_of(const struct json_table *table, const struct json_source *source)
{
	json_t *object = json_object();

	if (object && json_add_fields(object, table, source)) {
		json_decref(object);
		return NULL;
	}
	return object;
}
