/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What is written for a reader who may take none of it for a while, as a pipe's: it is kept here, and a
 * thread writes it, so that who watches, and tells handlers, never waits for that reader. What finds no room
 * is dropped, each text as a whole, and counted.
 */
#ifndef LAPSE_OUTBOX_H
#define LAPSE_OUTBOX_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

struct outbox;

/* What is written to @to from then on goes by the box, which keeps up to @room bytes; the descriptor stays
 * @to's. NULL with errno set. */
struct outbox *outbox_new(FILE *to, size_t room);
/* NULL is fine. What nobody has taken is forgotten. */
void outbox_free(struct outbox *box);

/* A stream whose texts are those that are flushed at once. It is the box's. */
FILE *outbox_stream(const struct outbox *box);

/* Texts that were dropped. */
uint64_t outbox_dropped(struct outbox *box);

/* The last of it comes: it is kept though there is no room. */
void outbox_keep_all(struct outbox *box);

/* Waits until all has been written, as long as its reader takes some within @patience_ms. 0, -ETIMEDOUT, or
 * what writing failed with. */
int outbox_finish(struct outbox *box, unsigned patience_ms);

#endif
