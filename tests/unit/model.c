// SPDX-License-Identifier: GPL-2.0-or-later
/* The facts of the model, and how it judges them: sections 3 to 5 and 7 of what the monitor computes. */
#include "model.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "model_parts.h"

#define SEC 1000000000ULL

static void *grown(void *array, size_t n, size_t size)
{
	/* Doubled whenever it is full. */
	if (n & (n - 1))
		return array;
	array = realloc(array, (n ? 2 * n : 1) * size);
	if (!array)
		abort();
	return array;
}

void model_begin(struct model *model, uint64_t start_ns, int exit_severity, const struct contract *system)
{
	struct model_component *s = &model->system;

	memset(model, 0, sizeof(*model));
	model->start_ns = model->now_ns = start_ns;
	model->exit_severity = exit_severity;
	s->model = model;
	if (system) {
		s->n_objectives = 1;
		s->objective[0] =
			(struct model_objective){.objective = system->objectives[0], .measured = NAN};
		s->thresholds = system->thresholds;
		s->policy = system->alerts;
	}
}

static void release(struct model_component *c)
{
	for (size_t i = 0; i < c->n_objectives; i++)
		free(c->objective[i].times);
	free(c->spans);
	free(c->connects);
	free(c->feeds);
	free(c->ticks);
	free(c->violation_ns);
}

void model_end(struct model *model)
{
	for (size_t i = 0; i < model->n_components; i++)
		release(&model->component[i]);
	release(&model->system);
}

struct model_component *model_add(struct model *model, const struct window_spec *window,
				  const struct contract *contract, const char *const value_name[LAPSE_VALUES])
{
	struct model_component *c = &model->component[model->n_components];

	c->model = model;
	c->id = (uint32_t)model->n_components++;
	c->window = *window;
	memcpy(c->value_name, value_name, sizeof(c->value_name));
	c->thresholds = contract->thresholds;
	c->policy = contract->alerts;
	c->n_objectives = contract->n_objectives;
	for (size_t i = 0; i < contract->n_objectives; i++)
		c->objective[i] =
			(struct model_objective){.objective = contract->objectives[i], .measured = NAN};
	model->system.id = (uint32_t)model->n_components;
	return c;
}

void model_violations(struct model_component *c, struct model_objective *o, uint64_t n)
{
	o->violations += n;
	while (n--) {
		c->violation_ns = grown(c->violation_ns, c->n_violations, sizeof(*c->violation_ns));
		c->violation_ns[c->n_violations++] = c->model->now_ns;
	}
}

/* ---- stretches of time -------------------------------------------------------------------------- */

/* Ticks [from, n_ticks), or the newest spans. */
struct stretch {
	const struct model_component *c;
	size_t from;
	size_t span_from, span_to;
};

static size_t spans_before(const struct model_component *c, size_t tick)
{
	return tick ? c->ticks[tick - 1].spans : 0;
}

static size_t connects_before(const struct model_component *c, size_t tick)
{
	return tick ? c->ticks[tick - 1].connects : 0;
}

static struct stretch stretch_of(const struct model_component *c, size_t from)
{
	return (struct stretch){
		.c = c, .from = from, .span_from = spans_before(c, from), .span_to = c->counted};
}

static uint64_t covered(const struct stretch *s)
{
	uint64_t sum = 0;

	for (size_t i = s->from; i < s->c->n_ticks; i++)
		sum += s->c->ticks[i].period_ns;
	return sum;
}

/* Windows are whole ticks of a second, however late one came. */
static uint64_t length(const struct stretch *s)
{
	return (s->c->n_ticks - s->from) * SEC;
}

static uint64_t lost(const struct stretch *s)
{
	uint64_t sum = 0;

	for (size_t i = s->from; i < s->c->n_ticks; i++)
		sum += s->c->ticks[i].lost;
	return sum;
}

static uint64_t errors_in(const struct stretch *s)
{
	uint64_t n = 0;

	for (size_t i = s->span_from; i < s->span_to; i++)
		n += s->c->spans[i].error;
	return n;
}

static uint64_t look_ups(const struct stretch *s, uint64_t *hits)
{
	uint64_t n = 0;

	*hits = 0;
	for (size_t i = s->from; i < s->c->n_ticks; i++) {
		*hits += s->c->ticks[i].hits;
		n += s->c->ticks[i].hits + s->c->ticks[i].misses;
	}
	return n;
}

static uint64_t connects_in(const struct stretch *s, uint64_t *failed)
{
	uint64_t n = 0;

	*failed = 0;
	for (size_t i = connects_before(s->c, s->from); i < s->c->ticks[s->c->n_ticks - 1].connects; i++) {
		*failed += s->c->connects[i].failed;
		n++;
	}
	return n;
}

static int value_index(const struct model_component *c, const char *name)
{
	int i = 0;

	while (i < LAPSE_VALUES && !(c->value_name[i] && !strcmp(c->value_name[i], name)))
		i++;
	return i < LAPSE_VALUES ? i : -1;
}

static uint64_t values_in(const struct stretch *s, const char *name, int64_t *sum)
{
	int v = value_index(s->c, name);
	uint64_t n = 0;

	*sum = 0;
	for (size_t i = s->span_from; v >= 0 && i < s->span_to; i++) {
		if (!(s->c->spans[i].values & 1u << v))
			continue;
		*sum += s->c->spans[i].value[v];
		n++;
	}
	return n;
}

/* What an objective must have enough of. */
static uint64_t samples_in(const struct stretch *s, enum objective_kind kind)
{
	uint64_t hits, failed;
	int64_t sum;

	switch (kind) {
	case OBJ_MIN_CACHE_HIT_RATE:
		return look_ups(s, &hits);
	case OBJ_MIN_BATCH_SIZE:
		return values_in(s, "batch_size", &sum);
	case OBJ_MAX_FAILURE_RATE:
		connects_in(s, &failed);
		return s->span_to - s->span_from + failed;
	default:
		return s->span_to - s->span_from;
	}
}

static unsigned permille_of(enum objective_kind kind)
{
	switch (kind) {
	case OBJ_MAX_P50:
		return 500;
	case OBJ_MAX_P90:
		return 900;
	case OBJ_MAX_P95:
		return 950;
	case OBJ_MAX_P99:
		return 990;
	case OBJ_MAX_P999:
		return 999;
	default:
		return 0;
	}
}

static bool is_lower_rate(enum objective_kind kind)
{
	return kind == OBJ_MIN_CACHE_HIT_RATE || kind == OBJ_MIN_POOL_EFFICIENCY;
}

static bool is_budget(enum objective_kind kind)
{
	return kind == OBJ_LATENCY_BUDGET || kind == OBJ_ERROR_BUDGET || kind == OBJ_FAILURE_BUDGET;
}

static uint64_t samples_needed(const struct objective *o)
{
	unsigned permille = permille_of(o->kind);
	double n = 20;

	if (o->min_samples)
		return o->min_samples;
	if (permille)
		n = 1000.0 / (1000 - permille);
	else if (o->kind == OBJ_MAX_ERROR_RATE || o->kind == OBJ_MAX_FAILURE_RATE ||
		 o->kind == OBJ_MAX_SYSTEM_ERROR_RATE)
		n = 1 / o->limit;
	else if (is_lower_rate(o->kind) && o->limit < 1)
		n = 1 / (1 - o->limit);
	return n > 20 ? (uint64_t)ceil(n - 1e-6) : 20;
}

/* Back from now: @ns of ticks, and further until there are @needed samples, but no more than @most_ns. */
static struct stretch back(const struct model_component *c, enum objective_kind kind, uint64_t ns,
			   uint64_t needed, uint64_t most_ns)
{
	struct stretch s = stretch_of(c, c->n_ticks);

	while (s.from && (length(&s) < ns || (length(&s) < most_ns && samples_in(&s, kind) < needed)))
		s = stretch_of(c, s.from - 1);
	return s;
}

/* Durations and errors of the newest spans. */
static bool from_newest(const struct model_component *c, const struct objective *o)
{
	if (!c->window.last || o->over_ns)
		return false;
	if (o->kind == OBJ_MAX_ERROR_RATE || o->kind == OBJ_MAX_FAILURE_RATE)
		return samples_needed(o) <= c->window.last;
	return permille_of(o->kind) != 0;
}

/* Of connections beside them, those of the ticks that hold them. */
static struct stretch newest(const struct model_component *c)
{
	struct stretch s = back(c, OBJ_MAX_LATENCY, SEC, c->window.last, c->window.max_ns);

	s.span_from = c->counted > c->window.last ? c->counted - c->window.last : 0;
	return s;
}

static struct stretch window_of(const struct model_component *c, const struct objective *o)
{
	uint64_t needed = samples_needed(o);

	if (from_newest(c, o))
		return newest(c);
	if (c->window.last && !o->over_ns)
		return back(c, o->kind, SEC, needed > c->window.last ? needed : c->window.last,
			    c->window.max_ns);
	return back(c, o->kind, o->over_ns ? o->over_ns : c->window.duration_ns, needed, c->window.max_ns);
}

/* What is shown of a component reaches back for all that is judged over its own window. */
static struct stretch shown(const struct model_component *c)
{
	uint64_t needed = 0;

	if (c->window.last)
		return newest(c);
	for (size_t i = 0; i < c->n_objectives; i++) {
		const struct objective *o = &c->objective[i].objective;
		bool of_spans = o->kind == OBJ_MAX_ERROR_RATE || o->kind == OBJ_MAX_FAILURE_RATE ||
				permille_of(o->kind);

		if (of_spans && !o->over_ns && samples_needed(o) > needed)
			needed = samples_needed(o);
	}
	return back(c, OBJ_MAX_LATENCY, c->window.duration_ns, needed, c->window.max_ns);
}

/* ---- figures ------------------------------------------------------------------------------------ */

static int by_size(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

static uint64_t *sorted(const struct stretch *s, size_t *n)
{
	uint64_t *out = malloc((s->span_to - s->span_from + 1) * sizeof(*out));

	if (!out)
		abort();
	*n = 0;
	for (size_t i = s->span_from; i < s->span_to; i++)
		out[(*n)++] = s->c->spans[i].ns;
	qsort(out, *n, sizeof(*out), by_size);
	return out;
}

/* 64 buckets an octave: those of [2^e, 2^(e+1)) are 2^(e-6) wide, and none is narrower than 1. */
static double midpoint(uint64_t ns)
{
	uint64_t width = 1, low;

	while (ns / width >= 128)
		width *= 2;
	low = ns / width * width;
	return (double)low + floor((double)width / 2);
}

static double clamped(double value, uint64_t least, uint64_t most)
{
	return value < (double)least ? (double)least : value > (double)most ? (double)most : value;
}

/* The least and the greatest; of the newest tick they come a tick late, and their buckets stand for them. */
static void extremes(const struct stretch *s, uint64_t *least, uint64_t *most)
{
	size_t newest = s->c->fresh;

	*least = UINT64_MAX;
	*most = 0;
	for (size_t i = s->span_from; i < s->span_to; i++) {
		uint64_t ns = s->c->spans[i].ns;

		ns = i >= newest ? (uint64_t)midpoint(ns) : ns;
		*least = ns < *least ? ns : *least;
		*most = ns > *most ? ns : *most;
	}
}

static double nth(const struct stretch *s, const uint64_t *values, size_t rank, bool exact)
{
	uint64_t least, most;

	if (exact)
		return (double)values[rank - 1];
	extremes(s, &least, &most);
	return clamped(midpoint(values[rank - 1]), least, most);
}

static size_t rank_of(unsigned permille, size_t n)
{
	return ((size_t)permille * n + 999) / 1000;
}

/* ---- verdicts ----------------------------------------------------------------------------------- */

enum found { TOO_FEW, UNSURE, HELD, BREACHED };

static enum found upper(bool breached, bool least_breaches, bool most_breaches)
{
	if (least_breaches != most_breaches)
		return UNSURE;
	return breached ? BREACHED : HELD;
}

static enum found percentile(const struct model_objective *o, const struct stretch *s, double *measured)
{
	unsigned permille = permille_of(o->objective.kind);
	uint64_t missing = lost(s);
	size_t n, low, high;
	uint64_t *values = sorted(s, &n);
	bool least, most, exact = from_newest(s->c, &o->objective);

	if (n < samples_needed(&o->objective)) {
		free(values);
		return TOO_FEW;
	}
	*measured = nth(s, values, rank_of(permille, n), exact);
	/* All that are missing were quicker than the quickest, or slower than the slowest. */
	low = rank_of(permille, n + missing);
	high = low;
	least = low > missing && nth(s, values, low - missing, exact) > o->objective.limit;
	most = high > n || nth(s, values, high, exact) > o->objective.limit;
	free(values);
	return upper(*measured > o->objective.limit, least, most);
}

static enum found upper_rate(double part, double whole, double missing, double limit, double *measured)
{
	*measured = part / whole;
	return upper(*measured > limit, part / (whole + missing) > limit,
		     (part + missing) / (whole + missing) > limit);
}

static enum found lower_rate(double part, double whole, double missing, double limit, double *measured)
{
	*measured = part / whole;
	return upper(*measured < limit, (part + missing) / (whole + missing) < limit,
		     part / (whole + missing) < limit);
}

static enum found throughput(const struct model_component *c, const struct objective *o, double *measured,
			     uint64_t *window_ns)
{
	uint64_t period = o->over_ns ? o->over_ns : 60 * SEC;
	double n, seconds;
	struct stretch s;

	if (!o->over_ns && !c->window.last && c->window.duration_ns > period)
		period = c->window.duration_ns;
	s = back(c, o->kind, period, 0, period);
	*window_ns = covered(&s);
	if (length(&s) < period)
		return TOO_FEW;
	for (size_t i = s.from; i < c->n_ticks; i++)
		if (!c->ticks[i].running)
			return TOO_FEW;
	n = (double)(s.span_to - s.span_from);
	seconds = (double)covered(&s) / 1e9;
	*measured = n / seconds;
	return upper(*measured < o->limit, (n + (double)lost(&s)) / seconds < o->limit, *measured < o->limit);
}

/* Spans that were missed may have decided it either way. */
enum state { DOWN, DOUBTFUL, UP };

static enum state state_of(const struct model_component *c, size_t tick)
{
	const struct model_tick *t = &c->ticks[tick];
	size_t from = spans_before(c, tick), to = t->spans;

	if (!t->running)
		return DOWN;
	for (size_t i = from; i < to; i++)
		if (!c->spans[i].error)
			return UP;
	if (t->lost)
		return DOUBTFUL;
	return from < to || t->hangs ? DOWN : UP;
}

static double needed_for_uptime(const struct objective *o)
{
	if (o->min_samples)
		return (double)o->min_samples;
	return o->limit < 1 ? ceil(1 / (1 - o->limit) - 1e-6) : 1;
}

static enum found uptime(const struct model_component *c, const struct objective *o, double *measured,
			 uint64_t *window_ns)
{
	uint64_t over = (o->over_ns ? o->over_ns : 3600 * SEC) / SEC, seconds[UP + 1] = {0}, n = 0;
	double needed = needed_for_uptime(o), up, doubtful, all;

	for (size_t i = c->n_ticks; i && n < over; i--) {
		uint64_t part = c->ticks[i - 1].seconds < over - n ? c->ticks[i - 1].seconds : over - n;

		seconds[state_of(c, i - 1)] += part;
		n += part;
	}
	*window_ns = n * SEC;
	all = (double)n;
	up = (double)seconds[UP];
	doubtful = (double)seconds[DOUBTFUL];
	if (n == over || all >= needed) {
		*measured = (up + doubtful) / all;
		return upper(*measured < o->limit, *measured < o->limit, up / all < o->limit);
	}
	/* As if it were up in all that is missing. */
	*measured = (up + doubtful + needed - all) / needed;
	return *measured < o->limit ? BREACHED : TOO_FEW;
}

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

static enum found pair_burns(const struct rates windows[2], double factor, double budget)
{
	double needed = fmax(20, ceil(1 / (factor * budget) - 1e-6));
	bool least = true;

	if (factor * budget >= 1)
		return HELD;
	for (int i = 0; i < 2; i++) {
		if (windows[i].total < needed)
			return TOO_FEW;
		if (windows[i].most <= factor * (1 + 1e-9))
			return HELD;
		least &= windows[i].least > factor * (1 + 1e-9);
	}
	return least ? BREACHED : UNSURE;
}

static const struct {
	double hours[2], factor;
	enum severity severity;
} budget_rule[3] = {
	{{1, 1 / 12.0}, 14.4, SEV_CRITICAL}, {{6, 0.5}, 6, SEV_CRITICAL}, {{72, 6}, 1, SEV_WARNING}};

static enum found budget(const struct model_component *c, struct model_objective *o, double *measured,
			 uint64_t *window_ns)
{
	static const enum found order[] = {HELD, TOO_FEW, UNSURE, BREACHED};
	enum found all[3], worst = HELD;
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
		nearest = worst == BREACHED ? INFINITY : part;
		*measured = r[i][0].seen;
		*window_ns = (uint64_t)r[i][0].length;
		o->burn_limit = budget_rule[i].factor;
		o->burn_severity = budget_rule[i].severity;
	}
	return worst;
}

/* ---- all together ----------------------------------------------------------------------------------- */

static enum found judge(const struct model_component *c, struct model_objective *o, double *measured,
			uint64_t *window_ns)
{
	const struct objective *b = &o->objective;
	const struct model_tick *now = &c->ticks[c->n_ticks - 1];
	struct stretch s = window_of(c, b);
	uint64_t n = samples_in(&s, b->kind), hits, failed;
	int64_t sum;

	*window_ns = covered(&s);
	if (is_budget(b->kind))
		return budget(c, o, measured, window_ns);
	if (permille_of(b->kind))
		return percentile(o, &s, measured);
	if (b->kind == OBJ_MIN_THROUGHPUT)
		return throughput(c, b, measured, window_ns);
	if (b->kind == OBJ_MIN_UPTIME)
		return uptime(c, b, measured, window_ns);
	if (b->kind == OBJ_MAX_MEMORY) {
		*window_ns = 0;
		*measured = (double)now->resident;
		return !now->resident ? TOO_FEW : *measured > b->limit ? BREACHED : HELD;
	}
	if (b->kind == OBJ_MAX_BACKLOG) {
		*window_ns = 0;
		s = shown(c);
		/* What was missed may be in flight still. */
		*measured = (double)now->in_flight;
		return upper(*measured > b->limit, *measured > b->limit,
			     *measured + (double)lost(&s) > b->limit);
	}
	if (n < samples_needed(b))
		return TOO_FEW;
	switch (b->kind) {
	case OBJ_MAX_ERROR_RATE:
		return upper_rate((double)errors_in(&s), (double)n, (double)lost(&s), b->limit, measured);
	case OBJ_MAX_FAILURE_RATE:
		connects_in(&s, &failed);
		return upper_rate((double)(errors_in(&s) + failed), (double)n, (double)lost(&s), b->limit,
				  measured);
	case OBJ_MIN_CACHE_HIT_RATE:
		n = look_ups(&s, &hits);
		return lower_rate((double)hits, (double)n, 0, b->limit, measured);
	case OBJ_MIN_POOL_EFFICIENCY: {
		double opened = (double)connects_in(&s, &failed) - (double)failed, best;

		/* What was missed may have ended, and found a connection open. */
		*measured = fmax((double)n - opened, 0) / (double)n;
		best = fmax((double)(n + lost(&s)) - opened, 0) / (double)(n + lost(&s));
		return upper(*measured < b->limit, best < b->limit, *measured < b->limit);
	}
	case OBJ_MIN_BATCH_SIZE:
		n = values_in(&s, "batch_size", &sum);
		*measured = (double)sum / (double)n;
		/* What was missed may have been empty, or as large as anything. */
		return upper(*measured < b->limit, *measured < b->limit && !lost(&s),
			     (double)sum / (double)(n + lost(&s)) < b->limit);
	default:
		abort();
	}
}

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
	if (is_budget(b->kind)) {
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
	enum found found = judge(c, o, &measured, &window_ns);
	struct model_finding f;

	if (found == UNSURE)
		o->unsure = true;
	if (found == UNSURE || found == TOO_FEW) {
		o->breached_since = now;
		told->not_calm |= o->breached;
		return;
	}
	o->judged = true;
	o->measured = measured;
	f = model_grade(c, o, measured);
	f.breach = found == BREACHED;
	f.window_ns = window_ns;
	f.time_ns = now;
	if (!f.breach && !f.approach) {
		o->breached = false;
		return;
	}
	if (f.breach) {
		/* A tick that has only become longer was judged before. */
		f.n = !(c->model->extends && o->breached);
		model_violations(c, o, f.n);
		o->violated |= (int)f.severity >= c->model->exit_severity;
	}
	if (!o->breached)
		o->breached_since = now;
	o->breached = true;
	if (now - o->breached_since >= o->objective.for_ns)
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
	if (permille_of(kind))
		return OBJ_MAX_P50;
	if (is_budget(kind))
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
static bool samples_ever(const struct stretch *all, const struct objective *o)
{
	uint64_t failed;
	int64_t sum;

	switch (o->kind) {
	case OBJ_MAX_CONNECTION_TIME:
		return connects_in(all, &failed) != 0;
	case OBJ_MAX_VALUE:
	case OBJ_MIN_VALUE:
		return values_in(all, o->value, &sum) != 0;
	case OBJ_MAX_BACKLOG:
		return all->c->counted || all->c->ever_in_flight || lost(all);
	case OBJ_MIN_THROUGHPUT:
	case OBJ_MIN_UPTIME:
	case OBJ_MAX_MEMORY:
		return true;
	case OBJ_MIN_CACHE_HIT_RATE:
	case OBJ_MIN_BATCH_SIZE:
		return samples_in(all, o->kind) != 0;
	default:
		return all->c->counted != 0;
	}
}

enum verdict model_verdict(const struct model_component *c, size_t objective)
{
	const struct model_objective *o = &c->objective[objective];
	struct stretch all = stretch_of(c, 0);

	if (o->violated)
		return VERDICT_VIOLATED;
	if (o->unsure || !samples_ever(&all, &o->objective))
		return VERDICT_UNKNOWN;
	if (!has_spans_of_its_own(o->objective.kind))
		return o->judged ? VERDICT_HELD : VERDICT_UNKNOWN;
	if (o->objective.kind == OBJ_MAX_CONNECTION_TIME)
		return VERDICT_HELD;
	return lost(&all) ? VERDICT_UNKNOWN : VERDICT_HELD;
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

static double latency_limit(const struct model_component *c)
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
	return is_budget(o->kind) ? o->budget : o->limit;
}

double model_health(const struct model_component *c)
{
	struct stretch s = shown(c);
	double sum = 0, n = (double)(s.span_to - s.span_from), average, failed, health = 100;
	unsigned recent = 0;

	if (!c->counted)
		return NAN;
	for (size_t i = s.span_from; i < s.span_to; i++)
		sum += (double)c->spans[i].ns;
	average = n > 0 ? sum / n : 0;
	failed = n > 0 ? (double)errors_in(&s) / n : 0;
	if (average > latency_limit(c))
		health -= fmin(50, (average / latency_limit(c) - 1) * 100);
	if (failed > error_limit(c))
		health -= fmin(30, failed * 100);
	for (size_t i = 0; i < c->n_violations; i++)
		recent += c->violation_ns[i] / SEC + 300 > c->model->now_ns / SEC;
	health -= fmin(20, 5.0 * recent);
	return health < 0 ? 0 : health;
}

/* ---- what enters ---------------------------------------------------------------------------------- */

void model_span(struct model_component *c, const struct model_span *span)
{
	c->spans = grown(c->spans, c->n_spans, sizeof(*c->spans));
	c->spans[c->n_spans++] = *span;
	if (span->told)
		model_tell_span(c, span);
}

void model_connect(struct model_component *c, const struct model_connect *connect, uint64_t end_ns)
{
	c->connects = grown(c->connects, c->n_connects, sizeof(*c->connects));
	c->connects[c->n_connects++] = *connect;
	if (connect->told)
		model_tell_connect(c, connect, end_ns);
}

static bool is_past_critical(const struct model_component *c, uint64_t age)
{
	return (double)age > latency_limit(c) * c->thresholds.critical_multiplier;
}

static void count(struct model_component *c, uint64_t now_ns, uint64_t period_ns,
		  const struct model_input *in)
{
	struct model_tick *t;

	if (!c->model->extends) {
		c->ticks = grown(c->ticks, c->n_ticks, sizeof(*c->ticks));
		c->ticks[c->n_ticks++] =
			(struct model_tick){.running = true, .seconds = (period_ns + SEC / 2) / SEC};
	}
	c->fresh = c->counted;
	c->ever_in_flight |= in->in_flight != 0;
	t = &c->ticks[c->n_ticks - 1];
	t->now_ns = now_ns;
	t->period_ns += period_ns;
	t->spans = c->n_spans;
	t->connects = c->n_connects;
	t->hits += in->hits;
	t->misses += in->misses;
	t->lost += in->lost;
	t->running &= in->running;
	t->in_flight = in->in_flight;
	t->resident = in->resident;
	for (size_t i = c->counted; i < c->n_spans; i++)
		c->spans[i].fed_ns = now_ns;
	for (size_t i = c->connects_counted; i < c->n_connects; i++)
		c->connects[i].fed_ns = now_ns;
	c->feeds = grown(c->feeds, c->n_feeds, sizeof(*c->feeds));
	c->feeds[c->n_feeds++] = (struct model_feed){now_ns, in->lost};
	t->hangs = false;
	for (size_t i = 0; i < in->n_open; i++)
		t->hangs |= is_past_critical(c, in->open[i].ns);
}

void model_tick(struct model *model, uint64_t now_ns, uint64_t period_ns, const struct model_input *input)
{
	/* The ticks at the end of a run are short, and make the one before longer. */
	model->extends = model->component[0].n_ticks && period_ns * 2 < SEC;
	model->now_ns = now_ns;
	for (size_t i = 0; i < model->n_components; i++) {
		struct model_component *c = &model->component[i];

		count(c, now_ns, period_ns, &input[i]);
		model_tell_open(c, input[i].open, input[i].n_open);
		model_tell_untold(c);
		c->counted = c->n_spans;
		c->connects_counted = c->n_connects;
		model_judge(c);
		model_alerts_tick(c);
	}
}
