// SPDX-License-Identifier: GPL-2.0-or-later
#include "capture/cursor.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* No table has more rows with one key: in a file that means harm, rows could go round in circles. */
#define SAME_MOST (1U << 20)

/* Behind a damaged page there may be good ones: the next key that is tried is so far away at first. */
#define FIRST_STEP 64
#define LAST_STEP  (1LL << 48) /* no recording is so long */

static void note(struct cursor *cursor, const char *why)
{
	cursor->damage++;
	if (!cursor->why)
		cursor->why = strdup(why);
}

static void end(struct cursor *cursor)
{
	cursor->key = INT64_MAX;
}

static void start_behind(struct cursor *cursor, int64_t key)
{
	sqlite3_reset(cursor->statement);
	sqlite3_bind_int64(cursor->statement, 1, key);
}

/* Whether the row that has come stands where it may. */
static bool in_order(struct cursor *cursor, int64_t key)
{
	if (key == cursor->key && ++cursor->same < SAME_MOST)
		return true;
	if (key <= cursor->key)
		return false;
	cursor->same = 0;
	cursor->key = key;
	return true;
}

static void pass_over(struct cursor *cursor)
{
	int64_t step = FIRST_STEP;
	int code;

	note(cursor, sqlite3_errmsg(sqlite3_db_handle(cursor->statement)));
	do {
		if (step > LAST_STEP || cursor->key > INT64_MAX - step) {
			end(cursor);
			return;
		}
		start_behind(cursor, cursor->key + step);
		code = sqlite3_step(cursor->statement);
		step *= 2;
	} while (code != SQLITE_ROW && code != SQLITE_DONE);
	if (code == SQLITE_DONE || !in_order(cursor, sqlite3_column_int64(cursor->statement, 0)))
		end(cursor);
}

void cursor_next(struct cursor *cursor)
{
	int code;

	if (!cursor->statement || cursor->key == INT64_MAX)
		return;
	code = sqlite3_step(cursor->statement);
	if (code == SQLITE_ROW) {
		if (in_order(cursor, sqlite3_column_int64(cursor->statement, 0)))
			return;
		note(cursor, "rows out of order");
		end(cursor);
	} else if (code == SQLITE_DONE) {
		end(cursor);
	} else {
		pass_over(cursor);
	}
}

void cursor_rewind(struct cursor *cursor)
{
	if (!cursor->statement)
		return;
	start_behind(cursor, -1);
	cursor->key = -1;
	cursor->same = 0;
	cursor_next(cursor);
}

bool cursor_seek(struct cursor *cursor, int64_t key)
{
	while (cursor->key < key)
		cursor_next(cursor);
	return cursor->key == key && key != INT64_MAX;
}

bool cursor_open(struct cursor *cursor, sqlite3 *db, const struct schema_row *row)
{
	char rest[64], *sql;
	int key = (int)strcspn(row->lead, ",");

	*cursor = (struct cursor){.key = INT64_MAX};
	snprintf(rest, sizeof(rest), "WHERE %.*s > ? ORDER BY %.*s", key, row->lead, key, row->lead);
	sql = schema_select(row, rest);
	if (sql && sqlite3_prepare_v2(db, sql, -1, &cursor->statement, NULL))
		note(cursor, sqlite3_errmsg(db));
	free(sql);
	if (cursor->statement)
		cursor_rewind(cursor);
	return cursor->statement;
}

void cursor_close(struct cursor *cursor)
{
	sqlite3_finalize(cursor->statement);
	free(cursor->why);
	*cursor = (struct cursor){.key = INT64_MAX};
}
