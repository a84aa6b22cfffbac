/* SPDX-License-Identifier: GPL-2.0-or-later */
/* max_latency: exact violation counts out of kernel counters, single records and spans in flight. */
#ifndef LAPSE_MONITOR_LATENCY_H
#define LAPSE_MONITOR_LATENCY_H

#include "monitor/feed.h"
#include "monitor/opens.h"

struct component;
struct objective_run;

struct latency {
	struct objective_run *run; /* NULL: the contract has no max_latency */
	uint64_t limit_ns;
	uint64_t level_ns[LAPSE_LEVELS];
	bool approach; /* the NOTICE level warns on approach and counts no violations */
	uint64_t kernel[LAPSE_LEVELS], records[LAPSE_LEVELS];
	uint64_t kernel_sum, kernel_before, record_sum; /* violations only */
	uint64_t new_records[LAPSE_LEVELS];		/* since the last tick */
	uint64_t abandoned;				/* open ones that never returned */
	uint64_t ahead, ahead_before; /* announced before they were counted; by the last tick */
	struct opens opens;
};

/* Sets the levels for the limit of @objective. */
void latency_levels(struct latency *latency, const struct objective *objective,
		    const struct thresholds *thresholds);
/* The highest level that @ns exceeds; -1: none. */
int latency_level_of(const struct latency *latency, uint64_t ns);
/* The level is near the limit, not beyond it. */
bool latency_is_approach(const struct latency *latency, int level);
enum severity latency_severity(const struct latency *latency, int level);

/* Takes @run as the component's max_latency. */
void latency_init(struct component *component, struct objective_run *run);
void latency_free(struct latency *latency);

/* A record; a tick's beginning, its open spans, its counters, its end. */
void latency_span(struct component *component, const struct lapse_span *span);
void latency_begin_tick(struct component *component, bool open_known);
void latency_open(struct component *component, const struct lapse_span *open);
void latency_count(struct component *component, const struct tick_component *input);
void latency_end_tick(struct component *component);

#endif
