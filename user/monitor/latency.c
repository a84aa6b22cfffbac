// SPDX-License-Identifier: GPL-2.0-or-later
/* A span past the limit is reported while it hangs; its return must not be a second breach. */
#include "monitor/latency.h"

#include "bpf/buckets.h"
#include "monitor/component.h"

void latency_free(struct latency *latency)
{
	opens_free(&latency->opens);
}

static int64_t duration_of(const struct lapse_span *span)
{
	return span->duration_ns < INT64_MAX ? (int64_t)span->duration_ns : INT64_MAX;
}

/* -1: within the limit, or there is none. */
static int level_of(const struct component *c, const struct lapse_span *span)
{
	return c->latency.run ? levels_of(&c->latency.run->breaches.levels, duration_of(span)) : -1;
}

/* ---- records --------------------------------------------------------------------------------- */

static void returned(struct component *c, const struct lapse_span *span, struct open_span *open, int level)
{
	struct objective_run *run = c->latency.run;
	uint64_t held = open->held;

	breaches_take(run, level);
	opens_drop(&c->latency.opens, open);
	run->breaches.open = c->latency.opens.present;
	breaches_count_up(c, run);
	breaches_tell(c, run, span, duration_of(span), level, 0, &held);
}

void latency_span(struct component *component, const struct lapse_span *span)
{
	struct latency *l = &component->latency;
	int level = level_of(component, span);
	struct open_span *open;

	if (level < 0)
		return;
	open = opens_find(&l->opens, span->tid, span->start_ns);
	if (open && !levels_is_approach(&l->run->breaches.levels, level))
		returned(component, span, open, level);
	else
		breaches_record(component, l->run, span, duration_of(span), level);
}

/* ---- ticks ----------------------------------------------------------------------------------- */

void latency_begin_tick(struct component *component, bool open_known)
{
	struct latency *l = &component->latency;

	if (!l->run)
		return;
	breaches_begin_tick(l->run);
	if (open_known)
		opens_begin_tick(&l->opens);
	l->run->breaches.open = l->opens.present;
}

/* Those that will never return. Keyed spans that were given up or begun anew are counted by their age then,
 * as if they had ended. */
static uint64_t gone(const struct component *c)
{
	return c->counters.abandoned - c->counters.timed_out;
}

static void mark(struct component *c, struct open_span *open)
{
	struct latency *l = &c->latency;

	opens_mark(&l->opens, open, c->stage->timeline.ticks, gone(c));
	l->run->breaches.open = l->opens.present;
}

static void first_seen_open(struct component *c, const struct lapse_span *span, int level)
{
	struct latency *l = &c->latency;
	struct open_span *open = opens_add(&l->opens, span->tid, span->start_ns);

	if (!open)
		return;
	mark(c, open);
	open->severity = levels_severity(&l->run->breaches.levels, level);
	l->run->breaches.ahead += !breaches_count_up(c, l->run);
	breaches_tell(c, l->run, span, duration_of(span), level, 1, &open->held);
}

void latency_open(struct component *component, const struct lapse_span *span)
{
	struct latency *l = &component->latency;
	int level = level_of(component, span);
	struct open_span *open;

	if (level < 0 || levels_is_approach(&l->run->breaches.levels, level))
		return;
	open = opens_find(&l->opens, span->tid, span->start_ns);
	if (!open) {
		first_seen_open(component, span, level);
		return;
	}
	mark(component, open);
	alert_ongoing(l->run->alert, component->stage->now_ns);
	if (levels_severity(&l->run->breaches.levels, level) > open->severity) {
		open->severity = levels_severity(&l->run->breaches.levels, level);
		breaches_tell(component, l->run, span, duration_of(span), level, 0, &open->held);
	}
}

/* What is known of the slowest span of a tick. */
static int64_t slowest(const struct component *c, const struct tick_component *input)
{
	if (!input->n_buckets)
		return (int64_t)input->late_max_ns;
	return (int64_t)bucket_mid(input->buckets[input->n_buckets - 1].index, c->stage->options.bucket_bits);
}

void latency_count(struct component *component, const struct tick_component *input)
{
	struct objective_run *run = component->latency.run;

	if (!run)
		return;
	breaches_count(component, run, input->counters.level, slowest(component, input));
	if (input->late_max_ns)
		component_measured(run, (double)input->late_max_ns);
}

/* Takes those that are missing since tick @last, and whose records are no longer waited for, as lost or
 * abandoned. */
static void settle(struct component *c, uint64_t last)
{
	struct latency *l = &c->latency;
	struct breaches *b = &l->run->breaches;

	b->abandoned +=
		opens_evict(&l->opens, last, gone(c), gone(c) > b->abandoned ? gone(c) - b->abandoned : 0);
	b->open = l->opens.present;
	breaches_end_tick(c, l->run);
}

/* A record may come a tick later than the span was last seen to be in flight. */
void latency_end_tick(struct component *component)
{
	uint64_t ticks = component->stage->timeline.ticks;

	if (component->latency.run)
		settle(component, ticks > 2 ? ticks - 2 : 0);
}

void latency_end(struct component *component)
{
	if (component->latency.run)
		settle(component, component->stage->timeline.ticks);
}
