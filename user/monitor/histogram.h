/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Counts in log-linear buckets (bpf/buckets.h), added and taken away as sparse deltas. */
#ifndef LAPSE_MONITOR_HISTOGRAM_H
#define LAPSE_MONITOR_HISTOGRAM_H

#include <stddef.h>
#include <stdint.h>

#include "monitor/feed.h"

struct histogram {
	unsigned bits;
	uint32_t lo, hi; /* all occupied buckets lie in [lo, hi) */
	uint64_t total;
	uint64_t *count;
};

/* 0 or -ENOMEM. Release with histogram_free(), which a zeroed one may be given too. */
int histogram_init(struct histogram *histogram, unsigned bits);
void histogram_free(struct histogram *histogram);

void histogram_add(struct histogram *histogram, const struct bucket_delta *deltas, size_t n);
/* Takes away what was added before. */
void histogram_sub(struct histogram *histogram, const struct bucket_delta *deltas, size_t n);
void histogram_clear(struct histogram *histogram);

/* The bucket of the value with @rank, from 1 to total. */
uint32_t histogram_bucket_at(const struct histogram *histogram, uint64_t rank);

/* Durations in the bucket are below this. */
uint64_t bucket_end(uint32_t index, unsigned bits);
/* What a bucket's durations are reported as; of the overflow bucket its lowest. */
uint64_t bucket_mid(uint32_t index, unsigned bits);

#endif
