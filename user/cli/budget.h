/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What probes may take: the arithmetic of cli/budget.c. */
#ifndef LAPSE_BUDGET_H
#define LAPSE_BUDGET_H

#include <math.h>

/* Costs are reckoned, and may come out as all of the target's time; something of that is its own. */
#define BUDGET_OWN_LEAST 0.05

/*
 * Of the target's time the probes took @taken. Some go, and their time with them: what the others took, r, is
 * a larger part of what remains, r / (1 - @taken + r). The most that r may be, so that this is no more than
 * @limit. With a limit of 1 anything may: shares of all the time add up to a little more now and then, by
 * rounding.
 */
static inline double budget_remainder(double taken, double limit)
{
	double own = 1 - taken > BUDGET_OWN_LEAST ? 1 - taken : BUDGET_OWN_LEAST;

	return limit < 1 ? own * limit / (1 - limit) : INFINITY;
}

#endif
