// SPDX-License-Identifier: GPL-2.0-or-later
#include "monitor/timeline.h"

#include <errno.h>
#include <stdlib.h>

int timeline_reserve(struct timeline *timeline, size_t ticks)
{
	size_t size = ticks + 1; /* the end of the tick before the first one is needed too */
	uint64_t *end_ns, n;

	if (size <= timeline->size)
		return 0;
	end_ns = calloc(size, sizeof(*end_ns));
	if (!end_ns)
		return -ENOMEM;
	n = timeline->ticks >= timeline->size ? timeline->ticks - timeline->size + 1 : 0;
	for (; timeline->size && n <= timeline->ticks; n++)
		end_ns[n % size] = timeline->end_ns[n % timeline->size];
	free(timeline->end_ns);
	timeline->end_ns = end_ns;
	timeline->size = size;
	return 0;
}

void timeline_free(struct timeline *timeline)
{
	free(timeline->end_ns);
	timeline->end_ns = NULL;
}

void timeline_add(struct timeline *timeline, uint64_t period_ns)
{
	uint64_t before;

	timeline->ticks++;
	if (!timeline->size)
		return;
	before = timeline->end_ns[(timeline->ticks - 1) % timeline->size];
	timeline->end_ns[timeline->ticks % timeline->size] = before + period_ns;
}

void timeline_extend(struct timeline *timeline, uint64_t period_ns)
{
	if (timeline->size)
		timeline->end_ns[timeline->ticks % timeline->size] += period_ns;
}

uint64_t timeline_covered(const struct timeline *timeline, uint64_t first, uint64_t last)
{
	if (first > last || !timeline->size)
		return 0;
	return timeline->end_ns[last % timeline->size] - timeline->end_ns[(first - 1) % timeline->size];
}
