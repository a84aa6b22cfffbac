// SPDX-License-Identifier: GPL-2.0-or-later
/* The snapshot, made from the state that the monitor keeps. */
#include "monitor/snapshot.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "bpf/buckets.h"
#include "monitor/causes.h"
#include "monitor/health.h"
#include "monitor/quarters.h"
#include "monitor/state.h"
#include "monitor/verdict.h"

/* ---- room ------------------------------------------------------------------------------------- */

static void free_lists(struct component_snapshot *out)
{
	free(out->histogram);
	free(out->newest);
	out->histogram = NULL;
	out->newest = NULL;
	out->n_histogram = out->n_newest = 0;
}

static void free_components(struct snapshot_store *store)
{
	size_t i;

	for (i = 0; i < store->n_components; i++) {
		free(store->snapshot.components[i].objectives);
		free_lists(&store->snapshot.components[i]);
	}
	free(store->snapshot.components);
	store->snapshot.components = NULL;
	store->n_components = 0;
	store->copied = false;
}

void snapshot_store_free(struct snapshot_store *store)
{
	free_components(store);
	free(store->firing);
}

void snapshot_store_reset(struct snapshot_store *store)
{
	snapshot_store_free(store);
	store->firing = NULL;
	store->firing_size = 0;
}

static int room_for_component(struct snapshot_store *store, const struct component *c)
{
	struct component_snapshot *out = &store->snapshot.components[store->n_components];

	memset(out, 0, sizeof(*out));
	out->objectives = calloc(c->n_objectives + 1, sizeof(*out->objectives));
	if (!out->objectives)
		return -ENOMEM;
	store->n_components++;
	return 0;
}

/* One row a component, and one for the whole. */
static int room_for_components(struct monitor *m)
{
	struct snapshot_store *store = &m->store;
	int err = 0;

	if (store->n_components == m->n_components + 1)
		return 0;
	free_components(store);
	store->snapshot.components = calloc(m->n_components + 1, sizeof(*store->snapshot.components));
	if (!store->snapshot.components)
		return -ENOMEM;
	while (store->n_components < m->n_components && !err)
		err = room_for_component(store, m->components[store->n_components]);
	return err ? err : room_for_component(store, m->whole);
}

static int room_for_firing(struct monitor *m)
{
	struct snapshot_store *store = &m->store;
	size_t n = m->whole->n_alerts, i;
	struct alert *firing;

	for (i = 0; i < m->n_components; i++)
		n += m->components[i]->n_alerts;
	if (n <= store->firing_size)
		return 0;
	firing = realloc(store->firing, n * sizeof(*firing));
	if (!firing)
		return -ENOMEM;
	store->firing = firing;
	store->firing_size = n;
	return 0;
}

/* ---- a component ------------------------------------------------------------------------------ */

static size_t occupied(const struct histogram *h)
{
	size_t n = 0;
	uint32_t i;

	for (i = h->lo; i < h->hi; i++)
		n += histogram_count(h, i) != 0;
	return n;
}

static int copy_histogram(const struct histogram *h, struct component_snapshot *out)
{
	size_t n = occupied(h);
	struct histogram_row *rows = realloc(out->histogram, (n + 1) * sizeof(*rows));
	uint32_t i;

	if (!rows)
		return -ENOMEM;
	out->histogram = rows;
	out->n_histogram = n;
	for (i = h->lo; i < h->hi; i++) {
		if (!histogram_count(h, i))
			continue;
		*rows++ = (struct histogram_row){.low_ns = lapse_bucket_low(i, h->bits),
						 .high_ns = bucket_end(i, h->bits),
						 .count = histogram_count(h, i)};
	}
	return 0;
}

static int copy_violations(const struct component *c, struct component_snapshot *out)
{
	struct violation *newest = c->log.size ? realloc(out->newest, c->log.size * sizeof(*newest)) : NULL;

	if (!c->log.size)
		return 0;
	if (!newest)
		return -ENOMEM;
	out->newest = newest;
	out->n_newest = violation_log_copy(&c->log, c->stage->now_ns, newest);
	return 0;
}

static void copy_objectives(const struct component *c, struct component_snapshot *out)
{
	size_t i;

	out->n_objectives = c->n_objectives;
	out->withdrawn = c->withdrawn;
	out->n_withdrawn = c->n_withdrawn;
	out->verdict = c->violated_before ? VERDICT_VIOLATED : VERDICT_NONE;
	for (i = 0; i < c->n_objectives; i++) {
		const struct objective_run *run = &c->objectives[i];
		struct objective_state *state = &out->objectives[i];

		state->objective = run->objective;
		state->measured = run->measured;
		state->worst = run->worst;
		state->violations = run->violations;
		state->verdict = verdict_of_objective(c, run, &state->why_unknown);
		state->spans_needed =
			state->why_unknown == verdict_too_few ? objective_samples_needed(&run->objective) : 0;
		out->verdict = verdict_worse(out->verdict, state->verdict);
	}
}

static const struct objective_run *run_of(const struct component *c, enum objective_kind kind)
{
	size_t i;

	for (i = 0; i < c->n_objectives; i++) {
		if (c->objectives[i].objective.kind == kind)
			return &c->objectives[i];
	}
	return NULL;
}

/* The share of spans that may fail, by whatever objective says so; NAN: none. */
static double error_limit(const struct component *c)
{
	static const enum objective_kind kinds[] = {OBJ_MAX_ERROR_RATE, OBJ_ERROR_BUDGET,
						    OBJ_MAX_FAILURE_RATE, OBJ_FAILURE_BUDGET};

	for (size_t i = 0; i < sizeof(kinds) / sizeof(*kinds); i++) {
		const struct objective_run *run = run_of(c, kinds[i]);

		if (run)
			return run->info->by_burn ? run->objective.budget : run->objective.limit;
	}
	return NAN;
}

static double health(struct component *c, const struct stats *window)
{
	struct health_input input = {
		.has_data = c->total.tally.count > 0,
		.avg_ns = window->avg_ns,
		.max_latency_ns = component_latency_limit(c),
		.error_rate = window->error_rate,
		.max_error_rate = error_limit(c),
		.violations = rolling_sum(&c->five_minutes, c->stage->now_ns),
	};

	return health_of(&input);
}

static void copy_counters(const struct tick_counters *t, struct component_snapshot *out)
{
	out->raw_avg_ns = t->returns && !out->untimed ? (double)t->sum_raw_ns / (double)t->returns : NAN;
	out->entries = t->entries;
	out->returns = t->returns;
	out->too_deep = t->too_deep;
	out->abandoned = t->abandoned;
	out->jumps = t->jumps;
	out->stray = t->stray;
	out->maps_full = t->maps_full;
	out->ring_dropped = t->ring_dropped;
	out->restarted = t->restarted;
	out->unmatched_end = t->unmatched_end;
	out->timed_out = t->timed_out;
}

/* A probe of its own has been hit: by a span, a look-up, or a value alone. */
static bool is_fed(const struct component *c)
{
	bool fed = c->counters.entries;

	if (!c->cache_apart)
		fed |= c->counters.hits || c->counters.misses;
	for (int i = 0; i < LAPSE_VALUES; i++)
		fed |= c->values[i].count > 0;
	return fed;
}

static void copy_names(const struct component *c, struct component_snapshot *out)
{
	int i;

	out->name = c->name;
	out->function = c->function;
	out->object = c->object;
	for (i = 0; i < LAPSE_VALUES; i++)
		out->value_name[i] = *c->values[i].name ? c->values[i].name : NULL;
}

/* Lists that grow while lapse runs: only who asks for them has them, and only as long. */
static int copy_lists(const struct component *c, struct component_snapshot *out)
{
	int err = copy_violations(c, out);

	return err ? err : copy_histogram(&c->total.histogram, out);
}

static void copy_component(struct component *c, struct component_snapshot *out)
{
	free_lists(out);
	copy_names(c, out);
	out->fed = is_fed(c);
	out->unused = c->spare && !out->fed;
	out->untimed = c->untimed;
	out->has_cache = c->has_cache;
	out->connects_unseen = c->connects_apart && !connects_seen(c);
	out->tcp = c->tcp;
	out->detached = c->detached;
	out->interval = component_stats(c, &c->last_interval);
	out->window = component_window_stats(c);
	out->total = component_stats(c, &c->total);
	out->n_bands = causes_bands(&c->causes, &out->bands);
	out->hung = c->hung;
	out->n_hung = c->n_hung;
	out->hung_more = c->hung_more;
	out->window_spec = c->spec;
	out->in_flight = c->in_flight;
	out->has_oldest = c->has_oldest;
	out->oldest_in_flight_ns = c->oldest_ns;
	quarters_trends(c, out);
	out->health = health(c, &out->window);
	out->last_update_ns = c->last_update_ns;
	out->labels = c->labels;
	out->annotations = c->annotations;
	out->violations = c->violations;
	out->violations_24h = rolling_sum(&c->day, c->stage->now_ns);
	copy_objectives(c, out);
	copy_counters(&c->counters, out);
}

/* ---- the whole --------------------------------------------------------------------------------- */

static void add_firing(struct snapshot_store *store, const struct component *c)
{
	size_t i;

	for (i = 0; i < c->n_alerts; i++) {
		struct alert *firing = &store->firing[store->snapshot.n_firing];

		if (c->alerts[i].state != ALERT_FIRING)
			continue;
		*firing = c->alerts[i].alert;
		/* Where its thread was then is no news any more. */
		firing->why.now = (struct thread_now){.state = THREAD_UNKNOWN};
		store->snapshot.n_firing++;
	}
}

static void copy_firing(struct monitor *m)
{
	size_t i;

	m->store.snapshot.firing = m->store.firing;
	m->store.snapshot.n_firing = 0;
	for (i = 0; i < m->n_components; i++)
		add_firing(&m->store, m->components[i]);
	add_firing(&m->store, m->whole);
}

static void sum_integrity(const struct monitor *m, struct integrity *out)
{
	size_t i;

	*out = (struct integrity){.ring_dropped = m->self.ring_dropped,
				  .kernel_missed = m->self.kernel_missed,
				  .values_unnamed = m->self.values_unnamed,
				  .stacks_lost = m->self.stacks_lost,
				  .lines_dropped = m->lines_dropped};
	for (i = 0; i < m->n_components; i++) {
		const struct tick_counters *t = &m->components[i]->counters;

		out->entries += t->entries;
		out->returns += t->returns;
		out->in_flight += m->components[i]->in_flight;
		out->abandoned += t->abandoned;
		out->unwound += t->abandoned - t->timed_out;
		out->timed_out += t->timed_out;
		out->jumps += t->jumps;
		out->stray += t->stray;
		out->too_deep += t->too_deep;
		out->maps_full += t->maps_full;
		out->restarted += t->restarted;
		out->unmatched_end += t->unmatched_end;
		out->ring_dropped += t->ring_dropped;
	}
	/* An entry without memory for a frame was counted as an entry and never comes back. */
	out->unaccounted = (int64_t)(out->entries - out->returns - out->in_flight - out->too_deep -
				     out->abandoned - out->jumps - out->maps_full - out->restarted);
}

static void describe_overhead(const struct tick_self *self, struct overhead *out)
{
	*out = (struct overhead){
		.hits = self->hits,
		.ns_per_hit = self->hits ? self->ns_per_hit : NAN,
		.target_cpu_share = self->target_cpu_ns
					    ? fmin((double)self->probe_ns / (double)self->target_cpu_ns, 1)
					    : NAN,
		.tracer_cpu_s = (double)self->tracer_cpu_ns / 1e9,
		.tracer_rss_bytes = self->tracer_rss_bytes,
		.delivery_p50_ns = self->delivery_p50_ns,
		.delivery_p99_ns = self->delivery_p99_ns,
	};
}

static double mean_health(const struct snapshot *s)
{
	double sum = 0;
	size_t n = 0, i;

	for (i = 0; i < s->n_components; i++) {
		if (isnan(s->components[i].health))
			continue;
		sum += s->components[i].health;
		n++;
	}
	return n ? sum / (double)n : NAN;
}

static double uptime_since_start(const struct uptime *uptime)
{
	uint64_t ticks = uptime_observed(uptime);

	return ticks ? (double)(uptime->up + uptime->doubtful) / (double)ticks : NAN;
}

static void describe_system(const struct monitor *m, struct snapshot *s)
{
	struct system_snapshot *out = &s->system;
	double sum_ns = 0;
	uint64_t timed = 0;
	size_t i;

	*out = (struct system_snapshot){
		.start_ns = m->stage.options.start_ns,
		.now_ns = m->stage.now_ns,
		.observed_ns = m->stage.now_ns - m->stage.options.start_ns,
		.uptime = uptime_since_start(&m->uptime),
		.active_alerts = s->n_firing,
		.overall = mean_health(s),

	};
	for (i = 0; i < m->n_components; i++) {
		out->requests += m->components[i]->total.tally.count;
		out->errors += m->components[i]->total.tally.errors;
		out->has_errors |= !m->components[i]->outcome_unknown;
		sum_ns += (double)m->components[i]->total.tally.sum_ns;
		timed += m->components[i]->untimed ? 0 : m->components[i]->total.tally.count;
		out->components_declared += !s->components[i].unused;
		out->components_fed += s->components[i].fed;
	}
	out->error_rate =
		out->requests && out->has_errors ? (double)out->errors / (double)out->requests : NAN;
	out->avg_ns = timed ? sum_ns / (double)timed : NAN;
}

/* What nobody asked for can violate, but being unknown it is no news. */
static void copy_system(struct monitor *m, struct snapshot *s)
{
	struct component_snapshot *out = &s->components[m->n_components];

	copy_component(m->whole, out);
	/* Where nothing tells failures there is nothing to promise. */
	if (m->whole->outcome_unknown)
		out->n_objectives = 0;
	else if (m->stage.options.system_promised || out->verdict == VERDICT_VIOLATED)
		s->verdict = verdict_worse(s->verdict, out->verdict);
}

const struct snapshot *monitor_snapshot(struct monitor *monitor)
{
	struct snapshot *s = &monitor->store.snapshot;
	size_t i;

	if (room_for_components(monitor) || room_for_firing(monitor))
		return NULL;
	s->epoch_ns = monitor->stage.options.epoch_ns;
	s->n_components = monitor->n_components;
	s->verdict = VERDICT_NONE;
	for (i = 0; i < s->n_components; i++) {
		copy_component(monitor->components[i], &s->components[i]);
		s->verdict = verdict_worse(s->verdict, s->components[i].verdict);
	}
	copy_system(monitor, s);
	copy_firing(monitor);
	describe_system(monitor, s);
	sum_integrity(monitor, &s->integrity);
	describe_overhead(&monitor->self, &s->overhead);
	s->system.stolen_share = monitor->self.processor_ticks ? (double)monitor->self.stolen_ticks /
									 (double)monitor->self.processor_ticks
							       : NAN;
	s->bucket_bits = monitor->stage.options.bucket_bits;
	s->end_reason = monitor->end_reason;
	s->handlers = monitor->handlers;
	s->n_handlers = monitor->n_handlers;
	s->recording = monitor->recording;
	monitor->store.copied = true;
	return s;
}

const struct snapshot *monitor_snapshot_full(struct monitor *monitor)
{
	struct snapshot *s = &monitor->store.snapshot;
	int err = 0;

	if (!monitor_snapshot(monitor))
		return NULL;
	for (size_t i = 0; i < monitor->n_components && !err; i++)
		err = copy_lists(monitor->components[i], &s->components[i]);
	if (!err)
		err = copy_lists(monitor->whole, &s->components[monitor->n_components]);
	return err ? NULL : s;
}

/* What was copied last has a place for each component that there is now. */
static bool has_place(const struct monitor *monitor, uint32_t component)
{
	const struct snapshot_store *store = &monitor->store;

	return store->copied && store->n_components == monitor->n_components + 1 &&
	       component < monitor->n_components;
}

const struct snapshot *monitor_snapshot_of(struct monitor *monitor, uint32_t component)
{
	struct snapshot *s = &monitor->store.snapshot;

	if (!has_place(monitor, component))
		return monitor_snapshot(monitor);
	copy_component(monitor->components[component], &s->components[component]);
	return s;
}

const struct snapshot *monitor_names_of(struct monitor *monitor, uint32_t component)
{
	struct snapshot *s = &monitor->store.snapshot;

	if (!has_place(monitor, component))
		return monitor_snapshot(monitor);
	copy_names(monitor->components[component], &s->components[component]);
	return s;
}
