// SPDX-License-Identifier: GPL-2.0-or-later
/* Stretches of what happened, and what is in them: section 3 of what the monitor computes. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "model_parts.h"

#define SEC 1000000000ULL

/* ---- stretches of time -------------------------------------------------------------------------- */

size_t model_spans_before(const struct model_component *c, size_t tick)
{
	return tick ? c->ticks[tick - 1].spans : 0;
}

size_t model_connects_before(const struct model_component *c, size_t tick)
{
	return tick ? c->ticks[tick - 1].connects : 0;
}

struct model_stretch model_stretch_of(const struct model_component *c, size_t from)
{
	return (struct model_stretch){
		.c = c, .from = from, .span_from = model_spans_before(c, from), .span_to = c->counted};
}

uint64_t model_covered(const struct model_stretch *s)
{
	uint64_t sum = 0;

	for (size_t i = s->from; i < s->c->n_ticks; i++)
		sum += s->c->ticks[i].period_ns;
	return sum;
}

/* Windows are whole ticks of a second, however late one came. */
uint64_t model_length(const struct model_stretch *s)
{
	return (s->c->n_ticks - s->from) * SEC;
}

uint64_t model_lost(const struct model_stretch *s)
{
	uint64_t sum = 0;

	for (size_t i = s->from; i < s->c->n_ticks; i++)
		sum += s->c->ticks[i].lost;
	return sum;
}

uint64_t model_errors_in(const struct model_stretch *s)
{
	uint64_t n = 0;

	for (size_t i = s->span_from; i < s->span_to; i++)
		n += s->c->spans[i].error;
	return n;
}

uint64_t model_look_ups(const struct model_stretch *s, uint64_t *hits)
{
	uint64_t n = 0;

	*hits = 0;
	for (size_t i = s->from; i < s->c->n_ticks; i++) {
		*hits += s->c->ticks[i].hits;
		n += s->c->ticks[i].hits + s->c->ticks[i].misses;
	}
	return n;
}

uint64_t model_connects_in(const struct model_stretch *s, uint64_t *failed)
{
	uint64_t n = 0;

	*failed = 0;
	for (size_t i = model_connects_before(s->c, s->from); i < s->c->ticks[s->c->n_ticks - 1].connects;
	     i++) {
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

uint64_t model_values_in(const struct model_stretch *s, const char *name, int64_t *sum)
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
uint64_t model_samples_in(const struct model_stretch *s, enum objective_kind kind)
{
	uint64_t hits, failed;
	int64_t sum;

	switch (kind) {
	case OBJ_MIN_CACHE_HIT_RATE:
		return model_look_ups(s, &hits);
	case OBJ_MIN_BATCH_SIZE:
		return model_values_in(s, "batch_size", &sum);
	case OBJ_MAX_FAILURE_RATE:
		model_connects_in(s, &failed);
		return s->span_to - s->span_from + failed;
	default:
		return s->span_to - s->span_from;
	}
}

unsigned model_permille_of(enum objective_kind kind)
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

bool model_is_budget(enum objective_kind kind)
{
	return kind == OBJ_LATENCY_BUDGET || kind == OBJ_ERROR_BUDGET || kind == OBJ_FAILURE_BUDGET;
}

uint64_t model_samples_needed(const struct objective *o)
{
	unsigned permille = model_permille_of(o->kind);
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
struct model_stretch model_back(const struct model_component *c, enum objective_kind kind, uint64_t ns,
				uint64_t needed, uint64_t most_ns)
{
	struct model_stretch s = model_stretch_of(c, c->n_ticks);

	while (s.from &&
	       (model_length(&s) < ns || (model_length(&s) < most_ns && model_samples_in(&s, kind) < needed)))
		s = model_stretch_of(c, s.from - 1);
	return s;
}

/* Durations and errors of the newest spans. */
bool model_from_newest(const struct model_component *c, const struct objective *o)
{
	if (!c->window.last || o->over_ns)
		return false;
	if (o->kind == OBJ_MAX_ERROR_RATE || o->kind == OBJ_MAX_FAILURE_RATE)
		return model_samples_needed(o) <= c->window.last;
	return model_permille_of(o->kind) != 0;
}

/* Of connections beside them, those of the ticks that hold them. */
struct model_stretch model_newest(const struct model_component *c)
{
	struct model_stretch s = model_back(c, OBJ_MAX_LATENCY, SEC, c->window.last, c->window.max_ns);

	s.span_from = c->counted > c->window.last ? c->counted - c->window.last : 0;
	return s;
}

struct model_stretch model_window_of(const struct model_component *c, const struct objective *o)
{
	uint64_t needed = model_samples_needed(o);

	if (o->since_start)
		return model_stretch_of(c, 0);
	if (model_from_newest(c, o))
		return model_newest(c);
	if (c->window.last && !o->over_ns)
		return model_back(c, o->kind, SEC, needed > c->window.last ? needed : c->window.last,
				  c->window.max_ns);
	return model_back(c, o->kind, o->over_ns ? o->over_ns : c->window.duration_ns, needed,
			  c->window.max_ns);
}

/* What is shown of a component reaches back for all that is judged over its own window. */
struct model_stretch model_shown(const struct model_component *c)
{
	uint64_t needed = 0;

	if (c->window.last)
		return model_newest(c);
	for (size_t i = 0; i < c->n_objectives; i++) {
		const struct objective *o = &c->objective[i].objective;
		bool of_spans = o->kind == OBJ_MAX_ERROR_RATE || o->kind == OBJ_MAX_FAILURE_RATE ||
				model_permille_of(o->kind);

		if (of_spans && !o->over_ns && model_samples_needed(o) > needed)
			needed = model_samples_needed(o);
	}
	return model_back(c, OBJ_MAX_LATENCY, c->window.duration_ns, needed, c->window.max_ns);
}
