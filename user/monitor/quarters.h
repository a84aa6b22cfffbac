/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A component's window cut in quarters, for its trends. */
#ifndef LAPSE_MONITOR_QUARTERS_H
#define LAPSE_MONITOR_QUARTERS_H

#include "monitor/component.h"
#include "monitor/trend.h"

/* Sets the three trends of @out; unknown with fewer than 10 samples. */
void quarters_trends(const struct component *component, struct component_snapshot *out);

#endif
