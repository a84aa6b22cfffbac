/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Least and greatest durations. The kernel's exact figures come one tick late; until they do,
 * the middles of the outermost buckets of the newest tick stand in for them.
 */
#ifndef LAPSE_MONITOR_EXTREMES_H
#define LAPSE_MONITOR_EXTREMES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "monitor/feed.h"

/* What the outermost buckets of one tick say of its extremes. */
struct extremes_bounds {
	uint64_t min_guess, min_most;  /* the least is at most min_most */
	uint64_t max_guess, max_least; /* the greatest is at least max_least */
};

struct extremes {
	bool known; /* min and max hold something */
	uint64_t min, max;
	bool pending; /* what was added since is only guessed */
	struct extremes_bounds newest;
};

/* False if there are no @deltas. They are in ascending order. */
bool extremes_bounds(struct extremes_bounds *bounds, const struct bucket_delta *deltas, size_t n,
		     unsigned bits);
/* A tick with spans was added; its exact figures are to come. */
void extremes_expect(struct extremes *extremes, const struct extremes_bounds *bounds);
/* The exact figures of the tick before; no spans: @max 0 and @min ~0. */
void extremes_settle(struct extremes *extremes, uint64_t min, uint64_t max);
/* What is known now; false: nothing. */
bool extremes_get(const struct extremes *extremes, uint64_t *min, uint64_t *max);

#endif
