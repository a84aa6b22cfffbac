// SPDX-License-Identifier: GPL-2.0-or-later
#include "monitor/histogram.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "bpf/buckets.h"

/* What is new comes in pieces. */
#define ROOM_STEP 32U

void histogram_init(struct histogram *histogram, unsigned bits)
{
	*histogram = (struct histogram){.bits = bits};
}

void histogram_free(struct histogram *histogram)
{
	free(histogram->count);
	*histogram = (struct histogram){.bits = histogram->bits};
}

int histogram_reach(struct histogram *histogram, uint32_t lo, uint32_t hi)
{
	struct histogram *h = histogram;
	uint32_t first = lo / ROOM_STEP * ROOM_STEP, end = (hi + ROOM_STEP - 1) / ROOM_STEP * ROOM_STEP;
	uint64_t *count;

	if (h->room && lo >= h->first && hi <= h->first + h->room)
		return 0;
	first = h->room && h->first < first ? h->first : first;
	end = h->room && h->first + h->room > end ? h->first + h->room : end;
	count = calloc(end - first, sizeof(*count));
	if (!count)
		return -ENOMEM;
	if (h->room)
		memcpy(count + (h->first - first), h->count, h->room * sizeof(*count));
	free(h->count);
	h->count = count;
	h->first = first;
	h->room = end - first;
	return 0;
}

static uint64_t *at(const struct histogram *h, uint32_t index)
{
	return &h->count[index - h->first];
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

int histogram_add(struct histogram *histogram, const struct bucket_delta *deltas, size_t n)
{
	size_t i;

	if (n && histogram_reach(histogram, deltas[0].index, deltas[n - 1].index + 1U))
		return -ENOMEM;
	for (i = 0; i < n; i++) {
		widen(histogram, deltas[i].index, deltas[i].index + 1U);
		*at(histogram, deltas[i].index) += deltas[i].count;
		histogram->total += deltas[i].count;
	}
	return 0;
}

void histogram_sub(struct histogram *histogram, const struct bucket_delta *deltas, size_t n)
{
	size_t i;

	for (i = 0; i < n; i++) {
		*at(histogram, deltas[i].index) -= deltas[i].count;
		histogram->total -= deltas[i].count;
	}
}

void histogram_clear(struct histogram *histogram)
{
	if (histogram->hi > histogram->lo)
		memset(at(histogram, histogram->lo), 0,
		       (histogram->hi - histogram->lo) * sizeof(*histogram->count));
	histogram->lo = histogram->hi = 0;
	histogram->total = 0;
}

uint64_t histogram_count(const struct histogram *histogram, uint32_t index)
{
	return index - histogram->first < histogram->room ? *at(histogram, index) : 0;
}

uint32_t histogram_bucket_at(const struct histogram *histogram, uint64_t rank)
{
	uint64_t below = 0;
	uint32_t i;

	for (i = histogram->lo; i + 1 < histogram->hi; i++) {
		below += *at(histogram, i);
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
