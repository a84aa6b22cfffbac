// SPDX-License-Identifier: GPL-2.0-or-later
#include "monitor/verdict.h"

#include <stddef.h>

static const char no_span[] = "no span seen";
static const char too_few[] = "too few spans in the window";
static const char lost_any[] = "spans were lost: too deep, no memory, no entry seen, or missed by the kernel";
static const char lost_enough[] = "lost spans could have turned it";

/* A single span that was lost may have been the one that was too slow. */
static const char *why_span_unknown(const struct component *c)
{
	if (!c->counters.returns)
		return no_span;
	return component_lost(c) ? lost_any : NULL;
}

static const char *why_window_unknown(const struct component *c, const struct objective_run *run)
{
	if (!c->counters.returns)
		return no_span;
	if (run->unsure)
		return lost_enough;
	return run->judged ? NULL : too_few;
}

enum verdict verdict_of_objective(const struct component *component, const struct objective_run *run,
				  const char **why)
{
	*why = NULL;
	if (run->violated)
		return VERDICT_VIOLATED;
	*why = run->info->per_span ? why_span_unknown(component) : why_window_unknown(component, run);
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
