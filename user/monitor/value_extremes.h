/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Least, greatest and last of a captured value. The kernel's exact extremes come one tick late, and
 * nothing stands in for them: until they do, the extremes of more than two new values are not known.
 */
#ifndef LAPSE_VALUE_EXTREMES_H
#define LAPSE_VALUE_EXTREMES_H

#include <stdbool.h>
#include <stdint.h>

struct value_extremes {
	bool any;     /* min, max and last hold something */
	bool pending; /* there are values of which they know nothing */
	int64_t min, max, last;
};

/* @count more values (not 0) with this sum, the newest of them @last. */
void value_extremes_expect(struct value_extremes *extremes, uint64_t count, uint64_t sum, int64_t last);
/* The exact extremes of all that was expected before; none: @min > @max. */
void value_extremes_settle(struct value_extremes *extremes, int64_t min, int64_t max);
/* Adds a later stretch to an earlier one. */
void value_extremes_join(struct value_extremes *to, const struct value_extremes *later);

#endif
