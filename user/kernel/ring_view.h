/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The kernel's ring buffer, read where it lies. libbpf's reader gives the room of each record back by itself,
 * which those who write look at each time, and it hands every record on: here that is done for many at once,
 * and a record can be looked at before it is taken. Layout: kernel/bpf/ringbuf.c of Linux.
 */
#ifndef LAPSE_RING_VIEW_H
#define LAPSE_RING_VIEW_H

#include <linux/bpf.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct ring_view {
	unsigned long *consumer;       /* up to where all has been taken; a page of its own */
	const unsigned long *producer; /* up to where there is something */
	const char *data;	       /* mapped twice in a row, so that nothing ends at its end */
	size_t size;		       /* a power of two */
};

/* Of the map @map; 0 or -errno. Release with ring_view_close() in any case. */
int ring_view_open(int map, struct ring_view *view);
void ring_view_close(struct ring_view *view);

static inline unsigned long ring_view_taken(const struct ring_view *view)
{
	return __atomic_load_n(view->consumer, __ATOMIC_RELAXED);
}

static inline unsigned long ring_view_written(const struct ring_view *view)
{
	return __atomic_load_n(view->producer, __ATOMIC_ACQUIRE);
}

/* What lies before @position may be written over from now on. */
static inline void ring_view_give_back(struct ring_view *view, unsigned long position)
{
	__atomic_store_n(view->consumer, position, __ATOMIC_RELEASE);
}

/* Where each record lies is known from the one before, so that the processor would wait for one after the
 * other: by then what lies so far ahead has come from the other processor's cache. Most records are a line of
 * it. */
#define RING_AHEAD_BYTES 1024

/* The record at @position, before @written, which ring_view_written() gave: *data and *size, NULL where it
 * was thrown away. Where the next one lies; @position itself where there is none, or it is still being
 * written.
 *
 * The first word says how long it is, with two bits of its state; records begin at multiples of eight. */
static inline unsigned long ring_view_at(const struct ring_view *view, unsigned long position,
					 unsigned long written, const void **data, size_t *size)
{
	const char *at = view->data + (position & (view->size - 1));
	uint32_t head;

	if (position >= written)
		return position;
	__builtin_prefetch(at + RING_AHEAD_BYTES);
	head = __atomic_load_n((const uint32_t *)(const void *)at, __ATOMIC_ACQUIRE);
	if (head & BPF_RINGBUF_BUSY_BIT)
		return position;
	*size = head & ~(BPF_RINGBUF_BUSY_BIT | BPF_RINGBUF_DISCARD_BIT);
	*data = head & BPF_RINGBUF_DISCARD_BIT ? NULL : at + BPF_RINGBUF_HDR_SZ;
	return position + ((BPF_RINGBUF_HDR_SZ + *size + 7) & ~(size_t)7);
}

#endif
