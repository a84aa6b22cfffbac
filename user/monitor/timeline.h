/* SPDX-License-Identifier: GPL-2.0-or-later */
/* How long the last ticks were: one ring for all components, so that idle ticks cost nothing. */
#ifndef LAPSE_MONITOR_TIMELINE_H
#define LAPSE_MONITOR_TIMELINE_H

#include <stddef.h>
#include <stdint.h>

struct timeline {
	uint64_t *end_ns; /* observed time at the end of tick n, at n % size */
	size_t size;
	uint64_t ticks; /* so many have been; the newest has this number, the first is 1 */
};

/* Makes the last @ticks ticks measurable. 0 or -ENOMEM. */
int timeline_reserve(struct timeline *timeline, size_t ticks);
void timeline_free(struct timeline *timeline);

void timeline_add(struct timeline *timeline, uint64_t period_ns);
/* Makes the newest tick longer. */
void timeline_extend(struct timeline *timeline, uint64_t period_ns);
/* How long the ticks from @first to @last were together; both among those reserved. */
uint64_t timeline_covered(const struct timeline *timeline, uint64_t first, uint64_t last);

#endif
