// SPDX-License-Identifier: GPL-2.0-or-later
#include "monitor/samples.h"

#include <math.h>

#include "monitor/rank.h"

struct samples samples_of_histogram(const struct histogram *histogram, const struct extremes *extremes)
{
	struct samples s = {.n = histogram->total, .histogram = histogram};

	s.has_extremes = extremes_get(extremes, &s.min, &s.max);
	return s;
}

struct samples samples_of_values(const uint64_t *sorted, size_t n)
{
	struct samples s = {.n = n, .sorted = sorted, .has_extremes = n > 0};

	if (n) {
		s.min = sorted[0];
		s.max = sorted[n - 1];
	}
	return s;
}

uint64_t samples_at(const struct samples *samples, uint64_t rank)
{
	uint64_t value;

	if (samples->sorted)
		return samples->sorted[rank - 1];
	value = bucket_mid(histogram_bucket_at(samples->histogram, rank), samples->histogram->bits);
	if (samples->has_extremes && value > samples->max)
		return samples->max;
	if (samples->has_extremes && value < samples->min)
		return samples->min;
	return value;
}

static uint64_t percentile(const struct samples *s, unsigned permille)
{
	return samples_at(s, rank_of(permille, s->n));
}

void samples_describe(const struct samples *samples, struct stats *stats)
{
	stats->has_extremes = samples->has_extremes;
	stats->min_ns = samples->min;
	stats->max_ns = samples->max;
	stats->has_percentiles = samples->n >= 2;
	if (!stats->has_percentiles)
		return;
	stats->p50_ns = percentile(samples, 500);
	stats->p90_ns = percentile(samples, 900);
	stats->p95_ns = percentile(samples, 950);
	stats->p99_ns = percentile(samples, 990);
	stats->p999_ns = percentile(samples, 999);
}

void stats_count(struct stats *stats, uint64_t count, uint64_t errors, uint64_t sum_ns, uint64_t covered_ns)
{
	stats->covered_ns = covered_ns;
	stats->count = count;
	stats->errors = errors;
	stats->rate_per_s = covered_ns ? (double)count * 1e9 / (double)covered_ns : NAN;
	stats->error_rate = count ? (double)errors / (double)count : NAN;
	stats->avg_ns = count ? (double)sum_ns / (double)count : NAN;
}

void stats_cache(struct stats *stats, uint64_t hits, uint64_t misses)
{
	stats->hits = hits;
	stats->misses = misses;
	stats->cache_hit_rate = hits + misses ? (double)hits / (double)(hits + misses) : NAN;
}
