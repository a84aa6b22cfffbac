/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A thread that takes records from the ring as soon as the kernel says that one is urgent, however busy the
 * machine is: it runs ahead of all usual threads (SCHED_FIFO, the lowest of its priorities). That is all it
 * does. What comes of the records is found out by whoever calls drainer_take(), which is no such thread.
 *
 * It is bounded: so many records at each wake-up, wake-ups are spaced by the kernel's side, and a thread that
 * runs for long without a rest becomes a usual one.
 */
#ifndef LAPSE_DRAINER_H
#define LAPSE_DRAINER_H

#include <bpf/libbpf.h>

struct drainer;

/* Of the ring buffer @ring. NULL where a thread may not run ahead of others, or nothing can be had. */
struct drainer *drainer_start(int ring);
/* NULL is fine. */
void drainer_stop(struct drainer *drainer);

/* Becomes readable when records have been taken in. */
int drainer_fd(const struct drainer *drainer);

/* Hands on what has been taken in and what is on the ring, all of it in order; how many, or the first error
 * of
 * @take. */
int drainer_take(struct drainer *drainer, ring_buffer_sample_fn take, void *context);

/* Records that no memory was there for. */
uint64_t drainer_lost(struct drainer *drainer);

/* Nanoseconds from a breaching span's end until it was taken in, of which a share of @quantile took no
 * longer; NAN: there was none. */
double drainer_delay(struct drainer *drainer, double quantile);

const struct ring *drainer_ring(const struct drainer *drainer);

#endif
