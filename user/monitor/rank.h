/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Nearest ranks in whole numbers: a quantile is given in thousandths, because 0.95 * 100 as a
 * double lies a hair above 95 and would name the 96th value.
 */
#ifndef LAPSE_MONITOR_RANK_H
#define LAPSE_MONITOR_RANK_H

#include <stdint.h>

#define RANK_MIN_SAMPLES 20

static inline unsigned rank_permille(double quantile)
{
	return (unsigned)(quantile * 1000 + 0.5);
}

/* The quantile of @n values is the one of this rank, from 1. */
static inline uint64_t rank_of(unsigned permille, uint64_t n)
{
	return (uint64_t)(((unsigned __int128)n * permille + 999) / 1000);
}

/* Fewer values than this do not show the quantile: max(20, ceil(1 / (1 - q))). */
static inline uint64_t rank_samples_needed(unsigned permille)
{
	uint64_t beyond = 1000 - permille;
	uint64_t needed = (1000 + beyond - 1) / beyond;

	return needed > RANK_MIN_SAMPLES ? needed : RANK_MIN_SAMPLES;
}

#endif
