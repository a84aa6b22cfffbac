// SPDX-License-Identifier: GPL-2.0-or-later
/* The front: what is fed goes to its component, ticks to all of them in the order of their numbers. */
#include "monitor/monitor.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "bpf/buckets.h"
#include "monitor/state.h"

#define HEALTH_NS (10 * 1000000000ULL)

struct monitor *monitor_new(const struct monitor_options *options, const struct monitor_sink *sink)
{
	struct monitor *monitor = calloc(1, sizeof(*monitor));

	if (!monitor)
		return NULL;
	monitor->stage.options = *options;
	monitor->stage.sink = *sink;
	monitor->stage.now_ns = options->start_ns;
	monitor->next_health_ns = options->start_ns + HEALTH_NS;
	return monitor;
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
	return (int)monitor->n_components++;
}

void monitor_kernel_levels(const struct monitor *monitor, uint32_t component, uint64_t level_ns[LAPSE_LEVELS])
{
	const struct latency *latency = &monitor->components[component]->latency;
	int level;

	for (level = 0; level < LAPSE_LEVELS; level++)
		level_ns[level] = latency->run ? latency->level_ns[level] : UINT64_MAX;
}

int monitor_span(struct monitor *monitor, const struct lapse_span *span)
{
	if (span->component >= monitor->n_components)
		return -EINVAL;
	latency_span(monitor->components[span->component], span);
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
		component_open(monitor->components[tick->open[i].component], &tick->open[i]);
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

static void tell_health(struct monitor *monitor)
{
	const struct stage *stage = &monitor->stage;

	if (stage->now_ns < monitor->next_health_ns)
		return;
	while (monitor->next_health_ns <= stage->now_ns)
		monitor->next_health_ns += HEALTH_NS;
	if (stage->sink.health)
		stage->sink.health(stage->sink.context);
}

int monitor_tick(struct monitor *monitor, const struct tick *tick)
{
	int err = sort_inputs(monitor, tick);
	size_t i;

	if (err)
		return err;
	advance(monitor, tick);
	take_open(monitor, tick);
	err = take_counts(monitor);
	for (i = 0; i < monitor->n_components; i++)
		component_end_tick(monitor->components[i]);
	tell_health(monitor);
	return err;
}

bool monitor_interval_ended(const struct monitor *monitor)
{
	return monitor->n_components && !monitor->stage.extends && !monitor->components[0]->interval_ticks;
}

bool monitor_end(struct monitor *monitor, const char *reason)
{
	bool rest = false;

	monitor->end_reason = reason;
	for (size_t i = 0; i < monitor->n_components; i++)
		rest |= component_end(monitor->components[i]);
	return rest;
}
