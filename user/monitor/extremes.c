// SPDX-License-Identifier: GPL-2.0-or-later
#include "monitor/extremes.h"

#include "bpf/buckets.h"
#include "monitor/histogram.h"

bool extremes_fit(uint64_t ns, uint32_t index, unsigned bits)
{
	return lapse_bucket(ns, bits) == index;
}

bool extremes_bounds(struct extremes_bounds *bounds, const struct tick_component *input, unsigned bits)
{
	uint32_t least, greatest;

	if (!input->n_buckets)
		return false;
	least = input->buckets[0].index;
	greatest = input->buckets[input->n_buckets - 1].index;
	bounds->min_exact = extremes_fit(input->min_ns, least, bits);
	bounds->min_guess = bounds->min_exact ? input->min_ns : bucket_mid(least, bits);
	bounds->min_most = bucket_end(least, bits) - 1;
	bounds->max_exact = extremes_fit(input->max_ns, greatest, bits);
	bounds->max_guess = bounds->max_exact ? input->max_ns : bucket_mid(greatest, bits);
	bounds->max_least = lapse_bucket_low(greatest, bits);
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

static void expect_min(struct extremes_bounds *newest, const struct extremes_bounds *more)
{
	if (more->min_most > newest->min_most)
		return;
	newest->min_exact = more->min_exact && (newest->min_exact || more->min_most < newest->min_most);
	if (more->min_most < newest->min_most || more->min_guess < newest->min_guess)
		newest->min_guess = more->min_guess;
	newest->min_most = more->min_most;
}

static void expect_max(struct extremes_bounds *newest, const struct extremes_bounds *more)
{
	if (more->max_least < newest->max_least)
		return;
	newest->max_exact = more->max_exact && (newest->max_exact || more->max_least > newest->max_least);
	if (more->max_least > newest->max_least || more->max_guess > newest->max_guess)
		newest->max_guess = more->max_guess;
	newest->max_least = more->max_least;
}

void extremes_expect(struct extremes *extremes, const struct extremes_bounds *bounds)
{
	/* Not settled yet: the figures to come will be those of both. */
	if (extremes->pending) {
		expect_min(&extremes->newest, bounds);
		expect_max(&extremes->newest, bounds);
		return;
	}
	extremes->newest = *bounds;
	extremes->pending = true;
}

void extremes_settle(struct extremes *extremes, uint64_t min, uint64_t max)
{
	const struct extremes_bounds *newest = &extremes->newest;

	if (!max && min == UINT64_MAX)
		return;
	/* A span may end in one tick and be counted in the next: what was known at the tick is then nearer.
	 */
	if (extremes->pending) {
		max = max < (newest->max_exact ? newest->max_guess : newest->max_least) ? newest->max_guess
											: max;
		min = min > (newest->min_exact ? newest->min_guess : newest->min_most) ? newest->min_guess
										       : min;
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
