/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * How well percentiles are known.
 *
 * Of one recording: the distribution-free interval by order statistics (David and Nagaraja, Order Statistics,
 * 3rd edition, 7.1). How many of n calls lie below the true quantile q is binomial; so the calls of two
 * ranks, which the binomial distribution tells, hold it between them, whatever the durations are like. The
 * ranks are exact; of the calls the edges of their buckets are taken, so that the interval is never too
 * narrow for that.
 *
 * Of the difference between two: MOVER (Zou and Donner, Statistics in Medicine 27, 2008), which joins the
 * intervals of both, however lopsided each is.
 *
 * Both take calls for independent of each other. Where slow ones come in bursts the truth is less well known.
 */
#ifndef LAPSE_REPORT_INTERVAL_H
#define LAPSE_REPORT_INTERVAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "monitor/snapshot.h"

/* NAN: there are too few calls to tell. */
struct interval {
	double value, low, high;
};

/* The ranks (from 1 to @n) that hold the quantile with 95 % between them; false: there are none. */
bool interval_ranks(uint64_t n, unsigned permille, uint64_t *low, uint64_t *high);

/* Of a quantile of the histogram @rows. */
struct interval interval_of(const struct histogram_row *rows, size_t n, unsigned permille);

/* Of @after less @before. */
struct interval interval_difference(const struct interval *before, const struct interval *after);

#endif
