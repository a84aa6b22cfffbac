/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Rows in and out of SQLite, column after column. */
#ifndef LAPSE_CAPTURE_SQL_H
#define LAPSE_CAPTURE_SQL_H

#include <sqlite3.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "capture/bytes.h"
#include "capture/schema.h"

/* A row that is being bound, or read; columns come in order. */
struct sql_row {
	sqlite3_stmt *statement;
	int column;
};

static inline struct sql_row sql_row(sqlite3_stmt *statement)
{
	return (struct sql_row){.statement = statement};
}

void sql_put(struct sql_row *row, int64_t value);
/* NULL instead of a zero: it is not there, or there are none. */
void sql_put_some(struct sql_row *row, int64_t value);
/* NAN is NULL. */
void sql_put_real(struct sql_row *row, double value);
/* NULL is NULL; copied by the time the row is inserted. */
void sql_put_text(struct sql_row *row, const char *text);
void sql_put_chars(struct sql_row *row, const char *text, size_t most);
void sql_put_blob(struct sql_row *row, const struct bytes_out *blob);
void sql_put_null(struct sql_row *row);
/* What each of @fields of @now has more than @before. */
void sql_put_growth(struct sql_row *row, const struct schema_fields *fields, const void *before,
		    const void *now);
/* Inserts it; SQLITE_OK, or what SQLite says. */
int sql_insert(struct sql_row *row);

int64_t sql_take(struct sql_row *row);
double sql_take_real(struct sql_row *row);
/* Valid until the next row; NULL: none. */
const char *sql_take_text(struct sql_row *row);
/* Into a field of so many characters, whose rest is zeroes. */
void sql_take_chars(struct sql_row *row, char *to, size_t most);
struct bytes_in sql_take_blob(struct sql_row *row);
bool sql_is_null(struct sql_row *row);
/* Adds to the fields of @to. */
void sql_take_growth(struct sql_row *row, const struct schema_fields *fields, void *to);

#endif
