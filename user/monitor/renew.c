// SPDX-License-Identifier: GPL-2.0-or-later
#include "monitor/renew.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "monitor/state.h"

/* Of what was violated and then withdrawn the newest are kept. */
#define WITHDRAWN_MOST 16

/* Room for what a change of contract may withdraw, before anything is changed. */
static bool room_for_withdrawn(const struct component *c, struct component *renewed)
{
	size_t most = c->n_withdrawn + c->n_objectives;

	most = most < WITHDRAWN_MOST ? most : WITHDRAWN_MOST;
	renewed->withdrawn = calloc(most + 1, sizeof(*renewed->withdrawn));
	renewed->max_withdrawn = most;
	return renewed->withdrawn;
}

struct component *component_renewed(const struct component *component, const struct window_spec *window,
				    const struct contract *contract)
{
	struct monitor_component wanted = {
		.name = component->name,
		.function = component->function,
		.object = component->object,
		.window = *window,
		.contract = contract,
		.outcome_unknown = component->outcome_unknown,
		.untimed = component->untimed,
		.has_cache = component->has_cache,
		.tcp = component->tcp,
		.spare = component->spare,
		.cache_apart = component->cache_apart,
		.connects = component->connects_apart,
	};
	struct component *renewed;

	for (int i = 0; i < LAPSE_VALUES; i++)
		wanted.value_name[i] = *component->values[i].name ? component->values[i].name : NULL;
	renewed = component_new(component->stage, component->id, &wanted);
	if (!renewed ||
	    (!window_reserve(&component->window, &renewed->window) && room_for_withdrawn(component, renewed)))
		return renewed;
	component_free(renewed);
	return NULL;
}

/* ---- objectives ---------------------------------------------------------------------------------- */

static bool same_value(const struct objective *a, const struct objective *b)
{
	const char *x = objective_value(a), *y = objective_value(b);

	return !x == !y && (!x || strcmp(x, y) == 0);
}

/* That of @list which is about the same as @run; NULL: none is. */
static struct objective_run *counterpart(struct objective_run *list, size_t n,
					 const struct objective_run *run)
{
	for (size_t i = 0; i < n; i++)
		if (list[i].objective.kind == run->objective.kind &&
		    same_value(&list[i].objective, &run->objective))
			return &list[i];
	return NULL;
}

static bool same_levels(const struct levels *a, const struct levels *b)
{
	return a->approach == b->approach && a->fixed == b->fixed && a->severity == b->severity &&
	       memcmp(a->at, b->at, sizeof(a->at)) == 0;
}

/* The last breaches before the one that is wanted. */
static void keep_gate(struct alert_gate *gate, struct alert_gate *before)
{
	uint64_t *times = gate->times;

	if (!times || gate->wanted != before->wanted || gate->within_ns != before->within_ns)
		return;
	gate->times = before->times;
	gate->seen = before->seen;
	before->times = times;
}

/* Under other limits the spans in flight that were told of are told of again, if they are beyond these. */
static void keep_breaches(struct component *c, struct objective_run *run, struct objective_run *before)
{
	if (same_levels(&run->breaches.levels, &before->breaches.levels)) {
		run->breaches = before->breaches;
		return;
	}
	breaches_restart(run, before);
	if (run->info->source == SOURCE_DURATIONS)
		opens_free(&c->latency.opens);
}

/* Over another stretch of time it begins anew. */
static void keep_uptime(struct uptime *uptime, struct uptime *before)
{
	struct uptime empty = *uptime;

	if (uptime->size != before->size)
		return;
	*uptime = *before;
	*before = empty;
}

/* What was counted as bad by another limit, or in other windows, says nothing of these. */
static void keep_burn(struct objective_run *run, const struct objective_run *before)
{
	if (!run->burn || run->objective.period_ns != before->objective.period_ns ||
	    run->objective.span_limit != before->objective.span_limit)
		return;
	memcpy(run->burn->windows, before->burn->windows, sizeof(run->burn->windows));
	run->burning = before->burning;
}

static void keep_run(struct component *c, struct objective_run *run, struct objective_run *before)
{
	run->violations = before->violations;
	run->measured = before->measured;
	run->worst = before->worst;
	run->violated = before->violated;
	run->judged = before->judged;
	run->unsure = before->unsure;
	run->breached = before->breached;
	run->breached_since = before->breached_since;
	run->beyond = before->beyond;
	run->beyond_since = before->beyond_since;
	keep_gate(&run->gate, &before->gate);
	keep_uptime(&run->uptime, &before->uptime);
	keep_burn(run, before);
	if (run->info->per_span)
		keep_breaches(c, run, before);
}

static void add_withdrawn(struct component *renewed, const struct objective_state *state)
{
	if (renewed->n_withdrawn == renewed->max_withdrawn) {
		renewed->n_withdrawn--;
		memmove(renewed->withdrawn, renewed->withdrawn + 1,
			renewed->n_withdrawn * sizeof(*renewed->withdrawn));
	}
	renewed->withdrawn[renewed->n_withdrawn++] = *state;
}

/* What was violated stays so: whoever reads the verdict is to find what was promised then. */
static void keep_withdrawn(struct component *c, struct component *renewed)
{
	for (size_t i = 0; i < c->n_withdrawn; i++)
		add_withdrawn(renewed, &c->withdrawn[i]);
	for (size_t i = 0; i < c->n_objectives; i++) {
		const struct objective_run *run = &c->objectives[i];
		const struct objective_run *now =
			counterpart(renewed->objectives, renewed->n_objectives, run);

		if (!run->violated || (now && now->objective.limit == run->objective.limit))
			continue;
		add_withdrawn(renewed, &(struct objective_state){.objective = run->objective,
								 .verdict = VERDICT_VIOLATED,
								 .measured = run->measured,
								 .worst = run->worst,
								 .violations = run->violations,
								 .until_ns = c->stage->now_ns});
	}
}

/* What was never promised before was never counted by its limit either. */
static void keep_runs(struct component *c, struct component *renewed)
{
	for (size_t i = 0; i < renewed->n_objectives; i++) {
		struct objective_run *run = &renewed->objectives[i];
		struct objective_run *before = counterpart(c->objectives, c->n_objectives, run);

		if (before)
			keep_run(c, run, before);
		else if (run->info->per_span)
			breaches_restart(run, NULL);
	}
	for (size_t i = 0; i < c->n_objectives; i++)
		c->violated_before |=
			c->objectives[i].violated &&
			!counterpart(renewed->objectives, renewed->n_objectives, &c->objectives[i]);
}

/* ---- alerts ----------------------------------------------------------------------------------------- */

static struct alert_key *key_of(struct component *c, const char *type)
{
	for (size_t i = 0; i < c->n_alerts; i++)
		if (strcmp(c->alerts[i].type, type) == 0)
			return &c->alerts[i];
	return NULL;
}

/* The value that an alert speaks of is an objective's own text, which goes. */
static const char *own_value(struct component *c, const char *value)
{
	for (size_t i = 0; value && i < c->n_objectives; i++) {
		const char *own = objective_value(&c->objectives[i].objective);

		if (own && strcmp(own, value) == 0)
			return own;
	}
	return NULL;
}

static void keep_alerts(struct component *c, struct component *renewed)
{
	for (size_t i = 0; i < renewed->n_alerts; i++) {
		struct alert_key *key = &renewed->alerts[i], *before = key_of(c, key->type);
		struct alert_gate *gates = key->gates;

		if (!before)
			continue;
		*key = *before;
		key->gates = gates;
		key->alert.value = own_value(renewed, before->alert.value);
	}
}

static void resolve_unpromised(struct component *c, struct component *renewed)
{
	for (size_t i = 0; i < c->n_alerts; i++)
		if (!key_of(renewed, c->alerts[i].type))
			alert_withdraw(&c->alerts[i], c->stage->now_ns, &c->stage->sink);
}

/* ---- the whole -------------------------------------------------------------------------------------- */

#define SWAP(a, b)                      \
	do {                            \
		__typeof__(a) swap = a; \
		a = b;                  \
		b = swap;               \
	} while (0)

static void swap_promises(struct component *c, struct component *renewed)
{
	SWAP(c->objectives, renewed->objectives);
	SWAP(c->n_objectives, renewed->n_objectives);
	SWAP(c->withdrawn, renewed->withdrawn);
	SWAP(c->n_withdrawn, renewed->n_withdrawn);
	SWAP(c->max_withdrawn, renewed->max_withdrawn);
	SWAP(c->alerts, renewed->alerts);
	SWAP(c->n_alerts, renewed->n_alerts);
	SWAP(c->latency.run, renewed->latency.run);
	SWAP(c->connection_time, renewed->connection_time);
	SWAP(c->latency_budget, renewed->latency_budget);
	c->critical_ns = renewed->critical_ns;
	if (!c->day.slots) {
		SWAP(c->day, renewed->day);
		SWAP(c->five_minutes, renewed->five_minutes);
	}
	c->spec = renewed->spec;
	c->thresholds = renewed->thresholds;
	c->policy = renewed->policy;
	c->labels = renewed->labels;
	c->annotations = renewed->annotations;
}

/* The log's violations are of values by the old objectives' texts. */
static void keep_log_values(struct component *c, struct component *renewed)
{
	struct violation_log *log = &c->log;

	for (size_t i = 0; i < log->size && i < log->written; i++)
		if (log->ring[i].value)
			log->ring[i].value = own_value(renewed, log->ring[i].value);
}

void component_renew(struct component *component, struct component *renewed)
{
	struct component *c = component;

	resolve_unpromised(c, renewed);
	keep_withdrawn(c, renewed);
	keep_runs(c, renewed);
	keep_alerts(c, renewed);
	keep_log_values(c, renewed);
	window_take_views(&c->window, &renewed->window, c->stage->timeline.ticks);
	if (renewed->causes.n_marks && !c->causes.n_marks)
		causes_watch_windows(&c->causes, c->stage->timeline.ticks);
	swap_promises(c, renewed);
	component_free(renewed);
}

/* ---- the monitor -------------------------------------------------------------------------------------- */

static void free_all(struct component **list, size_t n)
{
	for (size_t i = 0; i < n; i++)
		component_free(list[i]);
	free(list);
}

/* One for each component, and the last for all together; NULL: no memory. */
static struct component **renewed_all(struct monitor *monitor, const struct monitor_promise *promises,
				      const struct contract *system)
{
	size_t n = monitor->n_components;
	struct component **list = calloc(n + 1, sizeof(*list));

	for (size_t i = 0; list && i <= n; i++) {
		list[i] = i < n ? component_renewed(monitor->components[i], &promises[i].window,
						    promises[i].contract)
				: component_renewed(monitor->whole, &monitor->whole->spec, system);
		if (list[i])
			continue;
		free_all(list, i);
		return NULL;
	}
	return list;
}

int monitor_renew(struct monitor *monitor, const struct monitor_promise *promises,
		  const struct contract *system, bool system_promised)
{
	size_t n = monitor->n_components;
	struct component **list = renewed_all(monitor, promises, system);

	if (!list)
		return -ENOMEM;
	for (size_t i = 0; i < n; i++)
		component_renew(monitor->components[i], list[i]);
	component_renew(monitor->whole, list[n]);
	free(list);
	monitor->stage.options.system = system;
	monitor->stage.options.system_promised = system_promised;
	snapshot_store_reset(&monitor->store);
	return 0;
}
