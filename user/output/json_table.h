/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The JSON objects as tables: one row a field says its key, its kind, where the value stands and
 * what it means. The writer and the schema both walk these tables, so they cannot drift apart.
 */
#ifndef LAPSE_JSON_TABLE_H
#define LAPSE_JSON_TABLE_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "bpf/event.h"
#include "monitor/snapshot.h"
#include "output/report_rows.h"

/* Non-ASCII is escaped, so that no control sequence of a terminal can be in a line. */
#define JSON_DUMP_FLAGS (JSON_COMPACT | JSON_ENSURE_ASCII | JSON_REAL_PRECISION(15))

/* What the rows read from; a table needs those that its rows name. */
enum json_from {
	FROM_NOTHING,
	FROM_SNAPSHOT,
	FROM_COMPONENT,
	FROM_STATS,
	FROM_SPAN,
	FROM_VIOLATION,
	FROM_ALERT,
	FROM_OBJECTIVE,
	FROM_HISTOGRAM_ROW,
	FROM_TCP,   /* struct lapse_tcp */
	FROM_STACK, /* struct output_stack */
	FROM_HANDLER,
	FROM_RECORDING,
	FROM_REPORT, /* a structure of report_rows.h */
	JSON_FROMS,
};

struct json_source {
	const void *from[JSON_FROMS];
};

enum json_kind {
	JSON_KIND_COUNT,   /* an unsigned integer of any width */
	JSON_KIND_ID,	   /* an unsigned integer; 0 is null */
	JSON_KIND_SIGNED,  /* an integer of 64 bits */
	JSON_KIND_NUMBER,  /* a double; NAN is null */
	JSON_KIND_SECONDS, /* nanoseconds there, seconds in the object */
	JSON_KIND_DIGITS,  /* an unsigned integer as a string of digits */
	JSON_KIND_TIME,	   /* a monotonic time as RFC 3339 */
	JSON_KIND_BOOL,
	JSON_KIND_TEXT,	     /* const char * */
	JSON_KIND_NAME,	     /* an enum as one of .names */
	JSON_KIND_VIOLATION, /* enum objective_kind as the type of its violation */
	JSON_KIND_OBJECTIVE, /* enum objective_kind as the key in a contract */
	JSON_KIND_UNIT,	     /* enum objective_kind as the unit of its figures */
	JSON_KIND_OBJECT,    /* .table, from the same source */
	JSON_KIND_GET,	     /* .get makes it, .schema describes it */
	JSON_KIND_PRINT, /* .print writes it: there may be too much, or it too often, to make it whole first;
			  * json_print_fields() */
};

struct json_table;

struct json_field {
	const char *key;
	enum json_kind kind;
	enum json_from from;
	size_t offset, size;
	size_t known; /* the offset of a bool: where it is false the value is null; 0: always known */
	bool nullable;
	const char *const *names;
	size_t n_names;
	const struct json_table *table;
	json_t *(*get)(const struct json_source *source);
	int (*print)(FILE *out, const struct json_source *source); /* 0 or -errno */
	json_t *(*schema)(void);
	const char *help;
};

struct json_table {
	const char *name; /* the object's type */
	const struct json_field *fields;
	size_t n_fields;
	const char *help;
};

/* The objects of the output, one a line. */
extern const struct json_table json_window, json_span, json_violation, json_alert, json_health, json_final;
/* Those of reports, by enum report_row. */
extern const struct json_table *const json_report_tables[REPORT_ROWS];

/* The object that @table describes, without the head that top-level objects have. NULL: no memory. */
json_t *json_object_of(const struct json_table *table, const struct json_source *source);
/*
 * The same fields, each written to @out as soon as it is made and then forgotten, so that no more of a large
 * object is in memory than its text: `"key":value`, with a comma before each. 0 or -ENOMEM.
 */
int json_print_fields(FILE *out, const struct json_table *table, const struct json_source *source);

/* Writes @value, which may be NULL for want of memory, as all output is written, and releases it. 0 or
 * -ENOMEM. */
int json_print(FILE *out, json_t *value);
/* The same of an object, without its braces. */
int json_print_open(FILE *out, json_t *object);

/* A string of any bytes, as json_text() has it; NULL is null. 0 or -ENOMEM. */
int json_print_text(FILE *out, const char *text);
/* RFC 3339 with nanoseconds, UTC, of a monotonic time. */
void json_print_time(FILE *out, const struct snapshot *snapshot, uint64_t ns);

/* A string for any bytes: what is not UTF-8 is escaped. NULL: no memory. */
json_t *json_text(const char *text);

/* The schema of @table's object; @with_head adds v, type and time. */
json_t *json_table_schema(const struct json_table *table, bool with_head);

#endif
