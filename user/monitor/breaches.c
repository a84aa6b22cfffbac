// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * How violations of a span objective are counted.
 *
 *   K   breaches that the kernel has counted, by the last tick; K' by the tick before
 *   R   breaching records received
 *       (in both: a keyed span that was given up, or begun anew, stands as if it had ended then)
 *   O   spans reported while in flight that were still so at the last tick
 *   A   spans reported while in flight that were then abandoned: they never come into K or R
 *   B   violations by other limits, which the objective had before
 *   V   violations = the greatest value so far of  max(max(K, R), max(K', R) + O) + A + B
 *
 * K misses what ended since the tick, R what the ring lost; both count each ended breach at most
 * once, so the greater one is nearer. A span in flight is in neither. O goes with K' and not with
 * K: a tick reads the spans in flight and the counters one after the other, and a span that ends
 * between the two readings would be in both. K' was read before O in any case. V never falls:
 * a span that has left O, and whose record or count is still to come, stays in it. (Of captured
 * values nothing is known while a span is in flight: O and A are 0.)
 *
 * Announcing is apart from counting. A record is announced when it comes, which is before the tick that
 * counts it, and a span in flight at its first tick past the limit. If V then grows at a tick by more than
 * was announced ahead of it, records were lost, and the tick announces the rest.
 */
#include "monitor/breaches.h"

#include <string.h>

#include "monitor/component.h"
#include "monitor/explain.h"

static uint64_t larger(uint64_t a, uint64_t b)
{
	return a > b ? a : b;
}

/* ---- counting -------------------------------------------------------------------------------- */

static uint64_t count_now(const struct breaches *b)
{
	uint64_t ended = larger(b->kernel_sum, b->record_sum);
	uint64_t with_open = larger(b->kernel_before, b->record_sum) + b->open;

	return larger(ended, with_open) + b->abandoned + b->before;
}

uint64_t breaches_count_up(struct component *component, struct objective_run *run)
{
	uint64_t now = count_now(&run->breaches), before = run->violations;

	if (now <= before)
		return 0;
	component_violated(component, run, now - before);
	return now - before;
}

/* Takes from @growth what was announced ahead. */
static uint64_t not_announced(struct breaches *b, uint64_t growth)
{
	uint64_t old = growth < b->ahead_before ? growth : b->ahead_before;
	uint64_t new = growth - old < b->ahead ? growth - old : b->ahead;

	b->ahead_before -= old;
	b->ahead -= new;
	return growth - old - new;
}

/* ---- announcing ------------------------------------------------------------------------------ */

static struct breach breach_at(const struct component *c, const struct objective_run *run, int level,
			       double measured, uint64_t time_ns, uint64_t n)
{
	const struct levels *l = &run->breaches.levels;

	return (struct breach){
		.violation = {.component = c->id,
			      .kind = run->objective.kind,
			      .severity = levels_severity(l, level),
			      .value = objective_value(&run->objective),
			      .measured = measured,
			      .limit = run->objective.limit,
			      .time_ns = time_ns},
		.n = levels_is_approach(l, level) ? 0 : n,
		.approach = levels_is_approach(l, level),
	};
}

static bool tell(struct component *c, struct objective_run *run, const struct breach *b)
{
	component_report(c, run, b);
	return alert_breach(run->alert, &run->gate, &c->policy, b, &c->stage->sink);
}

uint64_t breaches_time(const struct component *component, const struct lapse_span *span)
{
	if (span->flags & LAPSE_SPAN_OPEN)
		return component->stage->now_ns;
	return span->start_ns + larger(span->raw_ns, span->duration_ns);
}

static void set_held(uint64_t *held, uint64_t until)
{
	if (held)
		*held = until;
}

void breaches_tell(struct component *component, struct objective_run *run, const struct lapse_span *span,
		   int64_t measured, int level, uint64_t n, uint64_t *held)
{
	struct breach b =
		breach_at(component, run, level, (double)measured, breaches_time(component, span), n);
	struct explanation why;

	b.violation.why = explain_span(span, &why) ? &why : NULL;
	b.violation.open = span->flags & LAPSE_SPAN_ENDLESS;
	b.violation.pid = span->pid;
	b.violation.tid = span->tid;
	memcpy(b.violation.comm, span->comm, sizeof(b.violation.comm));
	b.violation.comm[sizeof(b.violation.comm) - 1] = '\0';
	b.held = !n && held && *held == run->alert->announcements + 1;
	if (!tell(component, run, &b))
		set_held(held, 0);
	else if (n)
		set_held(held, run->alert->announcements + 1);
}

/* ---- records --------------------------------------------------------------------------------- */

bool breaches_take(struct objective_run *run, int level)
{
	struct breaches *b = &run->breaches;

	b->new_records[level]++;
	b->record_sum += !levels_is_approach(&b->levels, level);
	return !levels_is_approach(&b->levels, level);
}

/*
 * Whether the next record is one that the last tick has counted and told: records come in order, and the
 * kernel has counted more than have come and were dropped. That is rare: a record that its program was
 * preempted over.
 */
static bool told_by_tick(const struct component *c, const struct objective_run *run)
{
	bool of_connects = run->info->source == SOURCE_CONNECTS;
	uint64_t dropped = of_connects ? c->connects.ring_dropped : c->counters.ring_dropped;

	return run->breaches.kernel_sum > run->breaches.record_sum + dropped;
}

void breaches_record(struct component *component, struct objective_run *run, const struct lapse_span *span,
		     int64_t measured, int level)
{
	uint64_t growth;
	bool told = told_by_tick(component, run);

	if (!breaches_take(run, level)) {
		breaches_tell(component, run, span, measured, level, 0, NULL);
		return;
	}
	growth = breaches_count_up(component, run);
	/* One that ended by the last tick was in its counters: if it does not count, it was told then. */
	if (!growth && (told || breaches_time(component, span) <= component->stage->now_ns))
		return;
	run->breaches.ahead += !growth;
	breaches_tell(component, run, span, measured, level, 1, NULL);
}

/* ---- ticks ----------------------------------------------------------------------------------- */

void breaches_begin_tick(struct objective_run *run)
{
	run->breaches.kernel_before = run->breaches.kernel_sum;
}

/* The highest level at which the kernel counted more than came as records; -1: none. */
static int highest_lost(const struct breaches *b, const uint64_t counted[LAPSE_LEVELS])
{
	int level = LAPSE_LEVELS - 1;

	while (level >= 0 && counted[level] <= b->kernel[level] + b->new_records[level])
		level--;
	return level;
}

/* What is known of the worst span of a tick: the furthest measure, and that it was beyond @level. */
static int64_t known_bound(const struct levels *l, int level, int64_t furthest)
{
	int64_t bound = levels_beyond(l, level);

	if (l->upper)
		return furthest > bound ? furthest : bound;
	return furthest < bound ? furthest : bound;
}

/* Of durations the kernel keeps the causes, whether the records come or not. */
static bool explain_lost(struct component *c, const struct objective_run *run, struct explanation *why)
{
	*why = (struct explanation){.now.state = THREAD_UNKNOWN};
	return run->info->source == SOURCE_DURATIONS &&
	       causes_beyond(&c->causes, (uint64_t)run->objective.limit, c->stage->timeline.ticks,
			     &why->causes);
}

static void tell_lost(struct component *c, struct objective_run *run, int level, int64_t furthest, uint64_t n)
{
	struct explanation why;
	struct breach b;

	if (level < 0)
		return;
	b = breach_at(c, run, level, (double)known_bound(&run->breaches.levels, level, furthest),
		      c->stage->now_ns, n);
	b.violation.why = explain_lost(c, run, &why) ? &why : NULL;
	if (b.n || b.approach || level == LAPSE_LEVEL_CRITICAL)
		tell(c, run, &b);
}

static void take_levels(struct breaches *b, const uint64_t counted[LAPSE_LEVELS])
{
	int level;

	b->kernel_sum = -b->kernel_base;
	for (level = 0; level < LAPSE_LEVELS; level++) {
		b->kernel[level] = counted[level];
		b->new_records[level] = 0;
		b->kernel_sum += levels_is_approach(&b->levels, level) ? 0 : counted[level];
	}
}

/*
 * At the first tick after the limits changed the kernel has counted by both. The records, which are judged
 * here, were all by the new ones; from there on its counts are too.
 */
static void settle(struct breaches *b, const uint64_t counted[LAPSE_LEVELS])
{
	b->kernel_base = 0;
	take_levels(b, counted);
	b->kernel_base = b->kernel_sum - b->record_sum;
	b->kernel_sum = b->record_sum;
	b->kernel_before = b->kernel_sum;
	b->settling = false;
}

void breaches_restart(struct objective_run *run, const struct objective_run *before)
{
	struct breaches *b = &run->breaches;

	*b = (struct breaches){.levels = b->levels, .settling = true};
	if (!before)
		return;
	/* How many of those that were gone were told of is known by their count. */
	b->abandoned = before->breaches.abandoned;
	b->before = run->violations - b->abandoned;
}

void breaches_count(struct component *component, struct objective_run *run,
		    const uint64_t counted[LAPSE_LEVELS], int64_t furthest)
{
	struct breaches *b = &run->breaches;
	int level = b->settling ? -1 : highest_lost(b, counted);
	uint64_t lost;

	if (b->settling)
		settle(b, counted);
	else
		take_levels(b, counted);
	lost = not_announced(b, breaches_count_up(component, run));
	/* Counted on a level whose records all came: the lowest there is. */
	if (lost && (level < 0 || levels_is_approach(&b->levels, level)))
		level = levels_lowest(&b->levels);
	tell_lost(component, run, level, furthest, lost);
}

void breaches_end_tick(struct component *component, struct objective_run *run)
{
	struct breaches *b = &run->breaches;

	not_announced(b, breaches_count_up(component, run));
	b->ahead_before = b->ahead;
	b->ahead = 0;
}
