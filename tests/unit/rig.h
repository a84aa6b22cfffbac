/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A monitor on a bench: spans are put into a model of the kernel's counters, ticks are fed from
 * it, and every call to the sink is written down as a line of text.
 */
#ifndef LAPSE_TEST_RIG_H
#define LAPSE_TEST_RIG_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bpf/buckets.h"
#include "monitor/monitor.h"
#include "monitor/objective.h"

#define MS	 1000000ULL
#define SEC	 1000000000ULL
#define RIG_MOST 4 /* components */
#define RIG_BINS (LAPSE_BUCKETS(LAPSE_BUCKET_BITS_FINE) + 1)

struct rig_component {
	struct tick_counters counters;
	uint64_t level_ns[LAPSE_LEVELS];
	uint32_t bins[RIG_BINS];
	uint64_t max_ns, min_ns, late_max_ns, late_min_ns;
	bool prompt; /* the tick tells its own extremes, too */
	uint64_t recent[WINDOW_MAX_LAST];
	uint64_t n_recent;
	uint32_t last;
	/* Captured values: what the tick shows, limits, and extremes of the tick that runs. */
	struct tick_value value[LAPSE_VALUES];
	int64_t above[LAPSE_VALUES][LAPSE_LEVELS], below[LAPSE_VALUES][LAPSE_LEVELS];
	int64_t value_min[LAPSE_VALUES], value_max[LAPSE_VALUES];
	uint64_t cache_lost;
	/* Connections that it opens; limits, and the slowest of the tick that runs. */
	struct tick_connects connects;
	uint64_t connect_level_ns[LAPSE_LEVELS], max_connect_ns;
	struct lapse_why_row *causes;
	bool idle;  /* no process of it runs */
	bool ended; /* ... but one did, since the tick before */
	uint64_t resident;
};

struct rig {
	struct monitor *monitor;
	struct rig_component component[RIG_MOST];
	size_t n_components;
	struct lapse_span open[16];
	size_t n_open;
	struct hung_span *hung;
	size_t n_hung;
	struct tick_self self;
	uint64_t now_ns;
	bool open_unknown;
	bool unobserved; /* nobody looks at snapshots meanwhile */
	bool backwards;	 /* ticks name the components in the order from last to first */
	/* What the sink was told. */
	FILE *out;
	char *text;
	size_t length;
	size_t n_violations, n_alerts, n_health;
	struct alert alert;
	struct violation violation;
};

static inline void rig_on_violation(void *context, const struct violation *v)
{
	struct rig *rig = context;

	rig->n_violations++;
	rig->violation = *v;
	fprintf(rig->out, "violation %u %d %d %.0f %.0f %llu %d %u %s\n", v->component, v->kind, v->severity,
		v->measured, v->limit, (unsigned long long)v->time_ns, v->open, v->tid, v->comm);
}

static inline void rig_on_alert(void *context, const struct alert *a)
{
	struct rig *rig = context;

	rig->n_alerts++;
	rig->alert = *a;
	/* Outputs take it here, in the middle of a tick. */
	if (!rig->unobserved)
		assert_non_null(monitor_snapshot(rig->monitor));
	fprintf(rig->out, "alert %d %u %d %d %.0f %.0f %llu %llu %llu %llu %llu %d %d %u\n", a->event,
		a->component, a->kind, a->severity, a->measured, a->limit, (unsigned long long)a->time_ns,
		(unsigned long long)a->since_ns, (unsigned long long)a->held_back,
		(unsigned long long)a->violations, (unsigned long long)a->window_ns, a->approach, a->open,
		a->tid);
}

static inline void rig_on_health(void *context)
{
	struct rig *rig = context;

	rig->n_health++;
	fprintf(rig->out, "health\n");
}

static inline void rig_begin_with(struct rig *rig, struct monitor_options options)
{
	struct monitor_sink sink = {rig_on_violation, rig_on_alert, rig_on_health, rig};

	options.start_ns = 1000 * SEC;
	options.tick_ns = options.interval_ns = SEC;
	memset(rig, 0, sizeof(*rig));
	rig->now_ns = options.start_ns;
	rig->out = open_memstream(&rig->text, &rig->length);
	rig->monitor = monitor_new(&options, &sink);
	assert_non_null(rig->monitor);
}

static inline void rig_begin_at(struct rig *rig, unsigned bucket_bits, uint32_t exit_severity)
{
	rig_begin_with(rig,
		       (struct monitor_options){.bucket_bits = bucket_bits, .exit_severity = exit_severity});
}

static inline void rig_begin(struct rig *rig)
{
	rig_begin_at(rig, LAPSE_BUCKET_BITS_FINE, SEV_NOTICE);
}

static inline void rig_end(struct rig *rig)
{
	monitor_free(rig->monitor);
	fclose(rig->out);
	free(rig->text);
}

static inline struct contract rig_contract(struct objective *objectives, size_t n)
{
	return (struct contract){.objectives = objectives,
				 .n_objectives = n,
				 .thresholds = thresholds_default(),
				 .alerts = alert_policy_default()};
}

static inline void rig_name_value(struct rig *rig, uint32_t id, int i, const char *name)
{
	struct rig_component *c = &rig->component[id];

	strcpy(c->value[i].name, name);
	monitor_kernel_value_levels(rig->monitor, id, name, c->above[i], c->below[i]);
}

static inline void rig_clear_values(struct rig_component *c)
{
	for (int i = 0; i < LAPSE_VALUES; i++) {
		c->value_min[i] = c->value[i].late_min = INT64_MAX;
		c->value_max[i] = c->value[i].late_max = INT64_MIN;
	}
}

static inline struct rig_component *rig_add_as(struct rig *rig, const struct monitor_component *wanted)
{
	int id = monitor_add(rig->monitor, wanted);
	struct rig_component *c = &rig->component[id];

	assert_int_equal(id, rig->n_components);
	rig->n_components++;
	c->min_ns = c->late_min_ns = UINT64_MAX;
	c->last = wanted->window.last;
	monitor_kernel_levels(rig->monitor, (uint32_t)id, c->level_ns);
	monitor_kernel_connect_levels(rig->monitor, (uint32_t)id, c->connect_level_ns);
	rig_clear_values(c);
	for (int i = 0; i < LAPSE_VALUES; i++)
		if (wanted->value_name[i])
			rig_name_value(rig, (uint32_t)id, i, wanted->value_name[i]);
	return c;
}

static inline struct monitor_component rig_wanted(const struct contract *contract, struct window_spec window)
{
	return (struct monitor_component){
		.name = "orders", .function = "handle_order", .window = window, .contract = contract};
}

static inline struct rig_component *rig_add(struct rig *rig, const struct contract *contract,
					    struct window_spec window)
{
	struct monitor_component wanted = rig_wanted(contract, window);

	return rig_add_as(rig, &wanted);
}

/* One component whose contract has @n objectives. */
static inline struct rig_component *rig_with(struct rig *rig, struct objective *objectives, size_t n)
{
	struct contract contract = rig_contract(objectives, n);

	rig_begin(rig);
	return rig_add(rig, &contract, window_spec_default());
}

/* As bpf/cell.h does it. */
static inline void rig_level(const uint64_t limit[LAPSE_LEVELS], uint64_t level[LAPSE_LEVELS], uint64_t ns)
{
	if (ns <= limit[LAPSE_LEVEL_NOTICE] && ns <= limit[LAPSE_LEVEL_WARNING])
		return;
	if (ns > limit[LAPSE_LEVEL_CRITICAL])
		level[LAPSE_LEVEL_CRITICAL]++;
	else if (ns > limit[LAPSE_LEVEL_WARNING])
		level[LAPSE_LEVEL_WARNING]++;
	else
		level[LAPSE_LEVEL_NOTICE]++;
}

/* The kernel sees a span end. */
static inline void rig_ended(struct rig_component *c, uint64_t ns, bool error)
{
	c->counters.entries++;
	c->counters.returns++;
	c->counters.errors += error;
	c->counters.sum_ns += ns;
	c->counters.sum_raw_ns += ns;
	c->bins[lapse_bucket(ns, LAPSE_BUCKET_BITS_FINE)]++;
	c->max_ns = ns > c->max_ns ? ns : c->max_ns;
	c->min_ns = ns < c->min_ns ? ns : c->min_ns;
	rig_level(c->level_ns, c->counters.level, ns);
	if (c->n_recent < WINDOW_MAX_LAST)
		c->recent[c->n_recent++] = ns | (error ? LAPSE_RECENT_ERROR : 0);
}

static inline void rig_failing(struct rig_component *c, size_t good, size_t bad)
{
	while (good--)
		rig_ended(c, MS, false);
	while (bad--)
		rig_ended(c, MS, true);
}

/* The kernel sees connections opened, or fail. */
static inline void rig_connects(struct rig_component *c, size_t n, uint64_t ns, bool failed)
{
	while (n--) {
		*(failed ? &c->connects.failed : &c->connects.opened) += 1;
		c->max_connect_ns = ns > c->max_connect_ns ? ns : c->max_connect_ns;
		rig_level(c->connect_level_ns, c->connects.level, ns);
	}
}

static inline void rig_lookups(struct rig_component *c, uint64_t hits, uint64_t misses)
{
	c->counters.hits += hits;
	c->counters.misses += misses;
}

/* The kernel captures a value. */
static inline void rig_value(struct rig_component *c, int i, int64_t value)
{
	struct tick_value *v = &c->value[i];
	int level = LAPSE_LEVELS - 1, under = LAPSE_LEVELS - 1;

	v->count++;
	v->sum += value;
	v->last = value;
	c->value_min[i] = value < c->value_min[i] ? value : c->value_min[i];
	c->value_max[i] = value > c->value_max[i] ? value : c->value_max[i];
	while (level >= 0 && value <= c->above[i][level])
		level--;
	while (under >= 0 && value >= c->below[i][under])
		under--;
	if (level >= 0)
		v->above[level]++;
	if (under >= 0)
		v->below[under]++;
}

static inline void rig_many(struct rig_component *c, size_t n, uint64_t ns)
{
	while (n--)
		rig_ended(c, ns, false);
}

static inline struct lapse_span rig_span(const struct rig *rig, uint32_t id, uint32_t tid, uint64_t start_ns,
					 uint64_t ns)
{
	(void)rig;
	return (struct lapse_span){.kind = LAPSE_REC_SPAN,
				   .component = id,
				   .pid = 1,
				   .tid = tid,
				   .start_ns = start_ns,
				   .duration_ns = ns,
				   .raw_ns = ns,
				   .flags = LAPSE_SPAN_BREACH,
				   .comm = "target"};
}

/* The ring brings the record of a span that ends now, half a second after the last tick. */
static inline void rig_record(struct rig *rig, uint32_t id, uint32_t tid, uint64_t ns)
{
	struct lapse_span span = rig_span(rig, id, tid, rig->now_ns + SEC / 2 - ns, ns);

	assert_int_equal(monitor_span(rig->monitor, &span), 0);
}

/* Both: a breach as it is without losses. */
static inline void rig_breach(struct rig *rig, uint32_t id, uint64_t ns)
{
	rig_ended(&rig->component[id], ns, false);
	rig_record(rig, id, 7, ns);
}

static inline size_t rig_deltas(struct rig_component *c, struct bucket_delta *deltas)
{
	size_t n = 0;
	uint32_t i;

	for (i = 0; i < RIG_BINS; i++) {
		if (c->bins[i])
			deltas[n++] = (struct bucket_delta){.index = (uint16_t)i, .count = c->bins[i]};
		c->bins[i] = 0;
	}
	return n;
}

/* What ended in this tick is read with the next one. */
static inline void rig_clear_late(struct rig_component *c)
{
	for (int i = 0; i < LAPSE_VALUES; i++) {
		c->value[i].late_min = c->value_min[i];
		c->value[i].late_max = c->value_max[i];
		c->value_min[i] = INT64_MAX;
		c->value_max[i] = INT64_MIN;
	}
}

static inline enum tick_running rig_running(const struct rig_component *c)
{
	if (!c->idle)
		return TICK_RUNNING;
	return c->ended ? TICK_ENDED : TICK_IDLE;
}

static inline void rig_fill(struct rig_component *c, uint32_t id, struct bucket_delta *deltas,
			    struct tick_component *out)
{
	size_t n = c->n_recent < c->last ? c->n_recent : c->last;

	*out = (struct tick_component){.component = id,
				       .running = rig_running(c),
				       .resident_bytes = c->resident,
				       .counters = c->counters,
				       .buckets = deltas,
				       .n_buckets = rig_deltas(c, deltas),
				       .late_max_ns = c->late_max_ns,
				       .late_min_ns = c->late_min_ns,
				       .recent = n ? c->recent + c->n_recent - n : NULL,
				       .n_recent = n,
				       .recent_total = c->n_recent,
				       .cache_lost = c->cache_lost,
				       .causes = c->causes ? why_rows_of(c->causes) : (struct why_rows){0}};
	memcpy(out->value, c->value, sizeof(out->value));
	out->connects = c->connects;
	out->min_ns = c->prompt && c->min_ns != UINT64_MAX ? c->min_ns : 0;
	out->max_ns = c->prompt ? c->max_ns : 0;
	c->connects.late_max_ns = c->max_connect_ns;
	c->max_connect_ns = 0;
	rig_clear_late(c);
	c->late_max_ns = c->max_ns;
	c->late_min_ns = c->min_ns;
	c->max_ns = 0;
	c->min_ns = UINT64_MAX;
}

static inline void rig_tick_after(struct rig *rig, uint64_t period_ns)
{
	static struct bucket_delta deltas[RIG_MOST][RIG_BINS];
	struct tick_component inputs[RIG_MOST];
	struct tick tick = {.period_ns = period_ns,
			    .components = inputs,
			    .n_components = rig->n_components,
			    .open = rig->open,
			    .n_open = rig->n_open,
			    .hung = rig->hung,
			    .n_hung = rig->n_hung,
			    .open_known = !rig->open_unknown,
			    .self = rig->self};
	size_t i;

	rig->now_ns += period_ns;
	tick.now_ns = rig->now_ns;
	for (i = 0; i < rig->n_components; i++)
		rig_fill(&rig->component[i], (uint32_t)i, deltas[i],
			 &inputs[rig->backwards ? rig->n_components - 1 - i : i]);
	assert_int_equal(monitor_tick(rig->monitor, &tick), 0);
}

static inline void rig_tick(struct rig *rig)
{
	rig_tick_after(rig, SEC);
}

static inline void rig_ticks(struct rig *rig, size_t n)
{
	while (n--)
		rig_tick(rig);
}

/* A span in flight, of @age at the next tick; replaces the one of the same thread. */
static inline void rig_open(struct rig *rig, uint32_t id, uint32_t tid, uint64_t start_ns, uint64_t age)
{
	struct lapse_span span = rig_span(rig, id, tid, start_ns, age);
	size_t i;

	span.flags = LAPSE_SPAN_OPEN;
	for (i = 0; i < rig->n_open && rig->open[i].tid != tid; i++)
		;
	rig->open[i] = span;
	if (i == rig->n_open)
		rig->n_open++;
}

static inline const struct snapshot *rig_snapshot(struct rig *rig)
{
	const struct snapshot *snapshot = monitor_snapshot_full(rig->monitor);

	assert_non_null(snapshot);
	return snapshot;
}

static inline const struct objective_state *rig_state(struct rig *rig, size_t id, size_t objective)
{
	return &rig_snapshot(rig)->components[id].objectives[objective];
}

static inline const struct component_snapshot *rig_shown(struct rig *rig, size_t id)
{
	return &rig_snapshot(rig)->components[id];
}

/* What one look at @input says of an objective. */
static inline enum judgement rig_judged(enum objective_kind kind, double limit, struct objective_input input)
{
	struct objective o = {.kind = kind, .limit = limit};
	double measured;

	return objective_judge(&o, &input, &measured);
}

#define assert_near(a, b) assert_true(fabs((double)(a) - (double)(b)) <= 1e-9 * fabs((double)(b)))

#endif
