/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Causes of a component's spans, by how slow these were. */
#ifndef LAPSE_MONITOR_CAUSES_H
#define LAPSE_MONITOR_CAUSES_H

#include "monitor/snapshot.h"

/* Keeps a copy of @rows (NULL: there are none) in *kept, which is to be freed. 0 or -ENOMEM. */
int causes_take(struct lapse_why_row **kept, const struct lapse_why_row *rows);

/* The bands of @rows, all spans first, the slowest last; how many. Bands end where a row does, a quarter of
 * an octave: the slowest hundredth may be a few spans more. */
size_t causes_bands(const struct lapse_why_row *rows, struct cause_band bands[CAUSE_BANDS]);

#endif
