// SPDX-License-Identifier: GPL-2.0-or-later
/* What enters the model. */
#include "model.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "model_parts.h"

#define SEC 1000000000ULL

void *model_grown(void *array, size_t n, size_t size)
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
	s->window = window_spec_default();
	model->next_health_ns = start_ns + 10 * SEC;
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
		c->violation_ns = model_grown(c->violation_ns, c->n_violations, sizeof(*c->violation_ns));
		c->violation_ns[c->n_violations++] = c->model->now_ns;
	}
}

/* ---- what enters ---------------------------------------------------------------------------------- */

void model_span(struct model_component *c, const struct model_span *span)
{
	c->spans = model_grown(c->spans, c->n_spans, sizeof(*c->spans));
	c->spans[c->n_spans++] = *span;
	if (span->told)
		model_tell_span(c, span);
}

void model_connect(struct model_component *c, const struct model_connect *connect, uint64_t end_ns)
{
	c->connects = model_grown(c->connects, c->n_connects, sizeof(*c->connects));
	c->connects[c->n_connects++] = *connect;
	if (connect->told)
		model_tell_connect(c, connect, end_ns);
}

static bool is_past_critical(const struct model_component *c, uint64_t age)
{
	return (double)age > model_latency_limit(c) * c->thresholds.critical_multiplier;
}

static void count(struct model_component *c, uint64_t now_ns, uint64_t period_ns,
		  const struct model_input *in)
{
	struct model_tick *t;

	if (!c->model->extends) {
		c->ticks = model_grown(c->ticks, c->n_ticks, sizeof(*c->ticks));
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
	t->ran |= in->running || in->ended;
	t->in_flight = in->in_flight;
	t->resident = in->resident;
	for (size_t i = c->counted; i < c->n_spans; i++)
		c->spans[i].fed_ns = now_ns;
	for (size_t i = c->connects_counted; i < c->n_connects; i++)
		c->connects[i].fed_ns = now_ns;
	c->feeds = model_grown(c->feeds, c->n_feeds, sizeof(*c->feeds));
	c->feeds[c->n_feeds++] = (struct model_feed){now_ns, in->lost};
	t->hangs = false;
	for (size_t i = 0; i < in->n_open; i++)
		t->hangs |= is_past_critical(c, in->open[i].ns);
}

/* The spans of all, as if they were one component's. */
static void count_all(struct model *model, uint64_t now_ns, uint64_t period_ns)
{
	struct model_component *all = &model->system;
	struct model_input in = {.lost = 0};

	for (size_t i = 0; i < model->n_components; i++) {
		const struct model_component *c = &model->component[i];

		for (size_t k = c->fresh; k < c->n_spans; k++) {
			all->spans = model_grown(all->spans, all->n_spans, sizeof(*all->spans));
			all->spans[all->n_spans++] = c->spans[k];
		}
		in.lost += c->feeds[c->n_feeds - 1].lost;
	}
	count(all, now_ns, period_ns, &in);
	all->counted = all->n_spans;
}

/* Between two looks nobody knows whether it holds again. */
static void not_looked(struct model_component *all)
{
	for (size_t i = 0; i < all->n_objectives; i++)
		if (all->objective[i].breached)
			model_not_calm(all, model_type(all->objective[i].objective.kind));
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
	count_all(model, now_ns, period_ns);
	if (now_ns >= model->next_health_ns) {
		model->n_health++;
		while (now_ns >= model->next_health_ns)
			model->next_health_ns += 10 * SEC;
		model_judge(&model->system);
	} else {
		not_looked(&model->system);
	}
	model_alerts_tick(&model->system);
}
