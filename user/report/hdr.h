/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * HdrHistogram's encoding V2, compressed: what its readers in all languages take. It has 128 buckets an
 * octave at two significant digits, and reports the upper end of one. lapse has 64 (or 16) and reports the
 * middle: which is the upper end of the lower half, so percentiles come out as lapse tells them.
 */
#ifndef LAPSE_REPORT_HDR_H
#define LAPSE_REPORT_HDR_H

#include <stddef.h>
#include <stdint.h>

#include "monitor/feed.h"

/* Index of HdrHistogram's bucket for @value, with two digits and from 1 on. */
uint32_t hdr_index(uint64_t value);

/* The value as which lapse's bucket @index is recorded. */
uint64_t hdr_value(uint32_t index, unsigned bits);

/* Ascending buckets as base64 text, to be freed; NULL: no memory. */
char *hdr_encode(const struct bucket_delta *buckets, size_t n, unsigned bits);

#endif
