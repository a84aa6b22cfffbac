/* SPDX-License-Identifier: GPL-2.0-or-later */
/* max_latency: breaches by ended spans, and by those in flight. */
#ifndef LAPSE_MONITOR_LATENCY_H
#define LAPSE_MONITOR_LATENCY_H

#include "monitor/feed.h"
#include "monitor/opens.h"

struct component;
struct objective_run;

struct latency {
	struct objective_run *run; /* NULL: the contract has no max_latency */
	struct opens opens;
};

void latency_free(struct latency *latency);

/* A record; a tick's beginning, its open spans, its counters, its end. */
void latency_span(struct component *component, const struct lapse_span *span);
void latency_begin_tick(struct component *component, bool open_known);
void latency_open(struct component *component, const struct lapse_span *open);
void latency_count(struct component *component, const struct tick_component *input);
void latency_end_tick(struct component *component);
/* After the last tick and record. */
void latency_end(struct component *component);

#endif
