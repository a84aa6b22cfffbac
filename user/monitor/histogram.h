/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Counts in log-linear buckets (bpf/buckets.h), added and taken away as sparse deltas. There is room for
 * those that were ever occupied, and what lies between: of thousands of components most are quiet. */
#ifndef LAPSE_MONITOR_HISTOGRAM_H
#define LAPSE_MONITOR_HISTOGRAM_H

#include <stddef.h>
#include <stdint.h>

#include "monitor/feed.h"

struct histogram {
	unsigned bits;
	uint32_t lo, hi; /* all occupied buckets lie in [lo, hi) */
	uint64_t total;
	uint64_t *count; /* of [first, first + room) */
	uint32_t first, room;
};

/* Release with histogram_free(), which a zeroed one may be given too. */
void histogram_init(struct histogram *histogram, unsigned bits);
void histogram_free(struct histogram *histogram);

/* Makes room for buckets [lo, hi). 0 or -ENOMEM. */
int histogram_reach(struct histogram *histogram, uint32_t lo, uint32_t hi);
/* In ascending order. 0, or -ENOMEM and nothing was added. */
int histogram_add(struct histogram *histogram, const struct bucket_delta *deltas, size_t n);
/* Takes away what was added before. */
void histogram_sub(struct histogram *histogram, const struct bucket_delta *deltas, size_t n);
void histogram_clear(struct histogram *histogram);

/* In bucket @index. */
uint64_t histogram_count(const struct histogram *histogram, uint32_t index);

/* The bucket of the value with @rank, from 1 to total. */
uint32_t histogram_bucket_at(const struct histogram *histogram, uint64_t rank);

/* Durations in the bucket are below this. */
uint64_t bucket_end(uint32_t index, unsigned bits);
/* What a bucket's durations are reported as; of the overflow bucket its lowest. */
uint64_t bucket_mid(uint32_t index, unsigned bits);

#endif
