// SPDX-License-Identifier: GPL-2.0-or-later
#include "report/lanes.h"

#include <stdbool.h>
#include <string.h>

/* Deeper nesting, and more lanes, than any thread has: the kernel follows 64 calls. */
#define DEPTH 128
#define LANES 512

static int compare(uint64_t a, uint64_t b)
{
	return a < b ? -1 : a > b;
}

int slice_by_thread(const void *a, const void *b)
{
	const struct slice *x = a, *y = b;
	int order = compare(x->pid, y->pid);

	order = order ? order : compare(x->tid, y->tid);
	order = order ? order : compare(x->begin_ns, y->begin_ns);
	order = order ? order : compare(y->end_ns, x->end_ns);
	/* A wait for all of a span is within it. */
	order = order ? order : x->is_wait - y->is_wait;
	return order ? order : compare((uint64_t)x->seq, (uint64_t)y->seq);
}

/* Ends of what is open in a lane, the innermost last. */
struct lane {
	uint64_t end_ns[DEPTH];
	size_t n;
};

static bool fits(struct lane *lane, const struct slice *slice)
{
	while (lane->n && lane->end_ns[lane->n - 1] <= slice->begin_ns)
		lane->n--;
	return lane->n < DEPTH && (!lane->n || slice->end_ns <= lane->end_ns[lane->n - 1]);
}

uint32_t slices_place(struct slice *slices, size_t n)
{
	static struct lane lanes[LANES];
	uint32_t used = 0;

	for (size_t i = 0; i < n; i++) {
		uint32_t lane = 0;

		while (lane < used && !fits(&lanes[lane], &slices[i]))
			lane++;
		/* Whatever else overlaps shares the last one. */
		if (lane == LANES)
			lane = LANES - 1;
		if (lane == used)
			lanes[used++].n = 0;
		slices[i].lane = lane;
		if (lanes[lane].n < DEPTH)
			lanes[lane].end_ns[lanes[lane].n++] = slices[i].end_ns;
	}
	return used;
}

void slices_edges(const struct slice *slices, size_t n, uint32_t lane,
		  void (*edge)(void *context, const struct slice *slice, int is_begin), void *context)
{
	const struct slice *open[DEPTH];
	size_t depth = 0;

	for (size_t i = 0; i < n; i++) {
		if (slices[i].lane != lane)
			continue;
		while (depth && (depth == DEPTH || open[depth - 1]->end_ns <= slices[i].begin_ns))
			edge(context, open[--depth], 0);
		edge(context, &slices[i], 1);
		open[depth++] = &slices[i];
	}
	while (depth)
		edge(context, open[--depth], 0);
}
