// SPDX-License-Identifier: GPL-2.0-or-later
/* How fast error budgets burn, from the spans themselves: section 6. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "model_parts.h"

#define SEC 1000000000ULL

/* ---- budgets -------------------------------------------------------------------------------------- */

struct burnt {
	double bad, total, lost;
};

/* A window is @slots pieces of the time since the start, and one more that fills: what was counted in these.
 */
static bool is_within(const struct model_component *c, uint64_t fed_ns, uint64_t slot_ns, uint64_t slots)
{
	uint64_t start = c->model->start_ns, now = (c->model->now_ns - start - 1) / slot_ns;

	return (fed_ns - start - 1) / slot_ns + slots >= now;
}

static struct burnt burnt(const struct model_component *c, const struct objective *o, uint64_t slot_ns,
			  uint64_t slots)
{
	struct burnt b = {0, 0, 0};

	for (size_t i = 0; i < c->counted; i++) {
		const struct model_span *span = &c->spans[i];

		if (!is_within(c, span->fed_ns, slot_ns, slots))
			continue;
		b.total++;
		b.bad += o->kind == OBJ_LATENCY_BUDGET ? (double)span->ns > o->span_limit : span->error;
	}
	for (size_t i = 0; o->kind == OBJ_FAILURE_BUDGET && i < c->connects_counted; i++) {
		bool bad = c->connects[i].failed && is_within(c, c->connects[i].fed_ns, slot_ns, slots);

		b.total += bad;
		b.bad += bad;
	}
	for (size_t i = 0; i < c->n_feeds; i++)
		if (is_within(c, c->feeds[i].now_ns, slot_ns, slots))
			b.lost += (double)c->feeds[i].lost;
	return b;
}

static uint64_t rounded_up(double x, uint64_t unit)
{
	uint64_t whole = (uint64_t)x;

	return whole < unit ? unit : (whole + unit - 1) / unit * unit;
}

/* How the share of bad spans, with what was missed good and with it bad, stands to the budget. */
struct rates {
	double seen, least, most;
	double total, length;
};

static struct rates rates_over(const struct model_component *c, const struct objective *o, double hours)
{
	double scale = fmin(1, (double)o->period_ns / (30.0 * 86400e9)), seen;
	uint64_t length = rounded_up(hours * 3600e9 * scale, SEC);
	uint64_t slot = rounded_up(ceil((double)length / 60), SEC), slots = (length + slot - 1) / slot;
	struct burnt b = burnt(c, o, slot, slots);
	double stretch;

	/* Before the start as many spans came, and were good. */
	seen = (double)(c->model->now_ns - c->model->start_ns);
	stretch = seen < (double)length ? (double)length / seen : 1;
	return (struct rates){.seen = b.total > 0 ? b.bad / (b.total * stretch) / o->budget : 0,
			      .least = b.bad / ((b.total + b.lost) * stretch) / o->budget,
			      .most = (b.bad + b.lost) / ((b.total + b.lost) * stretch) / o->budget,
			      .total = b.total,
			      .length = (double)length};
}

static enum model_found pair_burns(const struct rates windows[2], double factor, double budget)
{
	double needed = fmax(20, ceil(1 / (factor * budget) - 1e-6));
	bool least = true;

	if (factor * budget >= 1)
		return MODEL_HELD;
	for (int i = 0; i < 2; i++) {
		if (windows[i].total < needed)
			return MODEL_TOO_FEW;
		if (windows[i].most <= factor * (1 + 1e-9))
			return MODEL_HELD;
		least &= windows[i].least > factor * (1 + 1e-9);
	}
	return least ? MODEL_BREACHED : MODEL_UNSURE;
}

static const struct {
	double hours[2], factor;
	enum severity severity;
} budget_rule[3] = {
	{{1, 1 / 12.0}, 14.4, SEV_CRITICAL}, {{6, 0.5}, 6, SEV_CRITICAL}, {{72, 6}, 1, SEV_WARNING}};

enum model_found model_budget(const struct model_component *c, struct model_objective *o, double *measured,
			      uint64_t *window_ns)
{
	static const enum model_found order[] = {MODEL_HELD, MODEL_TOO_FEW, MODEL_UNSURE, MODEL_BREACHED};
	enum model_found all[3], worst = MODEL_HELD;
	double nearest = -1;
	struct rates r[3][2];

	for (int i = 0; i < 3; i++) {
		for (int k = 0; k < 2; k++)
			r[i][k] = rates_over(c, &o->objective, budget_rule[i].hours[k]);
		all[i] = pair_burns(r[i], budget_rule[i].factor, o->objective.budget);
	}
	for (int k = 0; k < 4; k++)
		for (int i = 0; i < 3; i++)
			worst = all[i] == order[k] ? order[k] : worst;
	for (int i = 0; i < 3; i++) {
		double part = r[i][0].seen / budget_rule[i].factor;

		if (all[i] != worst || part <= nearest)
			continue;
		nearest = worst == MODEL_BREACHED ? INFINITY : part;
		*measured = r[i][0].seen;
		*window_ns = (uint64_t)r[i][0].length;
		o->burn_limit = budget_rule[i].factor;
		o->burn_severity = budget_rule[i].severity;
	}
	return worst;
}
