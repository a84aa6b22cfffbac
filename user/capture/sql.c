// SPDX-License-Identifier: GPL-2.0-or-later
#include "capture/sql.h"

#include <math.h>
#include <string.h>

/* ---- in ---------------------------------------------------------------------------------------- */

void sql_put(struct sql_row *row, int64_t value)
{
	sqlite3_bind_int64(row->statement, ++row->column, value);
}

void sql_put_null(struct sql_row *row)
{
	sqlite3_bind_null(row->statement, ++row->column);
}

void sql_put_some(struct sql_row *row, int64_t value)
{
	if (value)
		sql_put(row, value);
	else
		sql_put_null(row);
}

void sql_put_real(struct sql_row *row, double value)
{
	if (isnan(value))
		sql_put_null(row);
	else
		sqlite3_bind_double(row->statement, ++row->column, value);
}

void sql_put_text(struct sql_row *row, const char *text)
{
	sqlite3_bind_text(row->statement, ++row->column, text, -1, SQLITE_STATIC);
}

void sql_put_chars(struct sql_row *row, const char *text, size_t most)
{
	sqlite3_bind_text(row->statement, ++row->column, text, (int)strnlen(text, most), SQLITE_STATIC);
}

void sql_put_blob(struct sql_row *row, const struct bytes_out *blob)
{
	if (blob->n)
		sqlite3_bind_blob64(row->statement, ++row->column, blob->data, blob->n, SQLITE_STATIC);
	else
		sql_put_null(row);
}

static uint64_t number_at(const void *from, size_t offset)
{
	uint64_t value;

	memcpy(&value, (const char *)from + offset, sizeof(value));
	return value;
}

void sql_put_growth(struct sql_row *row, const struct schema_fields *fields, const void *before,
		    const void *now)
{
	for (size_t i = 0; i < fields->n; i++)
		sql_put(row, (int64_t)(number_at(now, fields->fields[i].offset) -
				       number_at(before, fields->fields[i].offset)));
}

int sql_insert(struct sql_row *row)
{
	int code;

	sqlite3_step(row->statement);
	code = sqlite3_reset(row->statement);
	row->column = 0;
	return code;
}

/* ---- out --------------------------------------------------------------------------------------- */

int64_t sql_take(struct sql_row *row)
{
	return sqlite3_column_int64(row->statement, row->column++);
}

bool sql_is_null(struct sql_row *row)
{
	return sqlite3_column_type(row->statement, row->column) == SQLITE_NULL;
}

double sql_take_real(struct sql_row *row)
{
	double value = sql_is_null(row) ? (double)NAN : sqlite3_column_double(row->statement, row->column);

	row->column++;
	return value;
}

const char *sql_take_text(struct sql_row *row)
{
	return (const char *)sqlite3_column_text(row->statement, row->column++);
}

void sql_take_chars(struct sql_row *row, char *to, size_t most)
{
	const char *text = sql_take_text(row);
	size_t n = text ? strnlen(text, most) : 0;

	memset(to, 0, most);
	memcpy(to, text ? text : "", n);
}

struct bytes_in sql_take_blob(struct sql_row *row)
{
	const uint8_t *at = sqlite3_column_blob(row->statement, row->column);
	int n = sqlite3_column_bytes(row->statement, row->column++);

	return (struct bytes_in){.at = at, .end = at ? at + n : NULL};
}

void sql_take_growth(struct sql_row *row, const struct schema_fields *fields, void *to)
{
	for (size_t i = 0; i < fields->n; i++) {
		size_t offset = fields->fields[i].offset;
		uint64_t value = number_at(to, offset) + (uint64_t)sql_take(row);

		memcpy((char *)to + offset, &value, sizeof(value));
	}
}
