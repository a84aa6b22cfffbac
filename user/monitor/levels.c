// SPDX-License-Identifier: GPL-2.0-or-later
#include "monitor/levels.h"

#include <math.h>

#include "monitor/objective.h"

int64_t levels_never(bool upper)
{
	return upper ? INT64_MAX : INT64_MIN;
}

/* Values are whole: above 30.5 is above 30, below 30.5 is below 31. */
static int64_t whole_limit(bool upper, double limit)
{
	double whole = upper ? floor(limit) : ceil(limit);

	if (whole <= (double)INT64_MIN)
		return INT64_MIN + 1;
	return whole < (double)INT64_MAX ? (int64_t)whole : INT64_MAX - 1;
}

static bool is_beyond(bool upper, int64_t value, int64_t limit)
{
	return upper ? value > limit : value < limit;
}

static void set(struct levels *l, int64_t notice, int64_t warning, int64_t critical)
{
	l->at[LAPSE_LEVEL_NOTICE] = notice;
	l->at[LAPSE_LEVEL_WARNING] = warning;
	l->at[LAPSE_LEVEL_CRITICAL] = critical;
}

/*
 *   fixed severity            its level L, those below it unused
 *   warning multiplier m = 1  -, L, critical
 *   m > 1                     L, m L, critical
 *   m < 1                     m L (approach: no violation), then as for m = 1
 *
 * (L / m in place of m L for lower limits.) So violations are the sum of the levels, less the lowest
 * one where it is the approach. The kernel stops at spans within the two lower levels, so a level in
 * use has none unused above.
 */
void levels_set(struct levels *l, const struct objective *o, const struct thresholds *t)
{
	bool upper = objective_info(o->kind)->upper;
	double m = t->warning_multiplier;
	int64_t never = levels_never(upper), limit = whole_limit(upper, o->limit), notice = never;
	int64_t critical = whole_limit(upper, limit_critical(o, t)), raised;

	*l = (struct levels){
		.upper = upper, .approach = m < 1.0, .fixed = o->has_severity, .severity = o->severity};
	critical = is_beyond(upper, limit, critical) ? limit : critical;
	raised = whole_limit(upper, limit_at(o, m));
	if (l->approach)
		notice = raised;
	if (o->has_severity && o->severity == SEV_NOTICE && !l->approach)
		set(l, limit, never, never);
	else if (o->has_severity)
		set(l, notice, limit, o->severity == SEV_CRITICAL ? limit : never);
	else if (m > 1.0)
		set(l, limit, raised, critical);
	else
		set(l, notice, limit, critical);
}

void levels_set_bad(struct levels *l, double limit_ns)
{
	*l = (struct levels){.upper = true};
	set(l, levels_never(true), whole_limit(true, limit_ns), levels_never(true));
}

int levels_of(const struct levels *levels, int64_t value)
{
	int level = LAPSE_LEVELS - 1;

	while (level >= 0 && !is_beyond(levels->upper, value, levels->at[level]))
		level--;
	return level;
}

int64_t levels_beyond(const struct levels *levels, int level)
{
	return levels->at[level] + (levels->upper ? 1 : -1);
}

int levels_lowest(const struct levels *levels)
{
	int level = levels->approach || levels->at[LAPSE_LEVEL_NOTICE] == levels_never(levels->upper)
			    ? LAPSE_LEVEL_WARNING
			    : LAPSE_LEVEL_NOTICE;

	/* Of two equal limits the higher level counts. */
	return levels_of(levels, levels_beyond(levels, level));
}

bool levels_is_approach(const struct levels *levels, int level)
{
	return levels->approach && level == LAPSE_LEVEL_NOTICE;
}

enum severity levels_severity(const struct levels *levels, int level)
{
	if (levels_is_approach(levels, level))
		return SEV_WARNING;
	return levels->fixed ? levels->severity : (enum severity)level;
}
