/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * One reads the records of a ring where they lie. Another may take what is left away from it at any moment,
 * though the reader is in the midst of a record, or of what comes of it, or does not run at all: so neither
 * waits for the other.
 *
 * The reader copies a record out, says how far it has got, and looks whether the rest has been taken over;
 * only then is the copy used. Who takes over says so, has the kernel put a barrier into the reader's thread
 * (membarrier(2)), and then reads how far that has got. So either the reader's word came before the barrier:
 * then its copy was whole by then, and is its own. Or it comes after: then the reader sees that all from
 * there on has been taken, and drops it. All that a record costs the reader is a plain store and a plain
 * load.
 */
#ifndef LAPSE_RING_SHARE_H
#define LAPSE_RING_SHARE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>

#include "bpf/event.h"
#include "kernel/ring_view.h"

/* 0; an error goes on to whoever has asked for the records. */
typedef int (*record_function)(void *context, const void *record, size_t size);

struct ring_share {
	struct ring_view *view;
	bool barrier;		    /* the kernel does that */
	bool reading;		    /* with the lock, as all that follows but atomic ones */
	atomic_ulong reached;	    /* up to there it has been read */
	atomic_bool taken_over;	    /* what comes after that is another's */
	unsigned long from;	    /* from where on */
	bool in_hand;		    /* the reader has a copy that it has not used */
	size_t size;		    /* of that */
	struct lapse_why_span copy; /* room for the longest record, aligned */
};

/* Copies the record @data of @size bytes, a brief one written out in full; how many bytes. @to has room for
 * the longest record: struct lapse_why_span. */
size_t record_copy(void *to, const void *data, size_t size);

void ring_share_open(struct ring_share *share, struct ring_view *view);

/* The reader, with the lock: from now on it reads. */
void ring_share_begin(struct ring_share *share);
/* Without the lock: hands on what lies there, until it is @bytes; how many records. *err, if it was 0,
 * becomes what @take first fails with. */
size_t ring_share_read(struct ring_share *share, size_t bytes, record_function take, void *context, int *err);
/* With the lock: it reads no more, and what it has read goes back to the ring. Whether the record in
 * share->copy is still to be handed on. */
bool ring_share_end(struct ring_share *share);

/* Another one, with the lock: takes over all that has not been read, from the position that it gives on; it
 * has to give back what lies before the one that it gets to itself. ULONG_MAX: that is not possible now. */
unsigned long ring_share_take_over(struct ring_share *share);

/* With the lock: bytes that nobody has read. */
unsigned long ring_share_waiting(const struct ring_share *share);

#endif
