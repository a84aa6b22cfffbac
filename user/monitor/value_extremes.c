// SPDX-License-Identifier: GPL-2.0-or-later
#include "monitor/value_extremes.h"

static void include(struct value_extremes *e, int64_t value)
{
	if (!e->any || value < e->min)
		e->min = value;
	if (!e->any || value > e->max)
		e->max = value;
	e->any = true;
}

void value_extremes_expect(struct value_extremes *extremes, uint64_t count, uint64_t sum, int64_t last)
{
	include(extremes, last);
	extremes->last = last;
	/* Of two values the sum tells the other one. */
	if (count == 2)
		include(extremes, (int64_t)(sum - (uint64_t)last));
	extremes->pending |= count > 2;
}

void value_extremes_settle(struct value_extremes *extremes, int64_t min, int64_t max)
{
	extremes->pending = false;
	if (min > max)
		return;
	include(extremes, min);
	include(extremes, max);
}

void value_extremes_join(struct value_extremes *to, const struct value_extremes *later)
{
	if (!later->any)
		return;
	include(to, later->min);
	include(to, later->max);
	to->last = later->last;
	to->pending |= later->pending;
}
