// SPDX-License-Identifier: GPL-2.0-or-later
/* A recording that is bounded: the oldest ticks go, with all that belongs to them. */
#include "capture/writer_parts.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Beside the file stands its log, which is as large as a few ticks; and the index, at the end, needs room. */
#define OF_MAX(bytes) ((bytes) - (bytes) / 8)
/* Too large a file loses so much at once: to look for what to take away costs, too. */
#define PART_AT_ONCE  16

static uint64_t used_bytes(struct writer *w)
{
	static const char *const pragmas[] = {"PRAGMA page_count", "PRAGMA freelist_count",
					      "PRAGMA page_size"};
	uint64_t value[3] = {0};

	for (int i = 0; i < 3; i++) {
		sqlite3_stmt *statement = NULL;

		if (!sqlite3_prepare_v2(w->db, pragmas[i], -1, &statement, NULL) &&
		    sqlite3_step(statement) == SQLITE_ROW)
			value[i] = (uint64_t)sqlite3_column_int64(statement, 0);
		sqlite3_finalize(statement);
	}
	return (value[0] - value[1]) * value[2];
}

static void drop_upto(struct writer *w, int64_t seq)
{
	char sql[128];

	for (size_t i = 0; i < schema_n_tables; i++) {
		if (!schema_tables[i].key)
			continue;
		snprintf(sql, sizeof(sql), "DELETE FROM %s WHERE %s <= %lld", schema_tables[i].name,
			 schema_tables[i].key, (long long)seq);
		writer_execute(w, sql);
		if (!strcmp(schema_tables[i].name, schema_rows[ROW_SPAN].table) && !w->failure)
			w->figures.spans -= (uint64_t)sqlite3_changes(w->db);
	}
}

/* Threads, addresses and stacks that only what has been taken away could refer to. */
static void drop_interned(struct writer *w, int64_t seq)
{
	static const char *const names[INTERN_TABLES] = {"thread", "address", "stack"};
	char sql[128];

	if (w->n_ticks && seq < w->renewed_seq)
		return;
	for (int table = 0; table < INTERN_TABLES; table++) {
		snprintf(sql, sizeof(sql), "DELETE FROM %s WHERE id < %lld", names[table],
			 (long long)w->intern.oldest[table]);
		writer_execute(w, sql);
	}
	intern_renew(&w->intern);
	w->renewed_seq = w->n_ticks ? w->ticks[w->n_ticks - 1].seq : seq;
}

/* The @n oldest ticks; the newest one stays. */
static void drop(struct writer *w, size_t n)
{
	int64_t seq;

	if (n >= w->n_ticks)
		n = w->n_ticks ? w->n_ticks - 1 : 0;
	if (!n)
		return;
	seq = w->ticks[n - 1].seq;
	memmove(w->ticks, w->ticks + n, (w->n_ticks - n) * sizeof(*w->ticks));
	w->n_ticks -= n;
	w->figures.ticks -= n;
	w->figures.dropped_ticks += n;
	drop_upto(w, seq);
	drop_interned(w, seq);
}

static size_t count_old(const struct writer *w, uint64_t now_ns)
{
	size_t n = 0;

	while (w->max_time_ns && n < w->n_ticks && now_ns - w->ticks[n].now_ns > w->max_time_ns)
		n++;
	return n;
}

static bool remember(struct writer *w, int64_t seq, uint64_t now_ns)
{
	if (w->n_ticks == w->ticks_room) {
		size_t room = w->ticks_room ? 2 * w->ticks_room : 256;
		struct written_tick *grown = realloc(w->ticks, room * sizeof(*grown));

		if (!grown)
			return false;
		w->ticks = grown;
		w->ticks_room = room;
	}
	w->ticks[w->n_ticks++] = (struct written_tick){seq, now_ns};
	return true;
}

void writer_trim(struct writer *writer, int64_t seq, uint64_t now_ns)
{
	if (!writer->max_bytes && !writer->max_time_ns)
		return;
	if (!remember(writer, seq, now_ns)) {
		writer_check(writer, SQLITE_NOMEM);
		return;
	}
	drop(writer, count_old(writer, now_ns));
	while (writer->max_bytes && writer->n_ticks > 1 && !writer->failure &&
	       used_bytes(writer) > OF_MAX(writer->max_bytes))
		drop(writer, 1 + writer->n_ticks / PART_AT_ONCE);
}
