// SPDX-License-Identifier: GPL-2.0-or-later
#include "monitor/connects.h"

#include "monitor/component.h"

void connects_span(struct component *component, const struct lapse_span *span)
{
	struct objective_run *run = component->connection_time;
	int64_t duration = span->duration_ns < INT64_MAX ? (int64_t)span->duration_ns : INT64_MAX;
	int level = run ? levels_of(&run->breaches.levels, duration) : -1;

	if (level >= 0)
		breaches_record(component, run, span, duration, level);
}

void connects_between(struct tally *tally, const struct tick_connects *before,
		      const struct tick_connects *now)
{
	tally->opened = now->opened - before->opened;
	tally->not_opened = now->failed - before->failed;
	tally->opening_lost = now->lost - before->lost;
}

bool connects_seen(const struct component *component)
{
	const struct tick_connects *connects = &component->connects;

	return connects->opened || connects->failed || connects->lost || connects->before;
}

void connects_begin_tick(struct component *component)
{
	if (component->connection_time)
		breaches_begin_tick(component->connection_time);
}

void connects_count(struct component *component, const struct tick_component *input)
{
	struct objective_run *run = component->connection_time;

	component->connects = input->connects;
	if (!run)
		return;
	breaches_count(component, run, input->connects.level, (int64_t)input->connects.late_max_ns);
	if (input->connects.late_max_ns)
		component_measured(run, (double)input->connects.late_max_ns);
}

void connects_end_tick(struct component *component)
{
	if (component->connection_time)
		breaches_end_tick(component, component->connection_time);
}
