/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Least and greatest durations. The kernel's figures of a tick are whole one tick late; until they are, what
 * it knew at the tick stands in for them, which lacks only what was interrupted on its way. Where that does
 * not fit the tick's outermost buckets, their middles do.
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
	bool min_exact, max_exact;     /* the guesses are none */
};

struct extremes {
	bool known; /* min and max hold something */
	uint64_t min, max;
	bool pending; /* what was added since is only guessed */
	struct extremes_bounds newest;
};

/* Whether a duration of @ns falls into bucket @index. */
bool extremes_fit(uint64_t ns, uint32_t index, unsigned bits);
/* False if @input has no buckets. */
bool extremes_bounds(struct extremes_bounds *bounds, const struct tick_component *input, unsigned bits);
/* A tick with spans was added; its exact figures are to come. */
void extremes_expect(struct extremes *extremes, const struct extremes_bounds *bounds);
/* The exact figures of the tick before; no spans: @max 0 and @min ~0. */
void extremes_settle(struct extremes *extremes, uint64_t min, uint64_t max);
/* What is known now; false: nothing. */
bool extremes_get(const struct extremes *extremes, uint64_t *min, uint64_t *max);

#endif
