// SPDX-License-Identifier: GPL-2.0-or-later
#include "monitor/recent.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "bpf/event.h"

int recent_init(struct recent *recent, uint32_t size)
{
	memset(recent, 0, sizeof(*recent));
	if (!size)
		return 0;
	recent->size = size;
	recent->ordered = calloc(size, sizeof(*recent->ordered));
	recent->sorted = calloc(size, sizeof(*recent->sorted));
	return recent->ordered && recent->sorted ? 0 : -ENOMEM;
}

void recent_free(struct recent *recent)
{
	free(recent->ordered);
	free(recent->sorted);
	memset(recent, 0, sizeof(*recent));
}

static int ascending(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return (x > y) - (x < y);
}

void recent_set(struct recent *recent, const uint64_t *durations, size_t n)
{
	struct recent_part all;
	size_t i;

	if (n > recent->size) {
		durations += n - recent->size;
		n = recent->size;
	}
	recent->n = n;
	for (i = 0; i < n; i++) {
		recent->ordered[i] = durations[i];
		recent->sorted[i] = durations[i] & ~LAPSE_RECENT_ERROR;
	}
	if (n)
		qsort(recent->sorted, n, sizeof(*recent->sorted), ascending);
	all = recent_sum(recent, 0, n);
	recent->errors = all.errors;
	recent->sum_ns = all.sum_ns;
}

struct recent_part recent_sum(const struct recent *recent, size_t first, size_t count)
{
	struct recent_part part = {.count = count};
	size_t i;

	for (i = first; i < first + count; i++) {
		part.errors += (recent->ordered[i] & LAPSE_RECENT_ERROR) != 0;
		part.sum_ns += recent->ordered[i] & ~LAPSE_RECENT_ERROR;
	}
	return part;
}
