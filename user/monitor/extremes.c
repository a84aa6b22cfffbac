// SPDX-License-Identifier: GPL-2.0-or-later
#include "monitor/extremes.h"

#include "bpf/buckets.h"
#include "monitor/histogram.h"

bool extremes_bounds(struct extremes_bounds *bounds, const struct bucket_delta *deltas, size_t n,
		     unsigned bits)
{
	if (!n)
		return false;
	bounds->min_guess = bucket_mid(deltas[0].index, bits);
	bounds->min_most = bucket_end(deltas[0].index, bits) - 1;
	bounds->max_guess = bucket_mid(deltas[n - 1].index, bits);
	bounds->max_least = lapse_bucket_low(deltas[n - 1].index, bits);
	return true;
}

static void include(struct extremes *e, uint64_t min, uint64_t max)
{
	if (!e->known || min < e->min)
		e->min = min;
	if (!e->known || max > e->max)
		e->max = max;
	e->known = true;
}

void extremes_expect(struct extremes *extremes, const struct extremes_bounds *bounds)
{
	struct extremes_bounds *newest = &extremes->newest;

	/* Not settled yet: the figures to come will be those of both. */
	if (!extremes->pending || bounds->min_most < newest->min_most) {
		newest->min_guess = bounds->min_guess;
		newest->min_most = bounds->min_most;
	}
	if (!extremes->pending || bounds->max_least > newest->max_least) {
		newest->max_guess = bounds->max_guess;
		newest->max_least = bounds->max_least;
	}
	extremes->pending = true;
}

void extremes_settle(struct extremes *extremes, uint64_t min, uint64_t max)
{
	const struct extremes_bounds *newest = &extremes->newest;

	if (!max && min == UINT64_MAX)
		return;
	/* A span may end in one tick and be counted in the next: the buckets are then nearer. */
	if (extremes->pending) {
		max = max < newest->max_least ? newest->max_guess : max;
		min = min > newest->min_most ? newest->min_guess : min;
		extremes->pending = false;
	}
	include(extremes, min, max);
}

bool extremes_get(const struct extremes *extremes, uint64_t *min, uint64_t *max)
{
	struct extremes copy = *extremes;

	if (copy.pending)
		include(&copy, copy.newest.min_guess, copy.newest.max_guess);
	*min = copy.min;
	*max = copy.max;
	return copy.known;
}
