// SPDX-License-Identifier: GPL-2.0-or-later
/* Making a component: its figures, its objectives, and the views and alerts that they share. */
#include "monitor/component.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define SEC_NS 1000000000ULL
#define MIN_NS (60 * SEC_NS)

static uint64_t ticks_of(const struct stage *stage, uint64_t ns)
{
	uint64_t tick = stage->options.tick_ns;

	return ns ? (ns + tick - 1) / tick : 1;
}

static int add_view(struct component *c, uint64_t ticks, uint64_t needed, unsigned samples)
{
	struct stage *stage = c->stage;
	struct window_view view = {.ticks = ticks, .needed = needed, .samples = samples};
	uint64_t most = ticks_of(stage, c->spec.max_ns);

	view.max_ticks = most > ticks ? most : ticks;
	view.first = stage->timeline.ticks + 1;
	/* Quarters are cut from it too, and the tick that is just added is in it. */
	if (timeline_reserve(&stage->timeline, view.max_ticks + 1))
		return -ENOMEM;
	return window_view(&c->window, &view);
}

/* ---- the window that is shown ------------------------------------------------------------------ */

static bool counts_spans(const struct objective_run *run)
{
	return !run->info->at_tick && !run->info->by_burn &&
	       (run->info->source == SOURCE_DURATIONS || run->info->source == SOURCE_OUTCOMES);
}

/* The most that any objective on spans over the component's own window needs. */
static uint64_t samples_needed(const struct component *c)
{
	uint64_t most = 0;
	size_t i;

	for (i = 0; i < c->n_objectives; i++) {
		const struct objective *o = &c->objectives[i].objective;

		if (counts_spans(&c->objectives[i]) && !o->over_ns && objective_samples_needed(o) > most)
			most = objective_samples_needed(o);
	}
	return most;
}

static unsigned samples_shown(const struct component *c)
{
	return c->untimed ? SAMPLES_SPANS : SAMPLES_DURATIONS;
}

/* Of a count window view 0 tells how long its spans took to come. */
static int add_shown_view(struct component *c)
{
	if (c->spec.last)
		return add_view(c, 1, c->spec.last, samples_shown(c));
	return add_view(c, ticks_of(c->stage, c->spec.duration_ns), samples_needed(c), samples_shown(c));
}

/* ---- objectives ----------------------------------------------------------------------------------- */

static unsigned samples_of(const struct objective_run *run)
{
	switch (run->info->source) {
	case SOURCE_DURATIONS:
	case SOURCE_OPEN:
	case SOURCE_CONNECTS:
	case SOURCE_MEMORY:
		break;
	case SOURCE_OUTCOMES:
		return run->objective.kind == OBJ_MAX_FAILURE_RATE ? SAMPLES_ATTEMPTS : SAMPLES_SPANS;
	case SOURCE_SPANS:
	case SOURCE_REUSE:
		return SAMPLES_SPANS;
	case SOURCE_CACHE:
		return SAMPLES_LOOKUPS;
	case SOURCE_VALUE:
		return run->value < 0 ? SAMPLES_NONE : SAMPLES_VALUE + (unsigned)run->value;
	}
	return SAMPLES_DURATIONS;
}

/*
 * The newest spans themselves, which the kernel keeps, tell durations and errors. An error rate that
 * needs more of them, and what they do not tell, is taken over whole ticks.
 */
static bool by_newest_spans(const struct component *c, const struct objective_run *run)
{
	const struct objective *o = &run->objective;

	if (!c->recent.size || o->over_ns)
		return false;
	if (run->info->source == SOURCE_DURATIONS)
		return true;
	return run->info->source == SOURCE_OUTCOMES && objective_samples_needed(o) <= c->recent.size;
}

/* Reaches back for what the objective needs, and for a count window's n. */
static int add_ticks_view(struct component *c, const struct objective_run *run)
{
	const struct objective *o = &run->objective;
	uint64_t needed = objective_samples_needed(o),
		 duration = o->over_ns ? o->over_ns : c->spec.duration_ns;

	if (!c->spec.last || o->over_ns)
		return add_view(c, ticks_of(c->stage, duration), needed, samples_of(run));
	return add_view(c, 1, needed > c->spec.last ? needed : c->spec.last, samples_of(run));
}

/* A minute, or the window where that is longer. */
static int add_period_view(struct component *c, const struct objective_run *run)
{
	uint64_t period = c->spec.last || c->spec.duration_ns < MIN_NS ? MIN_NS : c->spec.duration_ns;

	if (run->objective.over_ns)
		period = run->objective.over_ns;
	return add_view(c, ticks_of(c->stage, period), 0, samples_of(run));
}

static int add_uptime(struct component *c, struct objective_run *run)
{
	uint64_t over = run->objective.over_ns ? run->objective.over_ns : UPTIME_OVER_NS;

	return uptime_init(&run->uptime, ticks_of(c->stage, over));
}

static int add_burn(struct component *c, struct objective_run *run)
{
	run->burn = malloc(sizeof(*run->burn));
	if (!run->burn)
		return -ENOMEM;
	burn_init(run->burn, &run->objective, c->stage->options.tick_ns);
	return 0;
}

static int add_objective_view(struct component *c, struct objective_run *run)
{
	if (run->info->by_ticks)
		return add_uptime(c, run);
	if (run->info->by_burn)
		return add_burn(c, run);
	if (run->info->per_span || run->info->at_tick || by_newest_spans(c, run))
		return 0;
	run->view = run->info->by_period ? add_period_view(c, run) : add_ticks_view(c, run);
	return run->view < 0 ? run->view : 0;
}

static struct alert_key *key_of(struct component *c, const char *type)
{
	size_t i;

	for (i = 0; i < c->n_alerts; i++) {
		if (!strcmp(c->alerts[i].type, type))
			return &c->alerts[i];
	}
	c->alerts[c->n_alerts].type = type;
	return &c->alerts[c->n_alerts++];
}

static int add_objective(struct component *c, const struct objective *objective)
{
	struct objective_run *run = &c->objectives[c->n_objectives++];

	*run = (struct objective_run){
		.objective = *objective,
		.info = objective_info(objective->kind),
		.view = -1,
		.value = -1,
		.measured = NAN,
		.worst = NAN,
	};
	run->alert = key_of(c, run->info->violation);
	if (run->objective.kind == OBJ_LATENCY_BUDGET) {
		levels_set_bad(&run->breaches.levels, objective->span_limit);
		c->latency_budget = run;
	}
	if (!run->info->per_span)
		return 0;
	levels_set(&run->breaches.levels, objective, &c->thresholds);
	if (run->info->source == SOURCE_DURATIONS)
		c->latency.run = run;
	else if (run->info->source == SOURCE_CONNECTS)
		c->connection_time = run;
	return alert_wants(run->alert, &run->gate, objective->breaches, objective->breaches_ns);
}

static int add_contract(struct component *c, const struct contract *contract)
{
	size_t i, n = contract ? contract->n_objectives : 0;
	int err = 0;

	if (contract) {
		c->labels = contract->labels;
		c->annotations = contract->annotations;
	}
	if (!n)
		return 0;
	c->thresholds = contract->thresholds;
	c->policy = contract->alerts;
	c->objectives = calloc(n, sizeof(*c->objectives));
	c->alerts = calloc(n, sizeof(*c->alerts));
	if (!c->objectives || !c->alerts || rolling_init(&c->day, MIN_NS, 24 * 60) ||
	    rolling_init(&c->five_minutes, SEC_NS, 5 * 60))
		return -ENOMEM;
	for (i = 0; i < n && !err; i++)
		err = add_objective(c, &contract->objectives[i]);
	if (!isnan(component_latency_limit(c)))
		c->critical_ns = component_latency_limit(c) *
				 fmax(c->thresholds.critical_multiplier, c->thresholds.warning_multiplier);
	return err;
}

static int copy_name(char **to, const char *from)
{
	*to = from ? strdup(from) : NULL;
	return from && !*to ? -ENOMEM : 0;
}

static bool promises_durations(const struct component *c)
{
	size_t i;

	for (i = 0; i < c->n_objectives; i++) {
		if (c->objectives[i].info->source == SOURCE_DURATIONS)
			return true;
	}
	return false;
}

static int prepare(struct component *c, const struct monitor_component *wanted)
{
	unsigned bits = c->stage->options.bucket_bits;
	size_t i;
	int err;

	window_init(&c->window, bits);
	err = copy_name(&c->name, wanted->name);
	err = err ? err : copy_name(&c->function, wanted->function);
	err = err ? err : copy_name(&c->object, wanted->object);
	figures_init(&c->total, bits);
	figures_init(&c->interval, bits);
	figures_init(&c->last_interval, bits);
	err = err ? err : recent_init(&c->recent, c->untimed ? 0 : c->spec.last);
	err = err ? err : add_contract(c, wanted->contract);
	if (err)
		return err;
	if (promises_durations(c))
		causes_watch_windows(&c->causes, c->stage->timeline.ticks);
	err = values_init(c, wanted);
	err = err ? err : add_shown_view(c);
	for (i = 0; i < c->n_objectives && err >= 0; i++)
		err = add_objective_view(c, &c->objectives[i]);
	return err < 0 ? err : 0;
}

struct component *component_new(struct stage *stage, uint32_t id, const struct monitor_component *wanted)
{
	struct component *c = calloc(1, sizeof(*c));

	if (!c)
		return NULL;
	c->stage = stage;
	c->id = id;
	c->spec = wanted->window;
	c->outcome_unknown = wanted->outcome_unknown;
	c->untimed = wanted->untimed;
	c->has_cache = wanted->has_cache;
	c->tcp = wanted->tcp;
	c->spare = wanted->spare;
	c->connects_apart = wanted->connects;
	c->critical_ns = INFINITY;
	c->cache_apart = wanted->cache_apart;
	if (prepare(c, wanted)) {
		component_free(c);
		return NULL;
	}
	return c;
}

void component_free(struct component *component)
{
	size_t i;

	if (!component)
		return;
	for (i = 0; i < component->n_alerts; i++)
		alert_free(&component->alerts[i]);
	for (i = 0; i < component->n_objectives; i++) {
		uptime_free(&component->objectives[i].uptime);
		free(component->objectives[i].burn);
	}
	latency_free(&component->latency);
	violation_log_free(&component->log);
	window_free(&component->window);
	recent_free(&component->recent);
	figures_free(&component->total);
	figures_free(&component->interval);
	figures_free(&component->last_interval);
	rolling_free(&component->day);
	rolling_free(&component->five_minutes);
	causes_free(&component->causes);
	free(component->hung);
	free(component->withdrawn);
	free(component->objectives);
	free(component->alerts);
	free(component->name);
	free(component->function);
	free(component->object);
	free(component);
}
