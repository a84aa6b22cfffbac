/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a recording keeps as blobs, because nobody would query it by columns: histograms, the newest durations
 * of count windows, causes by duration. All are lists of numbers, seven bits a byte (bytes.h).
 *
 *   histogram   for each occupied bucket: how far from the one before (the first: from 0), its count
 *               then, if they are known, a 0, and the shortest and the longest duration (0: not known)
 *   recent      how many there are; how many of them, the oldest, are the newest of the tick before; the rest
 *   causes      for each row that has grown: how far from the one before (the first: from -1), by how much:
 *               count, sum_ns, and ns by enum lapse_cause
 */
#ifndef LAPSE_CAPTURE_BLOBS_H
#define LAPSE_CAPTURE_BLOBS_H

#include "capture/bytes.h"
#include "monitor/feed.h"

void blob_put_histogram(struct bytes_out *out, const struct tick_component *from);
/* The buckets into room for LAPSE_BUCKETS(bits) + 1, how many and their extremes into @to. Buckets that do
 * not exist make it bad. */
void blob_histogram(struct bytes_in *in, unsigned bucket_bits, struct bucket_delta *buckets,
		    struct tick_component *to);

void blob_put_recent(struct bytes_out *out, const uint64_t *before, size_t n_before, const uint64_t *now,
		     size_t n);
/* @recent has room for WINDOW_MAX_LAST, and holds the @n_before of the tick before; how many there are now.
 */
size_t blob_recent(struct bytes_in *in, uint64_t *recent, size_t n_before);

void blob_put_causes(struct bytes_out *out, const struct why_rows *before, const struct why_rows *now);
/* Adds to @rows, which have memory of their own. False: there is none left. */
bool blob_causes(struct bytes_in *in, struct why_rows *rows);

#endif
