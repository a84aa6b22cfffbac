/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The tables of a recording, as the manual (lapse-capture.5) has them. Whatever has a seq stands in the one
 * numbered sequence of what entered the monitor and what left it; figures that only grow are kept as what
 * each tick added, so that the oldest ticks can be taken away.
 */
#ifndef LAPSE_CAPTURE_SCHEMA_H
#define LAPSE_CAPTURE_SCHEMA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SCHEMA_VERSION	   2	      /* since 2 a histogram may end with its extremes */
#define SCHEMA_APPLICATION 0x6c617073 /* "laps" */

struct schema_table {
	const char *name;
	const char *sql; /* as it is made, and as it must be found */
	const char *key; /* the column by which it is in order; NULL: it is read as a whole */
	int by_tick;	 /* the key is a tick's seq, else a span's or its own */
	int interned;	 /* rows that others refer to by id */
};
extern const struct schema_table schema_tables[];
extern const size_t schema_n_tables;

/* For people alone: views, and indexes that are made at the end. */
extern const char schema_views[];
extern const char schema_indexes[];

/* A figure of 64 bits that only grows, and its column. */
struct schema_field {
	const char *column;
	size_t offset;
};
#define SCHEMA_FIELDS_MOST 24
struct schema_fields {
	const struct schema_field *fields;
	size_t n;
};
extern const struct schema_fields schema_figures;  /* of struct tick_component */
extern const struct schema_fields schema_self;	   /* struct tick_self */
extern const struct schema_fields schema_tcp;	   /* struct tick_tcp */
extern const struct schema_fields schema_connects; /* struct tick_connects */
extern const struct schema_fields schema_value;	   /* struct tick_value */

/* The rows that are written and read one by one: columns, of which the first is the key. */
enum schema_row_kind {
	ROW_FACT,
	ROW_CONTRACT,
	ROW_COMPONENT,
	ROW_PROCESS,
	ROW_SPAN,
	ROW_OPEN,
	ROW_WHY,
	ROW_WAIT,
	ROW_RIVAL,
	ROW_TCP,
	ROW_HUNG,
	ROW_TICK,
	ROW_FIGURES,
	ROW_VALUE,
	ROW_CONNECTIONS,
	ROW_CONNECTS,
	ROW_VIOLATION,
	ROW_ALERT,
	SCHEMA_ROWS,
};
struct schema_row {
	const char *table;
	const char *lead; /* columns before those of .fields */
	const struct schema_fields *fields;
	const char *tail; /* and behind */
	bool again;	  /* what every recording has to have may be put twice */
};
extern const struct schema_row schema_rows[SCHEMA_ROWS];

/* "SELECT ... FROM table REST" and "INSERT INTO table(...) VALUES(?...)", to be freed; NULL: no memory. */
char *schema_select(const struct schema_row *row, const char *rest);
char *schema_insert(const struct schema_row *row);

/* What stands as text in the tables. */
extern const char *const schema_severities[3];
extern const char *const schema_alert_events[3];

#endif
