// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What probes may take of the target's CPU time: 5 %, of which a probe that was asked for by its name is
 * kept, its price said once, and of those that a pattern found the dearest go until the rest is below. With
 * --max-overhead the limit is that, and any of them goes.
 */
#include "cli/session_parts.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/budget.h"

#define SHARE_MAX      0.05
/* The target's CPU time is known by the scheduler's tick: less than this says nothing. */
#define JUDGE_AFTER_NS 200000000ULL

/* What a component cost since the last judgement; those of connections' groups stand behind the plan's. */
struct budget {
	double limit;
	uint64_t target_ns;
	uint64_t *cost_ns; /* at the last judgement */
	double *share;	   /* since then */
	double tcp_share;  /* of all that is seen by TCP's programs, which have one price */
	size_t *order;	   /* those that may go, the dearest first */
	bool *drop, *told;
	bool *tcp; /* seen by the programs of all TCP: goes when they do */
	size_t n;
};

static int allocate(struct budget *budget)
{
	budget->cost_ns = calloc(budget->n + 1, sizeof(*budget->cost_ns));
	budget->share = calloc(budget->n + 1, sizeof(*budget->share));
	budget->order = calloc(budget->n + 1, sizeof(*budget->order));
	budget->drop = calloc(budget->n + 1, sizeof(*budget->drop));
	budget->told = calloc(budget->n + 1, sizeof(*budget->told));
	budget->tcp = calloc(budget->n + 1, sizeof(*budget->tcp));
	return budget->cost_ns && budget->share && budget->order && budget->drop && budget->told &&
			       budget->tcp
		       ? 0
		       : -ENOMEM;
}

int budget_new(struct session *session)
{
	const struct plan *plan = &session->plan;
	struct budget *budget = calloc(1, sizeof(*budget));
	int err;

	session->budget = budget;
	if (!budget)
		return -ENOMEM;
	budget->limit = session->options->max_overhead > 0 ? session->options->max_overhead : SHARE_MAX;
	budget->n = plan->n_components + session->n_groups;
	err = allocate(budget);
	for (size_t i = 0; i < plan->n_tcps && !err; i++)
		budget->tcp[plan->tcps[i].rule.component] = true;
	for (size_t i = plan->n_components; i < budget->n && !err; i++)
		budget->tcp[i] = true;
	return err;
}

void budget_free(struct budget *budget)
{
	if (!budget)
		return;
	free(budget->cost_ns);
	free(budget->share);
	free(budget->order);
	free(budget->drop);
	free(budget->told);
	free(budget->tcp);
	free(budget);
}

/* Whether component @i may be taken away. */
static bool may_go(const struct session *session, size_t i)
{
	return session->options->max_overhead > 0 ||
	       (i < session->plan.n_components && session->plan.components[i].glob);
}

static const char *name_of(const struct session *session, size_t i)
{
	return session->budget->tcp[i] ? "tcp" : session->plan.components[i].name;
}

/* Costs are reckoned by what a probe was measured to take beforehand; together they are no more than all. */
static void bound_shares(struct budget *budget, double sum)
{
	for (size_t i = 0; sum > 1 && i < budget->n; i++)
		budget->share[i] /= sum;
	if (sum > 1)
		budget->tcp_share /= sum;
}

static void take_shares(struct budget *budget, const struct tracer *tracer, uint64_t target_ns)
{
	double sum = 0;

	budget->tcp_share = 0;
	for (size_t i = 0; i < budget->n; i++) {
		uint64_t cost = tracer_component_cost(tracer, i);

		budget->share[i] = (double)(cost - budget->cost_ns[i]) / (double)target_ns;
		budget->cost_ns[i] = cost;
		budget->tcp_share += budget->tcp[i] ? budget->share[i] : 0;
		sum += budget->share[i];
	}
	bound_shares(budget, sum);
}

static void warn_of_kept(struct session *session)
{
	struct budget *budget = session->budget;

	for (size_t i = 0; i < budget->n; i++) {
		if (may_go(session, i) || budget->told[i] || budget->share[i] <= SHARE_MAX)
			continue;
		budget->told[i] = true;
		diag_warn("the probe of %s takes %.0f %% of the target's CPU time: it is called often",
			  name_of(session, i), 100 * budget->share[i]);
	}
}

/* What may go and is still there, together. */
static double share_left(const struct session *session)
{
	double sum = 0;

	for (size_t i = 0; i < session->budget->n; i++)
		if (may_go(session, i) && !session->budget->drop[i])
			sum += session->budget->share[i];
	return sum;
}

static double price(const struct budget *budget, size_t i)
{
	return budget->tcp[i] ? budget->tcp_share : budget->share[i];
}

static int dearest_first(const void *a, const void *b, void *context)
{
	size_t x = *(const size_t *)a, y = *(const size_t *)b;
	double one = price(context, x), other = price(context, y);

	if (one != other)
		return one < other ? 1 : -1;
	return x < y ? -1 : 1;
}

/* Sorts those that may go and are still there; how many. */
static size_t order_candidates(const struct session *session)
{
	struct budget *budget = session->budget;
	size_t n = 0;

	for (size_t i = 0; i < budget->n; i++)
		if (may_go(session, i) && !budget->drop[i] && price(budget, i) > 0)
			budget->order[n++] = i;
	qsort_r(budget->order, n, sizeof(*budget->order), dearest_first, budget);
	return n;
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
	char names[512] = "";
	size_t length = 0;

	for (size_t i = 0; i < going->n && i < DEAREST_NAMED && length < sizeof(names); i++)
		length += snprintf(names + length, sizeof(names) - length, "%s%s %.1f %%", i ? ", " : "",
				   name_of(session, going->named[i]),
				   100 * price(session->budget, going->named[i]));
	diag_warn(
		"%zu component%s not measured any more, whose probes took %.1f %% of the target's CPU time: "
		"%s%s",
		going->n, going->n == 1 ? " is" : "s are", 100 * going->share, names,
		going->n > DEAREST_NAMED ? ", ..." : "");
}

static void drop(struct budget *budget, size_t which)
{
	budget->drop[which] = true;
	for (size_t i = 0; budget->tcp[which] && i < budget->n; i++)
		budget->drop[i] |= budget->tcp[i];
}

static struct going choose(struct session *session)
{
	struct budget *budget = session->budget;
	double left = share_left(session), most = budget_remainder(left, budget->limit);
	size_t n = left > budget->limit && left > most ? order_candidates(session) : 0;
	struct going going = {0};

	for (size_t k = 0; k < n && left > most; k++) {
		size_t i = budget->order[k];

		if (budget->drop[i])
			continue;
		drop(budget, i);
		left = budget->tcp[i] ? share_left(session) : left - budget->share[i];
		going.share += price(budget, i);
		if (going.n < DEAREST_NAMED)
			going.named[going.n] = i;
		going.n++;
	}
	return going;
}

static void say_if_none_left(const struct session *session)
{
	for (size_t i = 0; i < session->plan.n_components; i++)
		if (!session->budget->drop[i])
			return;
	diag_warn("nothing is measured any more: a higher --max-overhead, or a probe of what is called less "
		  "often, leaves some");
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
	warn_of_kept(session);
	going = choose(session);
	if (!going.n)
		return;
	say_going(session, &going);
	err = tracer_drop(session->tracer, &session->plan, budget->drop);
	if (err)
		diag_warn("probes could not be taken away: %s", strerror(-err));
	say_if_none_left(session);
}
