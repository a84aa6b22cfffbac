// SPDX-License-Identifier: GPL-2.0-or-later
/* How the model judges each objective: section 4. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "model_parts.h"

#define SEC 1000000000ULL

/* ---- figures ------------------------------------------------------------------------------------ */

static int by_size(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

static uint64_t *sorted(const struct model_stretch *s, size_t *n)
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
static void extremes(const struct model_stretch *s, uint64_t *least, uint64_t *most)
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

static double nth(const struct model_stretch *s, const uint64_t *values, size_t rank, bool exact)
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

enum model_found model_upper(bool breached, bool least_breaches, bool most_breaches)
{
	if (least_breaches != most_breaches)
		return MODEL_UNSURE;
	return breached ? MODEL_BREACHED : MODEL_HELD;
}

static enum model_found percentile(const struct model_objective *o, const struct model_stretch *s,
				   double *measured)
{
	unsigned permille = model_permille_of(o->objective.kind);
	uint64_t missing = model_lost(s);
	size_t n, low, high;
	uint64_t *values = sorted(s, &n);
	bool least, most, exact = model_from_newest(s->c, &o->objective);

	if (n < model_samples_needed(&o->objective)) {
		free(values);
		return MODEL_TOO_FEW;
	}
	*measured = nth(s, values, rank_of(permille, n), exact);
	/* All that are missing were quicker than the quickest, or slower than the slowest. */
	low = rank_of(permille, n + missing);
	high = low;
	least = low > missing && nth(s, values, low - missing, exact) > o->objective.limit;
	most = high > n || nth(s, values, high, exact) > o->objective.limit;
	free(values);
	return model_upper(*measured > o->objective.limit, least, most);
}

static enum model_found upper_rate(double part, double whole, double missing, double limit, double *measured)
{
	*measured = part / whole;
	return model_upper(*measured > limit, part / (whole + missing) > limit,
			   (part + missing) / (whole + missing) > limit);
}

static enum model_found lower_rate(double part, double whole, double missing, double limit, double *measured)
{
	*measured = part / whole;
	return model_upper(*measured < limit, (part + missing) / (whole + missing) < limit,
			   part / (whole + missing) < limit);
}

static enum model_found throughput(const struct model_component *c, const struct objective *o,
				   double *measured, uint64_t *window_ns)
{
	uint64_t period = o->over_ns ? o->over_ns : 60 * SEC;
	double n, seconds;
	struct model_stretch s;

	if (!o->over_ns && !c->window.last && c->window.duration_ns > period)
		period = c->window.duration_ns;
	s = model_back(c, o->kind, period, 0, period);
	*window_ns = model_covered(&s);
	/* The first tick may be shorter than others are. */
	if (model_length(&s) < period || (!s.from && *window_ns < period - period / 100))
		return MODEL_TOO_FEW;
	for (size_t i = s.from; i < c->n_ticks; i++)
		if (!c->ticks[i].running)
			return MODEL_TOO_FEW;
	n = (double)(s.span_to - s.span_from);
	seconds = (double)model_covered(&s) / 1e9;
	*measured = n / seconds;
	return model_upper(*measured < o->limit, (n + (double)model_lost(&s)) / seconds < o->limit,
			   *measured < o->limit);
}

/* Spans that were missed may have decided it either way. */
enum state { DOWN, DOUBTFUL, UP };

static enum state state_of(const struct model_component *c, size_t tick)
{
	const struct model_tick *t = &c->ticks[tick];
	size_t from = model_spans_before(c, tick), to = t->spans;

	for (size_t i = from; i < to; i++)
		if (!c->spans[i].error)
			return UP;
	if (!t->ran)
		return DOWN;
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

static enum model_found uptime(const struct model_component *c, const struct objective *o, double *measured,
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
		return model_upper(*measured < o->limit, *measured < o->limit, up / all < o->limit);
	}
	/* As if it were up in all that is missing. */
	*measured = (up + doubtful + needed - all) / needed;
	return *measured < o->limit ? MODEL_BREACHED : MODEL_TOO_FEW;
}

/* ---- all together ----------------------------------------------------------------------------------- */

enum model_found model_found(const struct model_component *c, struct model_objective *o, double *measured,
			     uint64_t *window_ns)
{
	const struct objective *b = &o->objective;
	const struct model_tick *now = &c->ticks[c->n_ticks - 1];
	struct model_stretch s = model_window_of(c, b);
	uint64_t n = model_samples_in(&s, b->kind), hits, failed;
	int64_t sum;

	*window_ns = model_covered(&s);
	if (model_is_budget(b->kind))
		return model_budget(c, o, measured, window_ns);
	if (model_permille_of(b->kind))
		return percentile(o, &s, measured);
	if (b->kind == OBJ_MIN_THROUGHPUT)
		return throughput(c, b, measured, window_ns);
	if (b->kind == OBJ_MIN_UPTIME)
		return uptime(c, b, measured, window_ns);
	if (b->kind == OBJ_MAX_MEMORY) {
		*window_ns = 0;
		*measured = (double)now->resident;
		return !now->resident ? MODEL_TOO_FEW : *measured > b->limit ? MODEL_BREACHED : MODEL_HELD;
	}
	if (b->kind == OBJ_MAX_BACKLOG) {
		*window_ns = 0;
		s = model_shown(c);
		/* What was missed may be in flight still. */
		*measured = (double)now->in_flight;
		return model_upper(*measured > b->limit, *measured > b->limit,
				   *measured + (double)model_lost(&s) > b->limit);
	}
	if (n < model_samples_needed(b))
		return MODEL_TOO_FEW;
	switch (b->kind) {
	case OBJ_MAX_ERROR_RATE:
	case OBJ_MAX_SYSTEM_ERROR_RATE:
		return upper_rate((double)model_errors_in(&s), (double)n, (double)model_lost(&s), b->limit,
				  measured);
	case OBJ_MAX_FAILURE_RATE:
		model_connects_in(&s, &failed);
		return upper_rate((double)(model_errors_in(&s) + failed), (double)n, (double)model_lost(&s),
				  b->limit, measured);
	case OBJ_MIN_CACHE_HIT_RATE:
		n = model_look_ups(&s, &hits);
		return lower_rate((double)hits, (double)n, 0, b->limit, measured);
	case OBJ_MIN_POOL_EFFICIENCY: {
		double opened = (double)model_connects_in(&s, &failed) - (double)failed, best;

		/* Nothing was ever seen of the connections: all may be reused, or the probe be about others.
		 */
		if (!c->connects_counted)
			return MODEL_TOO_FEW;
		/* What was missed may have ended, and found a connection open. */
		*measured = fmax((double)n - opened, 0) / (double)n;
		best = fmax((double)(n + model_lost(&s)) - opened, 0) / (double)(n + model_lost(&s));
		return model_upper(*measured < b->limit, best < b->limit, *measured < b->limit);
	}
	case OBJ_MIN_BATCH_SIZE:
		n = model_values_in(&s, "batch_size", &sum);
		*measured = (double)sum / (double)n;
		/* What was missed may have been empty, or as large as anything. */
		return model_upper(*measured < b->limit, *measured < b->limit && !model_lost(&s),
				   (double)sum / (double)(n + model_lost(&s)) < b->limit);
	default:
		abort();
	}
}
