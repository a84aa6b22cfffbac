// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Which components a person is shown. All, while they fit on a screen or have a contract; of the
 * hundreds that a glob makes, those on which most time was spent.
 */
#include <stdlib.h>

#include "output/text_parts.h"

#define ALWAYS_SHOWN 24
#define MOST_SHOWN   20

static double time_spent(const struct component_snapshot *component, bool interval)
{
	const struct stats *stats = interval ? &component->interval : &component->total;

	return stats->count && !component->untimed ? stats->avg_ns * (double)stats->count : 0;
}

/* An event takes no time and may be what was asked for all the same. */
static bool is_counted(const struct component_snapshot *component, bool interval)
{
	return component->untimed && (interval ? component->interval.count : component->total.count);
}

struct ranked {
	uint32_t index;
	double spent;
};

static int by_time_spent(const void *a, const void *b)
{
	const struct ranked *x = a, *y = b;

	if (x->spent == y->spent)
		return x->index < y->index ? -1 : x->index > y->index;
	return x->spent < y->spent ? 1 : -1;
}

static bool all_shown(const struct snapshot *snapshot)
{
	if (snapshot->n_components <= ALWAYS_SHOWN)
		return true;
	for (size_t i = 0; i < snapshot->n_components; i++)
		if (snapshot->components[i].n_objectives)
			return true;
	return false;
}

size_t text_shown(const struct snapshot *snapshot, bool interval, uint32_t **shown, size_t *more)
{
	struct ranked *ranked = calloc(snapshot->n_components + 1, sizeof(*ranked));
	bool all = all_shown(snapshot);
	size_t n = 0;

	*more = 0;
	*shown = calloc(snapshot->n_components + 1, sizeof(**shown));
	for (uint32_t i = 0; ranked && i < snapshot->n_components; i++) {
		struct ranked each = {i, time_spent(&snapshot->components[i], interval)};

		if (snapshot->components[i].unused)
			continue;
		if (all || each.spent > 0 || is_counted(&snapshot->components[i], interval))
			ranked[n++] = each;
	}
	if (ranked && !all)
		qsort(ranked, n, sizeof(*ranked), by_time_spent);
	if (!all && n > MOST_SHOWN) {
		*more = n - MOST_SHOWN;
		n = MOST_SHOWN;
	}
	for (size_t i = 0; *shown && i < n; i++)
		(*shown)[i] = ranked[i].index;
	free(ranked);
	return *shown ? n : 0;
}
