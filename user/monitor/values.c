// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A captured value is known by its index in spans and ticks, and to people by its name. Programs may
 * name theirs late (markers): then the objectives on it begin with the tick that names it, and what
 * its records told no sooner, the counters tell now.
 */
#include "monitor/values.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "monitor/component.h"

/* ---- names ------------------------------------------------------------------------------------- */

static void bind(struct component *c, int value)
{
	size_t i;

	for (i = 0; i < c->n_objectives; i++) {
		struct objective_run *run = &c->objectives[i];
		const char *wanted = objective_value(&run->objective);

		if (!wanted || strcmp(wanted, c->values[value].name) != 0)
			continue;
		run->value = value;
		if (run->view >= 0)
			c->window.views[run->view].samples = SAMPLES_VALUE + (unsigned)value;
	}
}

static int name(struct component *c, int value, const char *text)
{
	if (*c->values[value].name || !*text)
		return 0;
	if (window_hold_values(&c->window))
		return -ENOMEM;
	snprintf(c->values[value].name, sizeof(c->values[value].name), "%.*s", LAPSE_VALUE_NAME - 1, text);
	bind(c, value);
	return 0;
}

int values_init(struct component *component, const struct monitor_component *wanted)
{
	int i, err = 0;

	for (i = 0; i < LAPSE_VALUES && !err; i++)
		if (wanted->value_name[i])
			err = name(component, i, wanted->value_name[i]);
	return err;
}

/* ---- max_value and min_value ---------------------------------------------------------------------- */

static bool judged_by_span(const struct objective_run *run)
{
	return run->info->per_span && run->info->source == SOURCE_VALUE;
}

void values_span(struct component *component, const struct lapse_span *span)
{
	size_t i;

	for (i = 0; i < component->n_objectives; i++) {
		struct objective_run *run = &component->objectives[i];
		int level;

		if (!judged_by_span(run) || run->value < 0 || !(span->values & 1U << run->value))
			continue;
		level = levels_of(&run->breaches.levels, span->value[run->value]);
		if (level >= 0)
			breaches_record(component, run, span, span->value[run->value], level);
	}
}

void values_begin_tick(struct component *component)
{
	size_t i;

	for (i = 0; i < component->n_objectives; i++)
		if (judged_by_span(&component->objectives[i]))
			breaches_begin_tick(&component->objectives[i]);
}

void values_end_tick(struct component *component)
{
	size_t i;

	for (i = 0; i < component->n_objectives; i++)
		if (judged_by_span(&component->objectives[i]))
			breaches_end_tick(component, &component->objectives[i]);
}

static bool is_beyond(int64_t extreme)
{
	return extreme == TICK_VALUE_BELOW_ALL || extreme == TICK_VALUE_ABOVE_ALL;
}

static void note_extremes(struct component *c, int value, int64_t min, int64_t max)
{
	size_t i;

	for (i = 0; i < c->n_objectives && min <= max; i++) {
		struct objective_run *run = &c->objectives[i];
		int64_t worst = run->info->upper ? max : min;

		if (judged_by_span(run) && run->value == value && !is_beyond(worst))
			component_measured(run, (double)worst);
	}
}

static void judge(struct component *c, int value, const struct tick_value *now)
{
	size_t i;

	for (i = 0; i < c->n_objectives; i++) {
		struct objective_run *run = &c->objectives[i];

		if (!judged_by_span(run) || run->value != value)
			continue;
		breaches_count(c, run, run->info->upper ? now->above : now->below, now->last);
		if (now->count)
			component_measured(run, (double)now->last);
	}
}

/* ---- figures -------------------------------------------------------------------------------------- */

int values_settle(struct component *component, const struct tick_component *input)
{
	struct component *c = component;
	/* What comes late at the first tick of an interval belongs to the one before. */
	struct figures *interval = c->interval_ticks ? &c->interval : &c->last_interval;
	int i;

	for (i = 0; i < LAPSE_VALUES; i++) {
		const struct tick_value *now = &input->value[i];

		if (name(c, i, now->name))
			return -ENOMEM;
		if (!*now->name)
			continue;
		value_extremes_settle(&c->total.value[i], now->late_min, now->late_max);
		value_extremes_settle(&interval->value[i], now->late_min, now->late_max);
		window_settle_value(&c->window, c->stage->timeline.ticks, (size_t)i, now->late_min,
				    now->late_max);
		note_extremes(c, i, now->late_min, now->late_max);
	}
	return 0;
}

void values_between(struct tally *tally, const struct tick_value before[LAPSE_VALUES],
		    const struct tick_value now[LAPSE_VALUES])
{
	int i;

	for (i = 0; i < LAPSE_VALUES; i++) {
		tally->value[i].count = now[i].count - before[i].count;
		tally->value[i].sum = (uint64_t)now[i].sum - (uint64_t)before[i].sum;
	}
}

static void expect(struct component *c, int i, const struct value_tally *more, int64_t last)
{
	value_extremes_expect(&c->total.value[i], more->count, more->sum, last);
	value_extremes_expect(&c->interval.value[i], more->count, more->sum, last);
	window_expect_value(&c->window, more, (size_t)i, last);
}

void values_count(struct component *component, const struct tick_component *input)
{
	struct tally tally = {0};
	int i;

	values_between(&tally, component->values, input->value);
	for (i = 0; i < LAPSE_VALUES; i++) {
		struct tick_value *mine = &component->values[i];
		const struct tick_value *now = &input->value[i];

		if (!*now->name)
			continue;
		if (tally.value[i].count)
			expect(component, i, &tally.value[i], now->last);
		mine->count = now->count;
		mine->sum = now->sum;
		mine->last = now->last;
		judge(component, i, now);
	}
}

/* Of values of more bits than their extremes are kept with the sum may have run over, too. */
static bool is_summed(const struct value_tally *tally, const struct value_extremes *extremes)
{
	return tally->count && !is_beyond(extremes->min) && !is_beyond(extremes->max);
}

void values_describe(const struct component *component, const struct tally *tally,
		     const struct value_extremes extremes[LAPSE_VALUES], struct stats *stats)
{
	int i;

	for (i = 0; i < LAPSE_VALUES; i++) {
		const struct value_tally *sum = &tally->value[i];
		const struct value_extremes *e = &extremes[i];

		if (!*component->values[i].name)
			continue;
		stats->values[stats->n_values++] = (struct value_stats){
			.name = component->values[i].name,
			.count = sum->count,
			.mean = is_summed(sum, e) ? (double)(int64_t)sum->sum / (double)sum->count : NAN,
			.last = e->last,
			.has_extremes = is_summed(sum, e) && e->any && !e->pending,
			.min = e->min,
			.max = e->max,
		};
	}
}
