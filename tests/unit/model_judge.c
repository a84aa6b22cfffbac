// SPDX-License-Identifier: GPL-2.0-or-later
/* What a tick's judgements come to: severities, verdicts, health; sections 5, 7 and 9. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "model_parts.h"

#define SEC 1000000000ULL

/* ---- severities --------------------------------------------------------------------------------- */

bool model_is_upper(enum objective_kind kind)
{
	switch (kind) {
	case OBJ_MIN_CACHE_HIT_RATE:
	case OBJ_MIN_THROUGHPUT:
	case OBJ_MIN_BATCH_SIZE:
	case OBJ_MIN_POOL_EFFICIENCY:
	case OBJ_MIN_VALUE:
	case OBJ_MIN_UPTIME:
		return false;
	default:
		return true;
	}
}

/* How far @measured is beyond @limit, as a multiple: > 1 is a breach. */
static double ratio(const struct objective *o, double measured)
{
	double x = model_is_upper(o->kind) ? measured : o->limit,
	       y = model_is_upper(o->kind) ? o->limit : measured;

	return y <= 0 ? INFINITY : x / y;
}

struct model_finding model_grade(const struct model_component *c, const struct model_objective *o,
				 double measured)
{
	const struct objective *b = &o->objective;
	const struct thresholds *t = &c->thresholds;
	struct model_finding f = {.severity = SEV_WARNING, .measured = measured};
	double r = ratio(b, measured);

	f.breach = r > 1;
	f.limit = b->limit;
	if (model_is_budget(b->kind)) {
		f.limit = o->burn_limit;
		f.severity = b->has_severity ? b->severity : o->burn_severity;
		return f;
	}
	if (b->kind == OBJ_MAX_ERROR_RATE || b->kind == OBJ_MAX_FAILURE_RATE ||
	    b->kind == OBJ_MAX_SYSTEM_ERROR_RATE)
		f.severity = measured > t->critical_error_rate ? SEV_CRITICAL : SEV_WARNING;
	else if (b->kind == OBJ_MIN_UPTIME) {
		f.severity = measured < t->critical_uptime ? SEV_CRITICAL : SEV_WARNING;
		f.approach = !f.breach && measured < fmax(t->warning_uptime, b->limit);
	} else if (b->kind != OBJ_MIN_CACHE_HIT_RATE) {
		f.approach = !f.breach && r > t->warning_multiplier;
		if (r > t->critical_multiplier)
			f.severity = SEV_CRITICAL;
		else if (r <= t->warning_multiplier)
			f.severity = SEV_NOTICE;
	}
	if (!model_is_upper(b->kind) && measured == 0 && b->kind != OBJ_MIN_CACHE_HIT_RATE)
		f.severity = SEV_CRITICAL;
	if (b->has_severity && (f.breach || b->kind == OBJ_MIN_UPTIME))
		f.severity = b->severity;
	return f;
}

/* ---- a tick's judgements -------------------------------------------------------------------------- */

static bool has_spans_of_its_own(enum objective_kind kind)
{
	return kind == OBJ_MAX_LATENCY || kind == OBJ_MAX_CONNECTION_TIME || kind == OBJ_MAX_VALUE ||
	       kind == OBJ_MIN_VALUE;
}

/* Breaches of one violation type at one tick are told together; the worst of them speaks. */
struct told {
	struct model_finding worst;
	const struct model_objective *by;
	double by_ratio;
	uint64_t n;
	bool any, not_calm;
};

/* What is told to nobody does not speak for what is. */
static int rank(const struct model_finding *f)
{
	if (f->severity == SEV_NOTICE)
		return -1;
	return f->approach ? 0 : (int)f->severity;
}

static void join(struct told *t, const struct model_finding *f, const struct model_objective *o)
{
	double r = ratio(&o->objective, f->measured);

	if (!t->any || rank(f) > rank(&t->worst) || (rank(f) == rank(&t->worst) && r > t->by_ratio)) {
		t->worst = *f;
		t->by = o;
		t->by_ratio = r;
	}
	t->any = true;
	t->n += f->n;
}

static void judge_one(struct model_component *c, struct model_objective *o, struct told *told)
{
	uint64_t now = c->model->now_ns, window_ns = 0;
	double measured = NAN;
	enum model_found found = model_found(c, o, &measured, &window_ns);
	struct model_finding f;

	if (found == MODEL_UNSURE)
		o->unsure = true;
	if (found == MODEL_UNSURE || found == MODEL_TOO_FEW) {
		o->breached_since = o->beyond_since = now;
		told->not_calm |= o->breached;
		return;
	}
	o->judged = true;
	o->measured = measured;
	f = model_grade(c, o, measured);
	f.breach = found == MODEL_BREACHED;
	f.window_ns = window_ns;
	f.time_ns = now;
	if (!f.breach && !f.approach) {
		o->breached = o->beyond = false;
		return;
	}
	if (f.breach) {
		/* A tick that has only become longer was judged before. */
		f.n = !(c->model->extends && o->beyond) || c == &c->model->system;
		model_violations(c, o, f.n);
		o->violated |= (int)f.severity >= c->model->exit_severity;
	}
	if (!o->breached)
		o->breached_since = now;
	if (!o->beyond)
		o->beyond_since = now;
	o->breached = true;
	o->beyond = f.breach;
	if (now - (f.breach ? o->beyond_since : o->breached_since) >= o->objective.for_ns)
		join(told, &f, o);
	else
		told->not_calm = true;
}

static void judge_type(struct model_component *c, enum objective_kind type)
{
	struct told told = {.any = false};

	for (size_t i = 0; i < c->n_objectives; i++)
		if (model_type(c->objective[i].objective.kind) == type &&
		    !has_spans_of_its_own(c->objective[i].objective.kind))
			judge_one(c, &c->objective[i], &told);
	if (told.not_calm)
		model_not_calm(c, type);
	if (!told.any)
		return;
	told.worst.n = told.n;
	model_breach(c, told.by, &told.worst);
}

enum objective_kind model_type(enum objective_kind kind)
{
	if (model_permille_of(kind))
		return OBJ_MAX_P50;
	if (model_is_budget(kind))
		return kind == OBJ_LATENCY_BUDGET ? OBJ_MAX_LATENCY
		       : kind == OBJ_ERROR_BUDGET ? OBJ_MAX_ERROR_RATE
						  : OBJ_MAX_FAILURE_RATE;
	return kind == OBJ_MIN_VALUE ? OBJ_MAX_VALUE : kind;
}

void model_judge(struct model_component *c)
{
	for (int type = 0; type < OBJ_KINDS; type++)
		judge_type(c, (enum objective_kind)type);
}

/* Where nothing has come that an objective is about, nothing is known of it. */
static bool samples_ever(const struct model_stretch *all, const struct objective *o)
{
	uint64_t failed;
	int64_t sum;

	switch (o->kind) {
	case OBJ_MAX_CONNECTION_TIME:
		return model_connects_in(all, &failed) != 0;
	case OBJ_MAX_VALUE:
	case OBJ_MIN_VALUE:
		return model_values_in(all, o->value, &sum) != 0;
	case OBJ_MAX_BACKLOG:
		return all->c->counted || all->c->ever_in_flight || model_lost(all);
	case OBJ_MIN_THROUGHPUT:
	case OBJ_MIN_UPTIME:
	case OBJ_MAX_MEMORY:
		return true;
	case OBJ_MIN_CACHE_HIT_RATE:
	case OBJ_MIN_BATCH_SIZE:
		return model_samples_in(all, o->kind) != 0;
	default:
		return all->c->counted != 0;
	}
}

enum verdict model_verdict(const struct model_component *c, size_t objective)
{
	const struct model_objective *o = &c->objective[objective];
	struct model_stretch all = model_stretch_of(c, 0);

	if (o->violated)
		return VERDICT_VIOLATED;
	if (o->unsure || !samples_ever(&all, &o->objective))
		return VERDICT_UNKNOWN;
	if (!has_spans_of_its_own(o->objective.kind))
		return o->judged ? VERDICT_HELD : VERDICT_UNKNOWN;
	if (o->objective.kind == OBJ_MAX_CONNECTION_TIME)
		return VERDICT_HELD;
	return model_lost(&all) ? VERDICT_UNKNOWN : VERDICT_HELD;
}

static const struct objective *promised(const struct model_component *c, enum objective_kind plain,
					enum objective_kind by_budget)
{
	for (size_t i = 0; i < c->n_objectives; i++) {
		const struct objective *o = &c->objective[i].objective;

		if (o->kind == plain || o->kind == by_budget)
			return o;
	}
	return NULL;
}

double model_latency_limit(const struct model_component *c)
{
	const struct objective *o = promised(c, OBJ_MAX_LATENCY, OBJ_LATENCY_BUDGET);

	if (!o)
		return INFINITY;
	return o->kind == OBJ_LATENCY_BUDGET ? o->span_limit : o->limit;
}

static double error_limit(const struct model_component *c)
{
	const struct objective *o = promised(c, OBJ_MAX_ERROR_RATE, OBJ_ERROR_BUDGET);

	if (!o)
		o = promised(c, OBJ_MAX_FAILURE_RATE, OBJ_FAILURE_BUDGET);
	if (!o)
		return INFINITY;
	return model_is_budget(o->kind) ? o->budget : o->limit;
}

double model_health(const struct model_component *c)
{
	struct model_stretch s = model_shown(c);
	double sum = 0, n = (double)(s.span_to - s.span_from), average, failed, health = 100;
	unsigned recent = 0;

	if (!c->counted)
		return NAN;
	for (size_t i = s.span_from; i < s.span_to; i++)
		sum += (double)c->spans[i].ns;
	average = n > 0 ? sum / n : 0;
	failed = n > 0 ? (double)model_errors_in(&s) / n : 0;
	if (average > model_latency_limit(c))
		health -= fmin(50, (average / model_latency_limit(c) - 1) * 100);
	if (failed > error_limit(c))
		health -= fmin(30, failed * 100);
	for (size_t i = 0; i < c->n_violations; i++)
		recent += c->violation_ns[i] / SEC + 300 > c->model->now_ns / SEC;
	health -= fmin(20, 5.0 * recent);
	return health < 0 ? 0 : health;
}
