// SPDX-License-Identifier: GPL-2.0-or-later
/* From a table and a source to an object, or at once to its text. */
#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdarg.h>
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

#define TIME_SIZE 64

static const char *time_text(const struct snapshot *snapshot, uint64_t ns, char text[TIME_SIZE])
{
	int64_t wall = snapshot->epoch_ns + (int64_t)ns;
	time_t seconds = wall / (int64_t)NSEC_PER_SEC;
	struct tm tm = {0};
	size_t length;

	gmtime_r(&seconds, &tm);
	length = strftime(text, TIME_SIZE, "%Y-%m-%dT%H:%M:%S", &tm);
	snprintf(text + length, TIME_SIZE - length, ".%09dZ", (int)(wall % (int64_t)NSEC_PER_SEC));
	return text;
}

static json_t *json_time(const struct snapshot *snapshot, uint64_t ns)
{
	char text[TIME_SIZE];

	return json_string(time_text(snapshot, ns, text));
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

static const char *text_at(const void *at)
{
	const char *text;

	memcpy(&text, at, sizeof(text));
	return text;
}

static json_t *text_or_null(const char *text)
{
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

static const char *named(const struct json_field *field, const void *at)
{
	uint64_t i = read_unsigned(at, field->size);

	return i < field->n_names ? field->names[i] : NULL;
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
		return text_or_null(text_at(at));
	case JSON_KIND_NAME:
		return text_or_null(named(field, at));
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
static int add_fields(json_t *object, const struct json_table *table, const struct json_source *source)
{
	for (size_t i = 0; i < table->n_fields; i++) {
		const struct json_field *field = &table->fields[i];

		if (json_object_set_new_nocheck(object, field->key, value_of(field, source)))
			return -ENOMEM;
	}
	return 0;
}

json_t *json_object_of(const struct json_table *table, const struct json_source *source)
{
	json_t *object = json_object();

	if (object && add_fields(object, table, source)) {
		json_decref(object);
		return NULL;
	}
	return object;
}

/* ---- text ------------------------------------------------------------------------------------------ */

/* A line on each span of many would take the most of the tracer's time, were it made as a tree first: what
 * most fields are is written at once, and is the same text. */

static void print_or_null(FILE *out, bool known, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	if (known)
		vfprintf(out, format, args);
	else
		fputs("null", out);
	va_end(args);
}

/* Nothing in it has to be escaped. */
static bool is_plain(const char *text)
{
	for (; *text; text++)
		if (*text < ' ' || *text > '~' || *text == '"' || *text == '\\')
			return false;
	return true;
}

int json_print_text(FILE *out, const char *text)
{
	if (text && !is_plain(text))
		return json_print(out, json_text(text));
	print_or_null(out, text, "\"%s\"", text);
	return 0;
}

void json_print_time(FILE *out, const struct snapshot *snapshot, uint64_t ns)
{
	char text[TIME_SIZE];

	fprintf(out, "\"%s\"", time_text(snapshot, ns, text));
}

int json_print(FILE *out, json_t *value)
{
	int err = value ? json_dumpf(value, out, JSON_DUMP_FLAGS | JSON_ENCODE_ANY) : -1;

	json_decref(value);
	return err ? -ENOMEM : 0;
}

int json_print_open(FILE *out, json_t *object)
{
	int err = object ? json_dumpf(object, out, JSON_DUMP_FLAGS | JSON_EMBED) : -1;

	json_decref(object);
	return err ? -ENOMEM : 0;
}

static void print_digits(FILE *out, const void *at, size_t size)
{
	fprintf(out, "\"%" PRIu64 "\"", read_unsigned(at, size));
}

static void print_integer(FILE *out, const void *at, size_t size, bool zero_is_null)
{
	int64_t value = (int64_t)read_unsigned(at, size);

	print_or_null(out, value || !zero_is_null, "%" PRId64, value);
}

static int print_value(FILE *out, const struct json_field *field, const struct json_source *source)
{
	const char *base = source->from[field->from];
	const void *at = base ? base + field->offset : NULL;

	if (field->known && !is_known(field, base))
		return json_print(out, json_null());
	switch (field->kind) {
	case JSON_KIND_COUNT:
	case JSON_KIND_SIGNED:
	case JSON_KIND_ID:
		print_integer(out, at, field->size, field->kind == JSON_KIND_ID);
		return 0;
	case JSON_KIND_DIGITS:
		print_digits(out, at, field->size);
		return 0;
	case JSON_KIND_TIME:
		json_print_time(out, source->from[FROM_SNAPSHOT], read_unsigned(at, field->size));
		return 0;
	case JSON_KIND_TEXT:
		return json_print_text(out, text_at(at));
	case JSON_KIND_NAME:
		return json_print_text(out, named(field, at));
	case JSON_KIND_PRINT:
		return field->print(out, source);
	default:
		return json_print(out, value_at(field, source, at));
	}
}

int json_print_fields(FILE *out, const struct json_table *table, const struct json_source *source)
{
	int err = 0;

	for (size_t i = 0; i < table->n_fields && !err; i++) {
		fprintf(out, ",\"%s\":", table->fields[i].key);
		err = print_value(out, &table->fields[i], source);
	}
	return err;
}
