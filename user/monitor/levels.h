/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The limits by which the kernel counts the breaches of a span objective, and what each means. */
#ifndef LAPSE_MONITOR_LEVELS_H
#define LAPSE_MONITOR_LEVELS_H

#include "monitor/contract.h"

struct levels {
	bool upper;
	bool approach; /* the NOTICE level warns on approach and counts no violations */
	bool fixed;    /* every breach has .severity */
	enum severity severity;
	int64_t at[LAPSE_LEVELS]; /* beyond this; levels_never(): not in use */
};

void levels_set(struct levels *levels, const struct objective *objective,
		const struct thresholds *thresholds);
/* Of a budget: above @limit_ns a span is bad, and that is all. */
void levels_set_bad(struct levels *levels, double limit_ns);

/* The limit that no value is beyond. */
int64_t levels_never(bool upper);
/* The highest level that @value is beyond; -1: none. */
int levels_of(const struct levels *levels, int64_t value);
/* The lowest level that is a breach. */
int levels_lowest(const struct levels *levels);
/* The value next to the limit of @level and beyond it. */
int64_t levels_beyond(const struct levels *levels, int level);
/* The level is near the limit, not beyond it. */
bool levels_is_approach(const struct levels *levels, int level);
enum severity levels_severity(const struct levels *levels, int level);

#endif
