/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Whether a component was up, tick by tick, and the share of ticks in which it was. It was up if its process
 * ran, and of the spans that ended at least one succeeded, or none ended and none hangs. Where the process
 * ended within a tick, that says nothing against it: what it did before decides, and it is down from the next
 * one on.
 */
#ifndef LAPSE_MONITOR_LIVENESS_H
#define LAPSE_MONITOR_LIVENESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* LIVE_DOUBTFUL: spans that tracing missed may have decided it either way. */
enum liveness_state { LIVE_DOWN, LIVE_DOUBTFUL, LIVE_UP };

/* What happened in a tick. */
struct liveness {
	uint64_t ended, failed, lost;
	bool ran;   /* a process did, at some moment of it */
	bool hangs; /* at its end a span is in flight past the critical latency */
};

/* Adds a further part of the same tick, in which @more was found. */
void liveness_add(struct liveness *tick, const struct liveness *more);
enum liveness_state liveness_of(const struct liveness *tick);

/* Over the newest @size ticks. */
struct uptime {
	uint8_t *states; /* enum liveness_state, by tick % size; NULL: not kept, only counted */
	uint64_t size;
	uint64_t ticks;	       /* ever */
	uint64_t up, doubtful; /* of those that count */
	enum liveness_state last;
	uint64_t last_ticks; /* what was added last stands for so many: a late tick is several */
};

/* 0 or -ENOMEM; with @size 0 all ticks count, and none is kept. */
int uptime_init(struct uptime *uptime, uint64_t size);
void uptime_free(struct uptime *uptime);

/* Adds @n ticks in which it was @state, or, with @again, puts that in place of what was added last. */
void uptime_add(struct uptime *uptime, enum liveness_state state, uint64_t n, bool again);
/* Ticks that are counted. */
uint64_t uptime_observed(const struct uptime *uptime);

#endif
