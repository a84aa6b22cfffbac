/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The kernel's ring buffer, read where it lies. libbpf's reader gives the room of each record back by itself,
 * which those who write look at each time, and it hands every record on: here that is done for many at once,
 * and a record can be looked at before it is taken. Layout: kernel/bpf/ringbuf.c of Linux.
 */
#ifndef LAPSE_RING_VIEW_H
#define LAPSE_RING_VIEW_H

#include <stdbool.h>
#include <stddef.h>

struct ring_view {
	unsigned long *consumer;       /* up to where all has been taken; a page of its own */
	const unsigned long *producer; /* up to where there is something */
	const char *data;	       /* mapped twice in a row, so that nothing ends at its end */
	size_t size;		       /* a power of two */
};

/* Of the map @map; 0 or -errno. Release with ring_view_close() in any case. */
int ring_view_open(int map, struct ring_view *view);
void ring_view_close(struct ring_view *view);

unsigned long ring_view_taken(const struct ring_view *view);
unsigned long ring_view_written(const struct ring_view *view);
/* What lies before @position may be written over from now on. */
void ring_view_give_back(struct ring_view *view, unsigned long position);

/* The record that lies at @at, head and all: *data and *size, NULL where it was thrown away. Bytes up to the
 * next. */
size_t ring_record(const char *at, const void **data, size_t *size);

/* The same of the one at @position, before @written, which ring_view_written() gave. Where the next one lies;
 * @position itself where there is none, or it is still being written. */
unsigned long ring_view_at(const struct ring_view *view, unsigned long position, unsigned long written,
			   const void **data, size_t *size);

#endif
