// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * How violations of max_latency are counted.
 *
 *   K   breaches that the kernel has counted, by the last tick; K' by the tick before
 *   R   breaching records received
 *   O   spans reported while in flight that were still so at the last tick
 *   A   spans reported while in flight that were then abandoned: they never come into K or R
 *   V   violations = the greatest value so far of  max(max(K, R), max(K', R) + O) + A
 *
 * K misses what ended since the tick, R what the ring lost; both count each ended breach at most
 * once, so the greater one is nearer. A span in flight is in neither. O goes with K' and not with
 * K: a tick reads the spans in flight and the counters one after the other, and a span that ends
 * between the two readings would be in both. K' was read before O in any case. V never falls:
 * a span that has left O, and whose record or count is still to come, stays in it.
 *
 * Announcing is apart from counting. A record is announced when it comes, a span in flight at its
 * first tick past the limit. If V then grows at a tick by more than was announced ahead of it,
 * records were lost, and the tick announces the rest.
 */
#include "monitor/latency.h"

#include <string.h>

#include "bpf/buckets.h"
#include "monitor/component.h"

void latency_init(struct component *component, struct objective_run *run)
{
	component->latency.run = run;
	latency_levels(&component->latency, &run->objective, &component->thresholds);
}

void latency_free(struct latency *latency)
{
	opens_free(&latency->opens);
}

/* ---- counting -------------------------------------------------------------------------------- */

static uint64_t larger(uint64_t a, uint64_t b)
{
	return a > b ? a : b;
}

static uint64_t count_now(const struct latency *l)
{
	uint64_t ended = larger(l->kernel_sum, l->record_sum);
	uint64_t with_open = larger(l->kernel_before, l->record_sum) + l->opens.present;

	return larger(ended, with_open) + l->abandoned;
}

/* Brings V up to date; returns by how much it grew. */
static uint64_t count_up(struct component *c)
{
	uint64_t now = count_now(&c->latency), before = c->latency.run->violations;

	if (now <= before)
		return 0;
	component_violated(c, c->latency.run, now - before);
	return now - before;
}

/* Takes from @growth what was announced ahead. */
static uint64_t not_announced(struct latency *l, uint64_t growth)
{
	uint64_t old = growth < l->ahead_before ? growth : l->ahead_before;
	uint64_t new = growth - old < l->ahead ? growth - old : l->ahead;

	l->ahead_before -= old;
	l->ahead -= new;
	return growth - old - new;
}

/* ---- announcing ------------------------------------------------------------------------------ */

static struct breach breach_at(const struct component *c, int level, double measured, uint64_t time_ns,
			       uint64_t n)
{
	const struct latency *l = &c->latency;

	return (struct breach){
		.violation = {.component = c->id,
			      .kind = OBJ_MAX_LATENCY,
			      .severity = latency_severity(l, level),
			      .measured = measured,
			      .limit = l->run->objective.limit,
			      .time_ns = time_ns},
		.n = latency_is_approach(l, level) ? 0 : n,
		.approach = latency_is_approach(l, level),
	};
}

static void tell(struct component *c, const struct breach *b)
{
	component_report(c, c->latency.run, b);
	alert_breach(c->latency.run->alert, &c->policy, b, &c->stage->sink);
}

static void tell_of_span(struct component *c, const struct lapse_span *span, uint64_t time_ns, int level,
			 uint64_t n)
{
	struct breach b = breach_at(c, level, (double)span->duration_ns, time_ns, n);

	b.violation.open = span->flags & LAPSE_SPAN_OPEN;
	b.violation.pid = span->pid;
	b.violation.tid = span->tid;
	memcpy(b.violation.comm, span->comm, sizeof(b.violation.comm));
	b.violation.comm[sizeof(b.violation.comm) - 1] = '\0';
	tell(c, &b);
}

/* ---- records --------------------------------------------------------------------------------- */

static uint64_t end_of(const struct lapse_span *span)
{
	return span->start_ns + larger(span->raw_ns, span->duration_ns);
}

/* A span that ended by the last tick was in its counters: if it does not count, it was told then. */
static void first_record(struct component *c, const struct lapse_span *span, int level, uint64_t growth)
{
	if (!growth && end_of(span) <= c->stage->now_ns)
		return;
	c->latency.ahead += !growth;
	tell_of_span(c, span, end_of(span), level, 1);
}

void latency_span(struct component *component, const struct lapse_span *span)
{
	struct latency *l = &component->latency;
	int level = l->run ? latency_level_of(l, span->duration_ns) : -1;
	struct open_span *open;

	if (level < 0)
		return;
	l->records[level]++;
	l->new_records[level]++;
	if (latency_is_approach(l, level)) {
		tell_of_span(component, span, end_of(span), level, 0);
		return;
	}
	l->record_sum++;
	open = opens_find(&l->opens, span->tid, span->start_ns);
	if (!open) {
		first_record(component, span, level, count_up(component));
		return;
	}
	opens_drop(&l->opens, open);
	count_up(component);
	tell_of_span(component, span, end_of(span), level, 0);
}

/* ---- ticks ----------------------------------------------------------------------------------- */

void latency_begin_tick(struct component *component, bool open_known)
{
	struct latency *l = &component->latency;

	if (!l->run)
		return;
	l->kernel_before = l->kernel_sum;
	if (open_known)
		opens_begin_tick(&l->opens);
}

static void first_seen_open(struct component *c, const struct lapse_span *span, int level)
{
	struct latency *l = &c->latency;
	struct open_span *open = opens_add(&l->opens, span->tid, span->start_ns);

	if (!open)
		return;
	opens_mark(&l->opens, open, c->stage->timeline.ticks, c->counters.abandoned);
	open->severity = latency_severity(l, level);
	l->ahead += !count_up(c);
	tell_of_span(c, span, c->stage->now_ns, level, 1);
}

void latency_open(struct component *component, const struct lapse_span *span)
{
	struct latency *l = &component->latency;
	int level = l->run ? latency_level_of(l, span->duration_ns) : -1;
	struct open_span *open;

	if (level < 0 || latency_is_approach(l, level))
		return;
	open = opens_find(&l->opens, span->tid, span->start_ns);
	if (!open) {
		first_seen_open(component, span, level);
		return;
	}
	opens_mark(&l->opens, open, component->stage->timeline.ticks, component->counters.abandoned);
	alert_ongoing(l->run->alert, component->stage->now_ns);
	if (latency_severity(l, level) > open->severity) {
		open->severity = latency_severity(l, level);
		tell_of_span(component, span, component->stage->now_ns, level, 0);
	}
}

/* What is known of the slowest span of a tick: its bucket, and that it exceeded @level. */
static double known_bound(const struct component *c, const struct tick_component *input, int level)
{
	uint64_t bound = c->latency.level_ns[level] + 1;

	if (input->n_buckets) {
		uint32_t highest = input->buckets[input->n_buckets - 1].index;

		return (double)larger(bound, bucket_mid(highest, c->stage->options.bucket_bits));
	}
	return (double)larger(bound, input->late_max_ns);
}

/* The highest level at which the kernel counted more than came as records; -1: none. */
static int highest_lost(const struct latency *l, const struct tick_counters *counters)
{
	int level = LAPSE_LEVELS - 1;

	while (level >= 0 && counters->level[level] <= l->kernel[level] + l->new_records[level])
		level--;
	return level;
}

static void tell_lost(struct component *c, const struct tick_component *input, int level, uint64_t n)
{
	struct breach b;

	if (level < 0)
		return;
	b = breach_at(c, level, known_bound(c, input, level), c->stage->now_ns, n);
	if (b.n || b.approach || level == LAPSE_LEVEL_CRITICAL)
		tell(c, &b);
}

static void take_levels(struct latency *l, const struct tick_counters *counters)
{
	int level;

	l->kernel_sum = 0;
	for (level = 0; level < LAPSE_LEVELS; level++) {
		l->kernel[level] = counters->level[level];
		l->new_records[level] = 0;
		l->kernel_sum += latency_is_approach(l, level) ? 0 : counters->level[level];
	}
}

void latency_count(struct component *component, const struct tick_component *input)
{
	struct latency *l = &component->latency;
	uint64_t lost;
	int level;

	if (!l->run)
		return;
	level = highest_lost(l, &input->counters);
	take_levels(l, &input->counters);
	lost = not_announced(l, count_up(component));
	/* Counted on a level whose records all came: the lowest there is. */
	if (lost && (level < 0 || latency_is_approach(l, level)))
		level = latency_level_of(l, l->limit_ns + 1);
	tell_lost(component, input, level, lost);
	if (input->late_max_ns)
		l->run->measured = (double)input->late_max_ns;
	if (input->late_max_ns && !(l->run->worst >= (double)input->late_max_ns))
		l->run->worst = (double)input->late_max_ns;
}

void latency_end_tick(struct component *component)
{
	struct latency *l = &component->latency;
	uint64_t abandoned = component->counters.abandoned;

	if (!l->run)
		return;
	l->abandoned += opens_evict(&l->opens, component->stage->timeline.ticks, abandoned,
				    abandoned > l->abandoned ? abandoned - l->abandoned : 0);
	not_announced(l, count_up(component));
	l->ahead_before = l->ahead;
	l->ahead = 0;
}
