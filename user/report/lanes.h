/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Slices of one thread, put into lanes so that those of a lane lie within each other or apart: viewers draw
 * no others. The first lane holds what nests; what overlaps goes to further ones.
 */
#ifndef LAPSE_REPORT_LANES_H
#define LAPSE_REPORT_LANES_H

#include <stddef.h>
#include <stdint.h>

struct slice {
	uint64_t begin_ns, end_ns;
	uint32_t pid, tid;
	uint32_t name; /* of a span its component, of a wait its cause */
	uint32_t lane; /* from 0 */
	uint8_t is_wait;
	uint8_t failed;
	char comm[16];
	int64_t seq; /* of its span */
};

/* By thread, then by begin, the longer first: for qsort(). */
int slice_by_thread(const void *a, const void *b);

/* @slices of one thread, sorted so. How many lanes there are. */
uint32_t slices_place(struct slice *slices, size_t n);

/* Called for each edge in the order of time, ends before begins, inner ends before outer ones: @lane's
 * slices, that slices_place() has placed. */
void slices_edges(const struct slice *slices, size_t n, uint32_t lane,
		  void (*edge)(void *context, const struct slice *slice, int is_begin), void *context);

#endif
