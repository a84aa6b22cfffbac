/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The connections that a component opens: how long each took, by a probe of their own. */
#ifndef LAPSE_MONITOR_CONNECTS_H
#define LAPSE_MONITOR_CONNECTS_H

#include "monitor/window.h"

struct component;

/* The record of a connection that took longer than max_connection_time. */
void connects_span(struct component *component, const struct lapse_span *span);

/* What @now has more than @before is added to @tally. */
void connects_between(struct tally *tally, const struct tick_connects *before,
		      const struct tick_connects *now);

/* Whether its probe has ever shown a connection: one that was tried, or one that stood before. */
bool connects_seen(const struct component *component);

/* The steps of a tick. */
void connects_begin_tick(struct component *component);
void connects_count(struct component *component, const struct tick_component *input);
void connects_end_tick(struct component *component);

#endif
