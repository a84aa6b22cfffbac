/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Messages into a recording: one SQLite file, a transaction a tick. Runs in a thread of its own, and says
 * nothing: what went wrong is there to be asked for. */
#ifndef LAPSE_CAPTURE_WRITER_H
#define LAPSE_CAPTURE_WRITER_H

#include "capture/base.h"
#include "capture/tape.h"

struct writer;

/*
 * Makes the file, readable for its owner alone; one that is there already is replaced if it is a recording,
 * or empty. @max_bytes, @max_time_ns: the oldest ticks give way to newer ones beyond that; 0: never. Returns
 * 0, or -errno after a message.
 */
int writer_open(const char *path, uint64_t max_bytes, uint64_t max_time_ns, struct writer **writer);

/* Figures that the first tick adds to; NULL: to nothing. */
void writer_begin_at(struct writer *writer, const struct tape_message *tick);

void writer_take(struct writer *writer, const struct tape_message *message);

/* Makes the indexes and closes it, and releases @writer. @complete: it ended in peace. */
void writer_close(struct writer *writer, bool complete);

/* Why nothing is written any more ("disk full"); NULL: it is. */
const char *writer_failure(const struct writer *writer);

struct writer_figures {
	uint64_t spans, ticks;	/* in the file */
	uint64_t dropped_ticks; /* that have been, and were taken away */
	uint64_t bytes;
	uint64_t undone;   /* spans that were written and, when it failed, were not kept */
	uint64_t left_out; /* spans and violations of ticks that alone would be larger than the file may be */
};
struct writer_figures writer_figures(const struct writer *writer);

#endif
