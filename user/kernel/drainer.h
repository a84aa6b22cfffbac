/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Takes records from the ring. Whoever calls drainer_take() reads them where they lie. Beside that there is,
 * where it is allowed, a thread that runs ahead of all usual ones (SCHED_FIFO, the lowest of its priorities):
 * it wakes when the kernel says that a record is urgent, or that many lie there, however busy the machine is,
 * and sees to it that the other one is told; what that one has no time for it puts away, so that the ring has
 * room. What comes of the records is never found out there.
 *
 * It is bounded: it puts away so much at a time and no more in all, wake-ups are spaced by the kernel's side,
 * and a thread that runs for long without a rest becomes a usual one.
 */
#ifndef LAPSE_DRAINER_H
#define LAPSE_DRAINER_H

#include <linux/types.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "kernel/ring_share.h"

struct drainer;

/* Of the ring buffer @ring; *urgent counts the urgent records that were sent, each before it can be read, and
 * *waker is the processor that last woke who waits for them. With @ahead a thread is begun, where that is
 * allowed. NULL with errno set. */
struct drainer *drainer_new(int ring, const __u64 *urgent, const __u32 *waker, bool ahead);
/* NULL is fine. */
void drainer_free(struct drainer *drainer);

/* Becomes readable when there is something to take. */
int drainer_fd(const struct drainer *drainer);

/* Hands on all that was put away and all that is on the ring, in order, but begins with no further piece from
 * @until_ns on, if that is not 0; how many, or the first error of @take. */
int drainer_take(struct drainer *drainer, uint64_t until_ns, record_function take, void *context);

/* Up to where records have been written so far; and whether all up to there have been taken from the ring. */
unsigned long drainer_written(const struct drainer *drainer);
bool drainer_has(const struct drainer *drainer, unsigned long position);

/* Nanoseconds from a breaching span's end until it was seen, of which a share of @quantile took no longer;
 * NAN: there was none, or there is no thread. */
double drainer_delay(struct drainer *drainer, double quantile);

#endif
