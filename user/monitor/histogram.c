// SPDX-License-Identifier: GPL-2.0-or-later
#include "monitor/histogram.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "bpf/buckets.h"

int histogram_init(struct histogram *histogram, unsigned bits)
{
	memset(histogram, 0, sizeof(*histogram));
	histogram->bits = bits;
	histogram->count = calloc(LAPSE_BUCKETS(bits) + 1, sizeof(*histogram->count));
	return histogram->count ? 0 : -ENOMEM;
}

void histogram_free(struct histogram *histogram)
{
	free(histogram->count);
	histogram->count = NULL;
}

static void widen(struct histogram *h, uint32_t lo, uint32_t hi)
{
	if (!h->total) {
		h->lo = lo;
		h->hi = hi;
		return;
	}
	h->lo = lo < h->lo ? lo : h->lo;
	h->hi = hi > h->hi ? hi : h->hi;
}

void histogram_add(struct histogram *histogram, const struct bucket_delta *deltas, size_t n)
{
	size_t i;

	for (i = 0; i < n; i++) {
		widen(histogram, deltas[i].index, deltas[i].index + 1U);
		histogram->count[deltas[i].index] += deltas[i].count;
		histogram->total += deltas[i].count;
	}
}

void histogram_sub(struct histogram *histogram, const struct bucket_delta *deltas, size_t n)
{
	size_t i;

	for (i = 0; i < n; i++) {
		histogram->count[deltas[i].index] -= deltas[i].count;
		histogram->total -= deltas[i].count;
	}
}

void histogram_clear(struct histogram *histogram)
{
	memset(histogram->count + histogram->lo, 0,
	       (histogram->hi - histogram->lo) * sizeof(*histogram->count));
	histogram->lo = histogram->hi = 0;
	histogram->total = 0;
}

uint32_t histogram_bucket_at(const struct histogram *histogram, uint64_t rank)
{
	uint64_t below = 0;
	uint32_t i;

	for (i = histogram->lo; i + 1 < histogram->hi; i++) {
		below += histogram->count[i];
		if (below >= rank)
			break;
	}
	return i;
}

uint64_t bucket_end(uint32_t index, unsigned bits)
{
	return index < LAPSE_BUCKETS(bits) ? lapse_bucket_low(index + 1, bits) : UINT64_MAX;
}

uint64_t bucket_mid(uint32_t index, unsigned bits)
{
	uint64_t low = lapse_bucket_low(index, bits);

	if (index >= LAPSE_BUCKETS(bits))
		return low;
	return low + (bucket_end(index, bits) - low) / 2;
}
