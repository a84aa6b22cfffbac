/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * How fast an error budget burns. Of all spans the share 1 - target may be bad over the period: that is the
 * budget, and a burn rate of 1 uses it up in exactly that time. An alert wants two windows to burn, a long
 * one, so that what little is gone does not matter, and a short one, so that it ends soon after the burning:
 *
 *   windows     burn rate   of a 30 d budget that is   severity
 *   1 h, 5 min  14.4         2 % in an hour            critical
 *   6 h, 30 min  6           5 % in six                critical
 *   3 d, 6 h     1          10 % in three days         warning
 *
 * These are for a period of 30 d or more; with a shorter one the windows are shorter in proportion.
 *
 * What was before tracing began counts as good, with as many spans in it: a window that is not observed in
 * full yet has burnt what its bad spans are of all that it will hold. So a minute of trouble is not taken for
 * an hour, and an hour need not pass before a great one is told.
 *
 * A window is kept as 60 slots, whatever its length, and one more that fills.
 */
#ifndef LAPSE_MONITOR_BURN_H
#define LAPSE_MONITOR_BURN_H

#include "monitor/contract.h"
#include "monitor/objective.h"

#define BURN_SLOTS 61

struct burn_count {
	uint64_t bad, total;
	uint64_t lost; /* spans of which is not known what they were */
};

struct burn_window {
	uint64_t length_ns, slot_ns;
	uint64_t newest; /* number of the slot that fills, from the start on */
	struct burn_count slots[BURN_SLOTS], sum;
};

enum burn_length { BURN_LONG, BURN_SHORT, BURN_LENGTHS };

struct burn {
	double budget;
	struct burn_window windows[BURN_PAIRS][BURN_LENGTHS];
};

/* What burns, or else what is nearest to it. */
struct burning {
	double rate; /* over the long window */
	double limit;
	enum severity severity;
	uint64_t window_ns; /* the long one */
};

void burn_init(struct burn *burn, const struct objective *objective, uint64_t tick_ns);
/* Adds what was counted until @since_start_ns; time only grows. */
void burn_add(struct burn *burn, uint64_t since_start_ns, const struct burn_count *more);
/* Judges what has been added until @since_start_ns; sets *@burning unless there are too few spans. */
enum judgement burn_judge(const struct burn *burn, uint64_t since_start_ns, struct burning *burning);

#endif
