// SPDX-License-Identifier: GPL-2.0-or-later
#include "capture/blobs.h"

#include <string.h>

#include "bpf/buckets.h"

void blob_put_histogram(struct bytes_out *out, const struct tick_component *from)
{
	uint32_t before = 0;

	for (size_t i = 0; i < from->n_buckets; i++) {
		bytes_put_number(out, from->buckets[i].index - before);
		bytes_put_number(out, from->buckets[i].count);
		before = from->buckets[i].index;
	}
	if (!from->n_buckets || (!from->min_ns && !from->max_ns))
		return;
	bytes_put_number(out, 0);
	bytes_put_number(out, from->min_ns);
	bytes_put_number(out, from->max_ns);
}

static bool take_bucket(struct bytes_in *in, uint64_t step, uint64_t last, uint64_t *index,
			struct bucket_delta *bucket)
{
	uint64_t count = bytes_number(in);

	if (step > last - *index || count > UINT32_MAX)
		return false;
	*index += step;
	*bucket = (struct bucket_delta){.index = (uint16_t)*index, .count = (uint32_t)count};
	return true;
}

void blob_histogram(struct bytes_in *in, unsigned bucket_bits, struct bucket_delta *buckets,
		    struct tick_component *to)
{
	uint64_t index = 0;

	to->n_buckets = 0;
	to->min_ns = to->max_ns = 0;
	while (in->at < in->end && !in->bad) {
		uint64_t step = bytes_number(in);

		if (!step && to->n_buckets) {
			to->min_ns = bytes_number(in);
			to->max_ns = bytes_number(in);
			in->bad |= in->at < in->end;
		} else if (take_bucket(in, step, LAPSE_BUCKETS(bucket_bits), &index,
				       &buckets[to->n_buckets])) {
			to->n_buckets++;
		} else {
			in->bad = true;
		}
	}
	if (in->bad)
		to->n_buckets = 0;
}

/* ---- the newest durations -------------------------------------------------------------------------- */

/* How many of @now, from its beginning on, are the newest of @before. */
static size_t kept_of(const uint64_t *before, size_t n_before, const uint64_t *now, size_t n)
{
	for (size_t keep = n_before < n ? n_before : n; keep; keep--)
		if (before[n_before - keep] == *now &&
		    !memcmp(before + n_before - keep, now, keep * sizeof(*now)))
			return keep;
	return 0;
}

void blob_put_recent(struct bytes_out *out, const uint64_t *before, size_t n_before, const uint64_t *now,
		     size_t n)
{
	size_t kept = kept_of(before, n_before, now, n);

	bytes_put_number(out, n);
	bytes_put_number(out, kept);
	/* The top bit, which says that it failed, becomes the lowest. */
	for (size_t i = kept; i < n; i++)
		bytes_put_number(out, now[i] << 1 | now[i] >> 63);
}

size_t blob_recent(struct bytes_in *in, uint64_t *recent, size_t n_before)
{
	uint64_t n = bytes_number(in), kept = bytes_number(in);

	if (n > WINDOW_MAX_LAST || kept > n) {
		in->bad = true;
		return 0;
	}
	/* What was kept of a tick that is not there any more is not known. */
	if (kept > n_before) {
		n -= kept - n_before;
		kept = n_before;
	}
	memmove(recent, recent + n_before - kept, kept * sizeof(*recent));
	for (uint64_t i = kept; i < n; i++) {
		uint64_t value = bytes_number(in);

		recent[i] = value >> 1 | value << 63;
	}
	return in->bad ? 0 : n;
}

/* ---- causes ---------------------------------------------------------------------------------------- */

#define ROW_NUMBERS (sizeof(struct lapse_why_row) / sizeof(uint64_t))

void blob_put_causes(struct bytes_out *out, const struct why_rows *before, const struct why_rows *now)
{
	size_t last = 0;

	for (size_t row = now->first; row < now->first + now->n; row++) {
		const uint64_t *from = (const uint64_t *)(const void *)why_row(before, row);
		const uint64_t *to = (const uint64_t *)(const void *)why_row(now, row);

		if (!memcmp(from, to, sizeof(struct lapse_why_row)))
			continue;
		bytes_put_number(out, row + 1 - last);
		for (size_t i = 0; i < ROW_NUMBERS; i++)
			bytes_put_signed(out, (int64_t)(to[i] - from[i]));
		last = row + 1;
	}
}

bool blob_causes(struct bytes_in *in, struct why_rows *rows)
{
	uint64_t row = 0;

	while (in->at < in->end && !in->bad) {
		uint64_t step = bytes_number(in), *numbers;

		if (!step || step > LAPSE_WHY_ROWS - row) {
			in->bad = true;
			return true;
		}
		row += step;
		numbers = (uint64_t *)(void *)why_rows_reach(rows, (uint32_t)row - 1);
		if (!numbers)
			return false;
		for (size_t i = 0; i < ROW_NUMBERS; i++)
			numbers[i] += (uint64_t)bytes_signed(in);
	}
	return true;
}
