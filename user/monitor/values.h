/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The captured values of a component: which is which, their figures, and max_value and min_value. */
#ifndef LAPSE_MONITOR_VALUES_H
#define LAPSE_MONITOR_VALUES_H

#include "monitor/feed.h"
#include "monitor/figures.h"
#include "monitor/snapshot.h"

struct component;
struct monitor_component;

/* Takes the names that are known at the start. 0 or -ENOMEM. */
int values_init(struct component *component, const struct monitor_component *wanted);

/* A record; a tick's beginning, its counters (names and late extremes, which may be -ENOMEM, then counts),
 * its end. */
void values_span(struct component *component, const struct lapse_span *span);
void values_begin_tick(struct component *component);
int values_settle(struct component *component, const struct tick_component *input);
void values_count(struct component *component, const struct tick_component *input);
void values_end_tick(struct component *component);

/* What came of each value between two ticks. */
void values_between(struct tally *tally, const struct tick_value before[LAPSE_VALUES],
		    const struct tick_value now[LAPSE_VALUES]);

/* Describes the values that have a name. */
void values_describe(const struct component *component, const struct tally *tally,
		     const struct value_extremes extremes[LAPSE_VALUES], struct stats *stats);

#endif
