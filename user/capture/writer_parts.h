/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A writer's insides, shared by its files. */
#ifndef LAPSE_CAPTURE_WRITER_PARTS_H
#define LAPSE_CAPTURE_WRITER_PARTS_H

#include "capture/intern.h"
#include "capture/message.h"
#include "capture/writer.h"

/* A tick that is in the file. */
struct written_tick {
	int64_t seq;
	uint64_t now_ns;
};

struct writer {
	sqlite3 *db;
	int lock; /* held as long as it is written: who reads it can tell */
	sqlite3_stmt *insert[SCHEMA_ROWS];
	struct intern intern;
	struct base base;
	struct bytes_out blob[3];
	bool in_transaction;
	char *failure;
	struct writer_figures figures, committed; /* the latter as of the newest commit */
	uint64_t spans_since;			  /* that commit */
	/* What goes when it becomes too much. */
	uint64_t max_bytes, max_time_ns;
	struct written_tick *ticks; /* oldest first */
	size_t n_ticks, ticks_room;
	int64_t renewed_seq; /* when the interned rows were begun anew */
	/* Of what belongs to the next tick. */
	uint64_t used_bytes, own_bytes; /* of the file when it was last looked at, and of them its own */
	unsigned until_look;		/* so many more, and it is looked at again */
	uint64_t left_out_told;		/* of figures.left_out, what ticks have told */
};

/* A statement's failure ends the writing. */
void writer_check(struct writer *writer, int code);
void writer_execute(struct writer *writer, const char *sql);

/* writer_rows.c: what a message holds, as rows. */
void writer_rows(struct writer *writer, const struct tape_message *message);

/* writer_spans.c */
void writer_put_span(struct writer *writer, int64_t seq, const union message_span *span, const char *stack);
void writer_put_open(struct writer *writer, int64_t seq, int64_t tick, const union message_span *span,
		     const char *stack);

/* writer_trim.c: after a tick was written, and before it is committed ... */
void writer_trim(struct writer *writer, int64_t seq, uint64_t now_ns);
/* ... and before what comes in between. False: it has no room where the file is bounded. @rare: it goes
 * before what is not. */
bool writer_has_room(struct writer *writer, int64_t seq, bool rare);

#endif
