/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A component under another contract: what was measured and found stays, what is promised changes. */
#ifndef LAPSE_MONITOR_RENEW_H
#define LAPSE_MONITOR_RENEW_H

#include "monitor/component.h"

/* What @component becomes under @contract (NULL: none) with @window: to be given to component_renew().
 * NULL when out of memory; @component has not changed. */
struct component *component_renewed(const struct component *component, const struct window_spec *window,
				    const struct contract *contract);

/*
 * Has @component promise what @renewed does, which goes with it. An objective that was there before keeps its
 * violations, and an alert its state; with another limit, breaches are counted anew from here on, beside
 * those that there were. An alert whose objectives are all gone is resolved, by the sink. What the log says
 * of old objectives' values is kept in @component.
 */
void component_renew(struct component *component, struct component *renewed);

#endif
