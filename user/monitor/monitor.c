// SPDX-License-Identifier: GPL-2.0-or-later
/* The front: what is fed goes to its component, ticks to all of them in the order of their numbers. */
#include "monitor/monitor.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "bpf/buckets.h"
#include "monitor/state.h"

#define HEALTH_NS (10 * 1000000000ULL)

static struct component *new_whole(struct stage *stage)
{
	struct monitor_component wanted = {
		.name = "system",
		.window = window_spec_default(),
		.outcome_unknown = true,
		.contract = stage->options.system,
	};

	return component_new(stage, 0, &wanted);
}

struct monitor *monitor_new(const struct monitor_options *options, const struct monitor_sink *sink)
{
	struct monitor *monitor = calloc(1, sizeof(*monitor));

	if (!monitor)
		return NULL;
	monitor->stage.options = *options;
	monitor->stage.sink = *sink;
	monitor->stage.now_ns = options->start_ns;
	monitor->next_health_ns = options->start_ns + HEALTH_NS;
	monitor->whole = new_whole(&monitor->stage);
	if (monitor->whole)
		return monitor;
	monitor_free(monitor);
	return NULL;
}

void monitor_start(struct monitor *monitor, uint64_t start_ns)
{
	monitor->stage.options.start_ns = start_ns;
	monitor->stage.now_ns = start_ns;
	monitor->next_health_ns = start_ns + HEALTH_NS;
}

void monitor_free(struct monitor *monitor)
{
	size_t i;

	if (!monitor)
		return;
	for (i = 0; i < monitor->n_components; i++)
		component_free(monitor->components[i]);
	component_free(monitor->whole);
	snapshot_store_free(&monitor->store);
	timeline_free(&monitor->stage.timeline);
	free(monitor->components);
	free(monitor->inputs);
	free(monitor);
}

static int make_room(struct monitor *monitor)
{
	size_t n = monitor->n_components + 1;
	struct component **components = realloc(monitor->components, n * sizeof(*components));
	const struct tick_component **inputs;

	if (!components)
		return -ENOMEM;
	monitor->components = components;
	inputs = realloc(monitor->inputs, n * sizeof(*inputs));
	if (!inputs)
		return -ENOMEM;
	monitor->inputs = inputs;
	return 0;
}

int monitor_add(struct monitor *monitor, const struct monitor_component *component)
{
	size_t n = monitor->n_components;

	if (make_room(monitor))
		return -ENOMEM;
	monitor->components[n] = component_new(&monitor->stage, (uint32_t)n, component);
	if (!monitor->components[n])
		return -ENOMEM;
	monitor->whole->id = (uint32_t)n + 1;
	monitor->whole->outcome_unknown &= component->outcome_unknown;
	return (int)monitor->n_components++;
}

static uint64_t unsigned_level(int64_t limit)
{
	return limit == levels_never(true) ? UINT64_MAX : (uint64_t)limit;
}

static void kernel_levels(const struct objective_run *run, uint64_t level_ns[LAPSE_LEVELS])
{
	int level;

	for (level = 0; level < LAPSE_LEVELS; level++)
		level_ns[level] = run ? unsigned_level(run->breaches.levels.at[level]) : UINT64_MAX;
}

void monitor_kernel_levels(const struct monitor *monitor, uint32_t component, uint64_t level_ns[LAPSE_LEVELS])
{
	const struct component *c = monitor->components[component];

	kernel_levels(c->latency.run ? c->latency.run : c->latency_budget, level_ns);
}

void monitor_kernel_connect_levels(const struct monitor *monitor, uint32_t component,
				   uint64_t level_ns[LAPSE_LEVELS])
{
	kernel_levels(monitor->components[component]->connection_time, level_ns);
}

static void value_levels(const struct component *c, enum objective_kind kind, const char *name,
			 int64_t limits[LAPSE_LEVELS])
{
	size_t i;

	for (i = 0; i < LAPSE_LEVELS; i++)
		limits[i] = levels_never(objective_info(kind)->upper);
	for (i = 0; i < c->n_objectives; i++) {
		const struct objective *o = &c->objectives[i].objective;

		if (o->kind == kind && !strcmp(o->value, name))
			memcpy(limits, c->objectives[i].breaches.levels.at, LAPSE_LEVELS * sizeof(*limits));
	}
}

void monitor_kernel_value_levels(const struct monitor *monitor, uint32_t component, const char *name,
				 int64_t above[LAPSE_LEVELS], int64_t below[LAPSE_LEVELS])
{
	value_levels(monitor->components[component], OBJ_MAX_VALUE, name, above);
	value_levels(monitor->components[component], OBJ_MIN_VALUE, name, below);
}

int monitor_span(struct monitor *monitor, const struct lapse_span *span)
{
	if (span->component >= monitor->n_components)
		return -EINVAL;
	causes_span(&monitor->components[span->component]->causes, span);
	latency_span(monitor->components[span->component], span);
	values_span(monitor->components[span->component], span);
	return 0;
}

int monitor_connect(struct monitor *monitor, uint32_t component, const struct lapse_span *span)
{
	if (component >= monitor->n_components)
		return -EINVAL;
	connects_span(monitor->components[component], span);
	return 0;
}

static bool valid_buckets(const struct tick_component *input, unsigned bits)
{
	size_t i;

	for (i = 0; i < input->n_buckets; i++) {
		if (input->buckets[i].index > LAPSE_BUCKETS(bits))
			return false;
	}
	return true;
}

/* Finds each component's input; nothing has changed if this fails. */
static int sort_inputs(struct monitor *monitor, const struct tick *tick)
{
	size_t i;

	if (monitor->n_components)
		memset(monitor->inputs, 0, monitor->n_components * sizeof(*monitor->inputs));
	for (i = 0; i < tick->n_components; i++) {
		const struct tick_component *input = &tick->components[i];

		if (input->component >= monitor->n_components ||
		    !valid_buckets(input, monitor->stage.options.bucket_bits))
			return -EINVAL;
		monitor->inputs[input->component] = input;
	}
	for (i = 0; i < tick->n_open; i++) {
		if (tick->open[i].component >= monitor->n_components)
			return -EINVAL;
	}
	return 0;
}

/* The first tick covers all since the start. */
static uint64_t period_of(const struct stage *stage, const struct tick *tick)
{
	if (tick->period_ns || stage->timeline.ticks || tick->now_ns < stage->options.start_ns)
		return tick->period_ns;
	return tick->now_ns - stage->options.start_ns;
}

/*
 * Tracing ends anywhere within a tick, and with ticks that only bring late figures. They make the
 * tick before longer: windows and quarters stay whole ticks.
 */
static void advance(struct monitor *monitor, const struct tick *tick)
{
	struct stage *stage = &monitor->stage;

	stage->period_ns = period_of(stage, tick);
	stage->extends = stage->timeline.ticks && stage->period_ns * 2 < stage->options.tick_ns;
	if (stage->extends)
		timeline_extend(&stage->timeline, stage->period_ns);
	else
		timeline_add(&stage->timeline, stage->period_ns);
	stage->whole_ticks = stage->options.tick_ns ? (stage->period_ns + stage->options.tick_ns / 2) /
							      stage->options.tick_ns
						    : 1;
	stage->now_ns = tick->now_ns > stage->now_ns ? tick->now_ns : stage->now_ns;
	stage->missed_delta = tick->self.kernel_missed - stage->missed;
	stage->missed = tick->self.kernel_missed;
	monitor->self = tick->self;
}

static void take_open(struct monitor *monitor, const struct tick *tick)
{
	size_t i;

	for (i = 0; i < monitor->n_components; i++)
		component_begin_tick(monitor->components[i], tick->open_known);
	for (i = 0; i < tick->n_open && tick->open_known; i++)
		component_open(monitor->components[tick->open[i].component], tick_open_span(tick, i));
}

static int take_counts(struct monitor *monitor)
{
	int err = 0, failed;
	size_t i;

	for (i = 0; i < monitor->n_components; i++) {
		failed = component_count(monitor->components[i], monitor->inputs[i]);
		err = err ? err : failed;
	}
	return err;
}

static struct tick_counters sum_of_components(const struct monitor *monitor)
{
	struct tick_counters sum = {0};
	size_t i;

	for (i = 0; i < monitor->n_components; i++) {
		const struct tick_counters *t = &monitor->components[i]->counters;

		sum.entries += t->entries;
		sum.returns += t->returns;
		sum.errors += t->errors;
		sum.sum_ns += t->sum_ns;
		sum.too_deep += t->too_deep;
		sum.maps_full += t->maps_full;
		sum.stray += t->stray;
	}
	return sum;
}

static int count_whole(struct monitor *monitor)
{
	struct tick_component sum = {.counters = sum_of_components(monitor), .late_min_ns = UINT64_MAX};

	component_begin_tick(monitor->whole, true);
	return component_count(monitor->whole, &sum);
}

/* Every ten seconds, of the feed's time. */
static bool health_is_due(struct monitor *monitor)
{
	uint64_t now = monitor->stage.now_ns;
	bool due = now >= monitor->next_health_ns;

	while (monitor->next_health_ns <= now)
		monitor->next_health_ns += HEALTH_NS;
	return due;
}

/* All were up, or one was not. */
static void note_uptime(struct monitor *monitor)
{
	const struct stage *stage = &monitor->stage;
	enum liveness_state worst = LIVE_UP, state;

	for (size_t i = 0; i < monitor->n_components; i++) {
		state = liveness_of(&monitor->components[i]->liveness);
		worst = state < worst ? state : worst;
	}
	uptime_add(&monitor->uptime, worst, stage->whole_ticks, stage->extends);
}

static void judge_whole(struct monitor *monitor)
{
	const struct monitor_sink *sink = &monitor->stage.sink;

	if (!health_is_due(monitor)) {
		judge_later(monitor->whole);
		component_alerts_tick(monitor->whole);
		return;
	}
	component_end_tick(monitor->whole);
	if (sink->health)
		sink->health(sink->context);
}

int monitor_tick(struct monitor *monitor, const struct tick *tick)
{
	int err = sort_inputs(monitor, tick), failed;
	size_t i;

	if (err)
		return err;
	advance(monitor, tick);
	take_open(monitor, tick);
	err = take_counts(monitor);
	failed = count_whole(monitor);
	note_uptime(monitor);
	for (i = 0; i < monitor->n_components; i++)
		component_end_tick(monitor->components[i]);
	judge_whole(monitor);
	return err ? err : failed;
}

bool monitor_interval_ended(const struct monitor *monitor)
{
	return monitor->n_components && !monitor->stage.extends && !monitor->components[0]->interval_ticks;
}

void monitor_set_handlers(struct monitor *monitor, const struct handler_stats *handlers, size_t n)
{
	monitor->handlers = handlers;
	monitor->n_handlers = n;
}

void monitor_has_gaps(struct monitor *monitor, const char *why)
{
	monitor->stage.gaps = why;
}

void monitor_dropped_lines(struct monitor *monitor, uint64_t n)
{
	monitor->lines_dropped = n;
}

void monitor_recorded(struct monitor *monitor, const struct recording *recording)
{
	monitor->recording = recording;
}

bool monitor_end(struct monitor *monitor, const char *reason)
{
	bool rest = false;

	monitor->end_reason = reason;
	for (size_t i = 0; i < monitor->n_components; i++)
		rest |= component_end(monitor->components[i]);
	return rest;
}
