// SPDX-License-Identifier: GPL-2.0-or-later
#include "monitor/verdict.h"

#include <stddef.h>

static const char lost_any[] = "spans were lost: too deep, no memory, no entry seen, or missed by the kernel";

static const char detached[] = "its probes were too dear, and have been taken away";

static const char unplaced[] =
	"the limit lies inside of a bucket of the histogram, with spans in it that were not recorded singly";

const char verdict_too_few[] = "too few spans in the window";

/* What there is none of, where nothing has come that the objective is measured by; else NULL. */
static const char *why_nothing(const struct component *c, const struct objective_run *run)
{
	switch (run->info->source) {
	case SOURCE_OUTCOMES:
		if (c->outcome_unknown)
			return "nothing tells a failed span from a good one";
		break;
	case SOURCE_CACHE:
		return c->counters.hits || c->counters.misses ? NULL : "no look-up of the cache seen";
	case SOURCE_VALUE:
		return run->value >= 0 && c->values[run->value].count ? NULL : "no such value captured";
	case SOURCE_OPEN:
		return c->counters.entries ? NULL : "no span seen";
	case SOURCE_SPANS:
	case SOURCE_MEMORY:
		return NULL;
	case SOURCE_CONNECTS:
		return c->connects.opened || c->connects.failed ? NULL : "no connection was opened";
	case SOURCE_REUSE:
		if (c->counters.returns && !connects_seen(c))
			return "no connection seen, new or standing: their probe may mean others";
		break;
	case SOURCE_DURATIONS:
		break;
	}
	return c->counters.returns ? NULL : "no span seen";
}

/* A single span that was lost may have been the one that was too slow. */
static const char *why_span_unknown(const struct component *c, const struct objective_run *run)
{
	if (run->info->source == SOURCE_CONNECTS)
		return c->connects.lost + c->stage->missed ? lost_any : NULL;
	if (run->info->source == SOURCE_DURATIONS && c->unplaced)
		return unplaced;
	return component_lost(c) ? lost_any : NULL;
}

static const char *why_window_unknown(const struct objective_run *run)
{
	if (run->unsure)
		return "lost spans could have turned it";
	if (run->judged)
		return NULL;
	if (run->info->source == SOURCE_MEMORY)
		return "nothing tells what its processes have in memory";
	if (run->info->by_ticks)
		return "not observed for long enough";
	if (run->info->by_burn)
		return "too few spans to tell how fast the budget burns";
	if (run->info->by_period)
		return "not observed for a whole period, with the process running";
	return run->info->of_system ? "not checked yet, or too few spans" : verdict_too_few;
}

enum verdict verdict_of_objective(const struct component *component, const struct objective_run *run,
				  const char **why)
{
	*why = NULL;
	if (run->violated)
		return VERDICT_VIOLATED;
	*why = component->stage->gaps;
	if (!*why)
		*why = component->detached ? detached : why_nothing(component, run);
	if (!*why)
		*why = run->info->per_span ? why_span_unknown(component, run) : why_window_unknown(run);
	return *why ? VERDICT_UNKNOWN : VERDICT_HELD;
}

static int weight(enum verdict verdict)
{
	static const int weights[] = {
		[VERDICT_NONE] = 0, [VERDICT_HELD] = 1, [VERDICT_UNKNOWN] = 2, [VERDICT_VIOLATED] = 3};

	return weights[verdict];
}

enum verdict verdict_worse(enum verdict a, enum verdict b)
{
	return weight(a) > weight(b) ? a : b;
}
