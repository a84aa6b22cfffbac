/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Messages in a ring of memory, between the loop that traces and the thread that writes. Putting never
 * waits: where there is no room a message is refused, and counted.
 *
 *        tail            cursor              head
 *   ------|-----kept-------|----to be read-----|------
 *
 * What was read goes at once, or (.keep_ns) stays until it is too old, or its room is wanted: then the tape
 * can be read again from the oldest message on. Nobody reads it until tape_rewind() says so.
 *
 * A queue that has been read to its end starts over where the ring begins, so that it takes as much memory as
 * its reader has ever been behind, and what is beyond TAPE_WARM only as long as that is so.
 */
#ifndef LAPSE_CAPTURE_TAPE_H
#define LAPSE_CAPTURE_TAPE_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Who may use how much: rather lose a common record than one that tells of a breach, and either than a tick.
 */
enum tape_rank { TAPE_COMMON, TAPE_RARE, TAPE_NEEDED };

struct tape_message {
	uint32_t size; /* of all of it, a multiple of 8 */
	uint16_t kind; /* TAPE_PAD, or the user's */
	uint16_t pad;
	uint32_t length; /* of the bytes */
	uint32_t pad2;
	uint64_t seq;
	uint64_t time_ns; /* of ticks, by which its age is told; 0: as old as the tick before */
	uint8_t bytes[];
};
#define TAPE_PAD 0

/* Of the ring's beginning, that is kept in memory. */
#define TAPE_WARM (4UL << 20)

struct tape {
	uint8_t *ring;
	size_t size;
	uint64_t keep_ns;
	uint64_t tail, cursor, head; /* in bytes, ever growing; the index is the remainder */
	uint64_t end;		     /* where reading is to end; UINT64_MAX: not yet */
	bool reading;
	uint64_t newest_ns;
	pthread_mutex_t lock;
	pthread_cond_t news;
};

/* 0 or -ENOMEM. */
int tape_open(struct tape *tape, size_t size, uint64_t keep_ns);
void tape_close(struct tape *tape);

/* False: no room. @evict is told of each message that gives way to newer ones. */
bool tape_put(struct tape *tape, const struct tape_message *head, const void *bytes, enum tape_rank rank,
	      void (*evict)(void *context, const struct tape_message *message), void *context);

/* From now on somebody reads, from the oldest message on. */
void tape_rewind(struct tape *tape);
/* Reading is to end with what has been put so far. */
void tape_finish(struct tape *tape);
/* Nobody reads any more. */
void tape_abandon(struct tape *tape);

/*
 * Waits for messages. False: the end has been reached. Those from *from up to *to are to be gone through
 * with tape_at(), and stay until tape_advance(*to).
 */
bool tape_wait(struct tape *tape, uint64_t *from, uint64_t *to);
const struct tape_message *tape_at(const struct tape *tape, uint64_t at);
void tape_advance(struct tape *tape, uint64_t to);

/* Bytes that are kept, and for how long the oldest tick among them has been. */
size_t tape_used(struct tape *tape);

#endif
