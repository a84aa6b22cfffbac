/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Ranked durations, from buckets or from single values: what a percentile is taken of. */
#ifndef LAPSE_MONITOR_SAMPLES_H
#define LAPSE_MONITOR_SAMPLES_H

#include "monitor/extremes.h"
#include "monitor/histogram.h"
#include "monitor/snapshot.h"

struct samples {
	uint64_t n;
	const uint64_t *sorted; /* NULL: in the histogram */
	const struct histogram *histogram;
	bool has_extremes;
	uint64_t min, max;
};

struct samples samples_of_histogram(const struct histogram *histogram, const struct extremes *extremes);
struct samples samples_of_values(const uint64_t *sorted, size_t n);

/* The value with @rank, from 1 to n: exact, or its bucket's middle within [min, max]. */
uint64_t samples_at(const struct samples *samples, uint64_t rank);

/* Sets percentiles and extremes of @stats; has_* say whether there are any. */
void samples_describe(const struct samples *samples, struct stats *stats);

/* Sets the rest: count, errors, rates and average. */
void stats_count(struct stats *stats, uint64_t count, uint64_t errors, uint64_t sum_ns, uint64_t covered_ns);
void stats_cache(struct stats *stats, uint64_t hits, uint64_t misses);

#endif
