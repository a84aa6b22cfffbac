/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Breaches of one span objective: exact counts out of kernel counters, records and spans in flight. */
#ifndef LAPSE_MONITOR_BREACHES_H
#define LAPSE_MONITOR_BREACHES_H

#include "monitor/feed.h"
#include "monitor/levels.h"

struct component;
struct objective_run;

struct breaches {
	struct levels levels;
	uint64_t kernel[LAPSE_LEVELS], new_records[LAPSE_LEVELS]; /* the latter since the last tick */
	uint64_t kernel_sum, kernel_before, record_sum;		  /* violations only */
	uint64_t open, abandoned;     /* reported while in flight: still so; never to return */
	uint64_t ahead, ahead_before; /* announced before they were counted; by the last tick */
	uint64_t before;	      /* by other limits, which were there before */
	uint64_t kernel_base;	      /* of the kernel's counts: up to there they are by those */
	bool settling;		      /* the kernel has counted by both since the last tick */
};

/* Brings the violations up to date; returns by how much they grew. */
uint64_t breaches_count_up(struct component *component, struct objective_run *run);

/*
 * Tells of @span, which is beyond the limits of @level and stands for @n violations. @held: what a span that
 * may be told of again is to keep meanwhile, 0 at first; or NULL.
 */
void breaches_tell(struct component *component, struct objective_run *run, const struct lapse_span *span,
		   int64_t measured, int level, uint64_t n, uint64_t *held);
/* The span ended, or the tick saw it, then. */
uint64_t breaches_time(const struct component *component, const struct lapse_span *span);

/* A record of a span that was not reported before; @measured is beyond the limits of @level. */
void breaches_record(struct component *component, struct objective_run *run, const struct lapse_span *span,
		     int64_t measured, int level);
/* Counts a record at @level; false: it only nears the limit. */
bool breaches_take(struct objective_run *run, int level);

/* The limits of @run are new, and nothing has been counted by them. @before had others; NULL: there was none.
 */
void breaches_restart(struct objective_run *run, const struct objective_run *before);

/* A tick: its beginning, its counters and the furthest measure that it is known to hold, its end. */
void breaches_begin_tick(struct objective_run *run);
void breaches_count(struct component *component, struct objective_run *run,
		    const uint64_t counted[LAPSE_LEVELS], int64_t furthest);
void breaches_end_tick(struct component *component, struct objective_run *run);

#endif
