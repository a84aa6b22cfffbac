// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What probes may take of the target's CPU time: 5 %. A probe that was asked for by its name is kept,
 * and its price said once; of those that a pattern found the dearest go until the rest is below.
 */
#include "cli/session_parts.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SHARE_MAX      0.05
/* The target's CPU time is known by the scheduler's tick: less than this says nothing. */
#define JUDGE_AFTER_NS 200000000ULL

/* What a component cost since the last judgement. */
struct budget {
	uint64_t target_ns;
	uint64_t *cost_ns; /* at the last judgement */
	double *share;	   /* since then */
	bool *drop, *told;
	size_t n;
};

int budget_new(struct session *session)
{
	size_t n = session->plan.n_components;
	struct budget *budget = calloc(1, sizeof(*budget));

	session->budget = budget;
	if (!budget)
		return -ENOMEM;
	budget->n = n;
	budget->cost_ns = calloc(n + 1, sizeof(*budget->cost_ns));
	budget->share = calloc(n + 1, sizeof(*budget->share));
	budget->drop = calloc(n + 1, sizeof(*budget->drop));
	budget->told = calloc(n + 1, sizeof(*budget->told));
	return budget->cost_ns && budget->share && budget->drop && budget->told ? 0 : -ENOMEM;
}

void budget_free(struct budget *budget)
{
	if (!budget)
		return;
	free(budget->cost_ns);
	free(budget->share);
	free(budget->drop);
	free(budget->told);
	free(budget);
}

static void take_shares(struct budget *budget, const struct tracer *tracer, uint64_t target_ns)
{
	for (size_t i = 0; i < budget->n; i++) {
		uint64_t cost = tracer_component_cost(tracer, i);

		budget->share[i] = (double)(cost - budget->cost_ns[i]) / (double)target_ns;
		budget->cost_ns[i] = cost;
	}
}

static void warn_of_named(struct session *session)
{
	struct budget *budget = session->budget;

	for (size_t i = 0; i < budget->n; i++) {
		if (session->plan.components[i].glob || budget->told[i] || budget->share[i] <= SHARE_MAX)
			continue;
		budget->told[i] = true;
		diag_warn("the probe of %s takes %.0f %% of the target's CPU time: it is called often",
			  session->plan.components[i].name, 100 * budget->share[i]);
	}
}

/* The dearest of a glob's that is still there, or n. */
static size_t dearest(const struct session *session)
{
	const struct budget *budget = session->budget;
	size_t best = budget->n;

	for (size_t i = 0; i < budget->n; i++)
		if (session->plan.components[i].glob && !budget->drop[i] && budget->share[i] > 0 &&
		    (best == budget->n || budget->share[i] > budget->share[best]))
			best = i;
	return best;
}

static double share_of_globs(const struct session *session)
{
	double sum = 0;

	for (size_t i = 0; i < session->budget->n; i++)
		if (session->plan.components[i].glob && !session->budget->drop[i])
			sum += session->budget->share[i];
	return sum;
}

/* Those that are named when several go. */
#define DEAREST_NAMED 3

/* What goes at one judgement. */
struct going {
	size_t n, named[DEAREST_NAMED];
	double share;
};

/* One line, however many they are: the table and the report mark each. */
static void say_going(const struct session *session, const struct going *going)
{
	const double *share = session->budget->share;
	char names[512] = "";
	size_t length = 0;

	for (size_t i = 0; i < going->n && i < DEAREST_NAMED && length < sizeof(names); i++)
		length += snprintf(names + length, sizeof(names) - length, "%s%s %.1f %%", i ? ", " : "",
				   session->plan.components[going->named[i]].name,
				   100 * share[going->named[i]]);
	diag_warn(
		"%zu component%s not measured any more, whose probes took %.1f %% of the target's CPU time: "
		"%s%s",
		going->n, going->n == 1 ? " is" : "s are", 100 * going->share, names,
		going->n > DEAREST_NAMED ? ", ..." : "");
}

static struct going choose(struct session *session)
{
	struct budget *budget = session->budget;
	struct going going = {0};

	while (share_of_globs(session) > SHARE_MAX) {
		size_t i = dearest(session);

		if (i == budget->n)
			break;
		budget->drop[i] = true;
		going.share += budget->share[i];
		if (going.n < DEAREST_NAMED)
			going.named[going.n] = i;
		going.n++;
	}
	return going;
}

void budget_judge(struct session *session, const struct tick *tick)
{
	struct budget *budget = session->budget;
	uint64_t target_ns = tick->self.target_cpu_ns - budget->target_ns;
	struct going going;
	int err;

	if (tick->self.target_cpu_ns <= budget->target_ns || target_ns < JUDGE_AFTER_NS)
		return;
	budget->target_ns = tick->self.target_cpu_ns;
	take_shares(budget, session->tracer, target_ns);
	warn_of_named(session);
	going = choose(session);
	if (!going.n)
		return;
	say_going(session, &going);
	err = tracer_drop(session->tracer, &session->plan, budget->drop);
	if (err)
		diag_warn("probes could not be taken away: %s", strerror(-err));
}
