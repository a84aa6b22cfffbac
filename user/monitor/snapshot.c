// SPDX-License-Identifier: GPL-2.0-or-later
/* The snapshot, made from the state that the monitor keeps. */
#include "monitor/snapshot.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "bpf/buckets.h"
#include "monitor/health.h"
#include "monitor/quarters.h"
#include "monitor/state.h"
#include "monitor/verdict.h"

/* ---- room ------------------------------------------------------------------------------------- */

void snapshot_store_free(struct snapshot_store *store)
{
	size_t i;

	for (i = 0; i < store->n_components; i++) {
		free(store->snapshot.components[i].objectives);
		free(store->snapshot.components[i].histogram);
	}
	free(store->snapshot.components);
	free(store->firing);
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

static int room_for_components(struct monitor *m)
{
	struct snapshot_store *store = &m->store;
	struct component_snapshot *components;
	int err = 0;

	if (store->n_components == m->n_components)
		return 0;
	components = realloc(store->snapshot.components, m->n_components * sizeof(*components));
	if (!components)
		return -ENOMEM;
	store->snapshot.components = components;
	while (store->n_components < m->n_components && !err)
		err = room_for_component(store, m->components[store->n_components]);
	return err;
}

static int room_for_firing(struct monitor *m)
{
	struct snapshot_store *store = &m->store;
	size_t n = 0, i;
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
		n += h->count[i] != 0;
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
		if (!h->count[i])
			continue;
		*rows++ = (struct histogram_row){.low_ns = lapse_bucket_low(i, h->bits),
						 .high_ns = bucket_end(i, h->bits),
						 .count = h->count[i]};
	}
	return 0;
}

static void copy_objectives(const struct component *c, struct component_snapshot *out)
{
	size_t i;

	out->n_objectives = c->n_objectives;
	out->verdict = VERDICT_NONE;
	for (i = 0; i < c->n_objectives; i++) {
		const struct objective_run *run = &c->objectives[i];
		struct objective_state *state = &out->objectives[i];

		state->objective = run->objective;
		state->measured = run->measured;
		state->worst = run->worst;
		state->violations = run->violations;
		state->verdict = verdict_of_objective(c, run, &state->why_unknown);
		out->verdict = verdict_worse(out->verdict, state->verdict);
	}
}

static double health(struct component *c, const struct stats *window)
{
	const struct objective_run *latency = c->latency.run;
	struct health_input input = {
		.has_data = c->total.tally.count > 0,
		.avg_ns = window->avg_ns,
		.max_latency_ns = latency ? latency->objective.limit : NAN,
		.error_rate = window->error_rate,
		.max_error_rate = NAN,
		.violations = rolling_sum(&c->five_minutes, c->stage->now_ns),
	};

	return health_of(&input);
}

static void copy_counters(const struct tick_counters *t, struct component_snapshot *out)
{
	out->raw_avg_ns = t->returns ? (double)t->sum_raw_ns / (double)t->returns : NAN;
	out->entries = t->entries;
	out->returns = t->returns;
	out->too_deep = t->too_deep;
	out->abandoned = t->abandoned;
	out->jumps = t->jumps;
	out->stray = t->stray;
	out->maps_full = t->maps_full;
	out->ring_dropped = t->ring_dropped;
}

/* Without a word on the outcome no span has failed, and none has been seen to succeed. */
static void tell_outcome(struct stats *stats, bool known)
{
	stats->has_errors = known;
	if (!known)
		stats->error_rate = NAN;
}

static int copy_component(struct component *c, struct component_snapshot *out)
{
	out->name = c->name;
	out->function = c->function;
	out->object = c->object;
	out->fed = c->counters.entries > 0;
	out->interval = figures_stats(&c->last_interval);
	out->window = component_window_stats(c);
	out->total = figures_stats(&c->total);
	out->window_spec = c->spec;
	out->in_flight = c->in_flight;
	out->has_oldest = c->has_oldest;
	out->oldest_in_flight_ns = c->oldest_ns;
	quarters_trends(c, out);
	out->health = health(c, &out->window);
	tell_outcome(&out->interval, !c->outcome_unknown);
	tell_outcome(&out->window, !c->outcome_unknown);
	tell_outcome(&out->total, !c->outcome_unknown);
	out->last_update_ns = c->last_update_ns;
	out->violations = c->violations;
	out->violations_24h = rolling_sum(&c->day, c->stage->now_ns);
	copy_objectives(c, out);
	copy_counters(&c->counters, out);
	return copy_histogram(&c->total.histogram, out);
}

/* ---- the whole --------------------------------------------------------------------------------- */

static void copy_firing(struct monitor *m)
{
	struct snapshot *out = &m->store.snapshot;
	size_t i, k;

	out->firing = m->store.firing;
	out->n_firing = 0;
	for (i = 0; i < m->n_components; i++) {
		const struct component *c = m->components[i];

		for (k = 0; k < c->n_alerts; k++) {
			if (c->alerts[k].state == ALERT_FIRING)
				m->store.firing[out->n_firing++] = c->alerts[k].alert;
		}
	}
}

static void sum_integrity(const struct monitor *m, struct integrity *out)
{
	size_t i;

	*out = (struct integrity){.ring_dropped = m->self.ring_dropped,
				  .kernel_missed = m->self.kernel_missed};
	for (i = 0; i < m->n_components; i++) {
		const struct tick_counters *t = &m->components[i]->counters;

		out->entries += t->entries;
		out->returns += t->returns;
		out->in_flight += m->components[i]->in_flight;
		out->abandoned += t->abandoned;
		out->jumps += t->jumps;
		out->stray += t->stray;
		out->too_deep += t->too_deep;
		out->maps_full += t->maps_full;
		out->ring_dropped += t->ring_dropped;
	}
	/* An entry without memory for a frame was counted as an entry and never comes back. */
	out->unaccounted = (int64_t)(out->entries - out->returns - out->in_flight - out->too_deep -
				     out->abandoned - out->jumps - out->maps_full);
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

static void describe_system(const struct monitor *m, struct snapshot *s)
{
	struct system_snapshot *out = &s->system;
	double sum_ns = 0;
	size_t i;

	*out = (struct system_snapshot){
		.start_ns = m->stage.options.start_ns,
		.now_ns = m->stage.now_ns,
		.observed_ns = m->stage.now_ns - m->stage.options.start_ns,
		.uptime = NAN,
		.active_alerts = s->n_firing,
		.overall = mean_health(s),
		.components_declared = m->n_components,
	};
	for (i = 0; i < m->n_components; i++) {
		out->requests += m->components[i]->total.tally.count;
		out->errors += m->components[i]->total.tally.errors;
		out->has_errors |= !m->components[i]->outcome_unknown;
		sum_ns += (double)m->components[i]->total.tally.sum_ns;
		out->components_fed += s->components[i].fed;
	}
	out->error_rate =
		out->requests && out->has_errors ? (double)out->errors / (double)out->requests : NAN;
	out->avg_ns = out->requests ? sum_ns / (double)out->requests : NAN;
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
		if (copy_component(monitor->components[i], &s->components[i]))
			return NULL;
		s->verdict = verdict_worse(s->verdict, s->components[i].verdict);
	}
	copy_firing(monitor);
	s->violations = monitor->store.violations;
	s->n_violations = violation_log_copy(&monitor->stage.log, monitor->store.violations);
	describe_system(monitor, s);
	sum_integrity(monitor, &s->integrity);
	describe_overhead(&monitor->self, &s->overhead);
	s->bucket_bits = monitor->stage.options.bucket_bits;
	s->end_reason = monitor->end_reason;
	return s;
}
