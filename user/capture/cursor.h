/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Goes through a table in the order of its key, and around what is damaged. */
#ifndef LAPSE_CAPTURE_CURSOR_H
#define LAPSE_CAPTURE_CURSOR_H

#include "capture/sql.h"

struct cursor {
	sqlite3_stmt *statement;
	int64_t key; /* of the row that it stands on, the first column; INT64_MAX: at the end */
	size_t same; /* rows with that key so far */
	size_t damage;
	char *why; /* the first that went wrong; NULL: nothing did */
};

/* False: the table cannot be read at all (.why), or no memory. */
bool cursor_open(struct cursor *cursor, sqlite3 *db, const struct schema_row *row);
void cursor_close(struct cursor *cursor);
void cursor_rewind(struct cursor *cursor);
void cursor_next(struct cursor *cursor);
/* To the first row whose key is not less. True: it has that key. */
bool cursor_seek(struct cursor *cursor, int64_t key);

/* Its row, behind the key. */
static inline struct sql_row cursor_row(const struct cursor *cursor)
{
	return (struct sql_row){.statement = cursor->statement, .column = 1};
}

#endif
