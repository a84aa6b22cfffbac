// SPDX-License-Identifier: GPL-2.0-or-later
/* The limits by which the kernel counts breaches, and what a breach of each means. */
#include "monitor/component.h"

static uint64_t in_ns(double limit)
{
	return limit < (double)UINT64_MAX ? (uint64_t)limit : UINT64_MAX - 1;
}

/* The kernel stops at spans below the two lower levels, so a level in use has none unused above. */
static void set_levels(uint64_t level_ns[LAPSE_LEVELS], uint64_t notice, uint64_t warning, uint64_t critical)
{
	level_ns[LAPSE_LEVEL_NOTICE] = notice;
	level_ns[LAPSE_LEVEL_WARNING] = warning;
	level_ns[LAPSE_LEVEL_CRITICAL] = critical;
}

/*
 *   fixed severity            its level L, those below it unused
 *   warning multiplier m = 1  -, L, critical
 *   m > 1                     L, m L, critical
 *   m < 1                     m L (approach: no violation), then as for m = 1
 *
 * So violations are the sum of the levels, less the lowest one where it is the approach.
 */
void latency_levels(struct latency *l, const struct objective *o, const struct thresholds *t)
{
	uint64_t limit = in_ns(o->limit), critical = in_ns(limit_critical(o, t)), notice = UINT64_MAX;
	double m = t->warning_multiplier;

	critical = critical > limit ? critical : limit;
	l->limit_ns = limit;
	l->approach = m < 1.0;
	if (l->approach)
		notice = in_ns(limit_times(o->limit, m));
	if (o->has_severity && o->severity == SEV_NOTICE && !l->approach)
		set_levels(l->level_ns, limit, UINT64_MAX, UINT64_MAX);
	else if (o->has_severity)
		set_levels(l->level_ns, notice, limit, o->severity == SEV_CRITICAL ? limit : UINT64_MAX);
	else if (m > 1.0)
		set_levels(l->level_ns, limit, in_ns(limit_times(o->limit, m)), critical);
	else
		set_levels(l->level_ns, notice, limit, critical);
}

int latency_level_of(const struct latency *l, uint64_t ns)
{
	int level = LAPSE_LEVELS - 1;

	while (level >= 0 && ns <= l->level_ns[level])
		level--;
	return level;
}

bool latency_is_approach(const struct latency *l, int level)
{
	return l->approach && level == LAPSE_LEVEL_NOTICE;
}

enum severity latency_severity(const struct latency *l, int level)
{
	if (latency_is_approach(l, level))
		return SEV_WARNING;
	if (l->run->objective.has_severity)
		return l->run->objective.severity;
	return (enum severity)level;
}
