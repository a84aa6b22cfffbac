// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A recording that is bounded: the oldest ticks go, with all that belongs to them. Where even the newest one
 * is too large alone, its calls are not written one by one any more: common ones beyond half of the file,
 * others beyond three quarters. Its figures, which have all of them, always are.
 */
#include "capture/writer_parts.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Beside the file stands its log, which is as large as a few ticks; and the index, at the end, needs room. */
#define OF_MAX(bytes) ((bytes) - (bytes) / 8)
/* Too large a file loses so much at once: to look for what to take away costs, too. */
#define PART_AT_ONCE  16
/* Rows between two looks: a part of the file's smallest bound that is no matter, and a look costs some of
 * them.
 */
#define LOOK_EVERY    128

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
static void drop_interned(struct writer *w, int64_t seq, int64_t now)
{
	static const char *const names[INTERN_TABLES] = {"thread", "address", "stack"};
	char sql[128];

	if (seq < w->renewed_seq)
		return;
	for (int table = 0; table < INTERN_TABLES; table++) {
		snprintf(sql, sizeof(sql), "DELETE FROM %s WHERE id < %lld", names[table],
			 (long long)w->intern.oldest[table]);
		writer_execute(w, sql);
	}
	intern_renew(&w->intern);
	w->renewed_seq = now;
}

/* The @n oldest ticks; @now is what was written last. */
static void drop(struct writer *w, size_t n, int64_t now)
{
	int64_t seq;

	if (!n)
		return;
	seq = w->ticks[n - 1].seq;
	memmove(w->ticks, w->ticks + n, (w->n_ticks - n) * sizeof(*w->ticks));
	w->n_ticks -= n;
	w->figures.ticks -= n;
	w->figures.dropped_ticks += n;
	drop_upto(w, seq);
	drop_interned(w, seq, now);
}

static size_t count_old(const struct writer *w, uint64_t now_ns)
{
	size_t n = 0;

	/* The newest one stays. */
	while (w->max_time_ns && n + 1 < w->n_ticks && now_ns - w->ticks[n].now_ns > w->max_time_ns)
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

/* As long as the file is too large and has more than @least ticks. */
static void make_room(struct writer *w, size_t least, int64_t now)
{
	if (!w->max_bytes)
		return;
	w->used_bytes = used_bytes(w);
	while (w->n_ticks > least && !w->failure && w->used_bytes > OF_MAX(w->max_bytes)) {
		size_t n = 1 + w->n_ticks / PART_AT_ONCE;

		drop(w, n < w->n_ticks - least ? n : w->n_ticks - least, now);
		w->used_bytes = used_bytes(w);
	}
}

void writer_trim(struct writer *writer, int64_t seq, uint64_t now_ns)
{
	if (!writer->max_bytes && !writer->max_time_ns)
		return;
	if (!remember(writer, seq, now_ns)) {
		writer_check(writer, SQLITE_NOMEM);
		return;
	}
	drop(writer, count_old(writer, now_ns), seq);
	make_room(writer, 1, seq);
	writer->own_bytes = 0;
	writer->until_look = 0;
}

static void look(struct writer *w, int64_t seq)
{
	uint64_t used = used_bytes(w);

	w->own_bytes += used > w->used_bytes ? used - w->used_bytes : 0;
	make_room(w, 0, seq);
	w->until_look = LOOK_EVERY;
}

bool writer_has_room(struct writer *writer, int64_t seq, bool rare)
{
	uint64_t most = OF_MAX(writer->max_bytes);

	if (!writer->max_bytes)
		return true;
	if (!writer->until_look--)
		look(writer, seq);
	return writer->own_bytes <= (rare ? most / 4 * 3 : most / 2);
}
