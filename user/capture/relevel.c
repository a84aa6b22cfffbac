// SPDX-License-Identifier: GPL-2.0-or-later
#include "capture/relevel.h"

#include <stdlib.h>
#include <string.h>

#include "bpf/buckets.h"

/* What is known of a limit, since the start. */
struct beyond {
	uint64_t limit_ns;			/* UINT64_MAX: not in use */
	uint32_t bucket;			/* that it lies in */
	uint64_t counted_above, counted_inside; /* by histograms: in buckets above, and in its own */
	uint64_t seen_inside, seen_beyond;	/* singly, in its own bucket, and beyond the limit there */
	uint64_t endless;			/* of those that never ended, which no histogram has */
	bool unplaced;				/* it may be that one more is beyond it */
};

/* Of a figure whose extremes are known of each tick: values and openings of connections. */
struct seen {
	uint64_t n, beyond[LAPSE_LEVELS];
	uint64_t ticks[LAPSE_LEVELS]; /* in which the extreme was beyond: each of one span at least */
};

struct value_levels {
	bool wanted;
	int64_t above[LAPSE_LEVELS], below[LAPSE_LEVELS];
	struct seen max, min;
};

struct relevel {
	unsigned bucket_bits;
	bool durations; /* the limits are others than the kernel's */
	struct beyond level[LAPSE_LEVELS];
	bool approach;		/* the lowest one only warns */
	uint64_t sent_above_ns; /* every longer one was sent, if none was dropped */
	uint64_t endless_seen, seen;
	bool connects;
	uint64_t connect_ns[LAPSE_LEVELS], connect_sent_above_ns;
	struct seen connect;
	struct value_levels value[LAPSE_VALUES];
	/* The newest durations, for a count window that was not recorded. */
	uint32_t last;
	uint64_t *recent, *in_order;
};

static uint64_t lowest(const uint64_t limits[LAPSE_LEVELS])
{
	uint64_t lowest = UINT64_MAX;

	for (int level = 0; level < LAPSE_LEVELS; level++)
		lowest = limits[level] < lowest ? limits[level] : lowest;
	return lowest;
}

static void want_durations(struct relevel *r, const uint64_t wanted[LAPSE_LEVELS],
			   const uint64_t traced[LAPSE_LEVELS])
{
	r->durations = !traced || memcmp(wanted, traced, LAPSE_LEVELS * sizeof(*wanted)) != 0;
	r->sent_above_ns = traced ? lowest(traced) : UINT64_MAX;
	for (int level = 0; level < LAPSE_LEVELS; level++) {
		r->level[level].limit_ns = wanted[level];
		r->level[level].bucket = lapse_bucket(wanted[level], r->bucket_bits);
	}
}

static void want_values(struct relevel *r, const struct monitor *monitor, uint32_t number,
			const struct monitor_component *component)
{
	for (int i = 0; i < LAPSE_VALUES; i++) {
		struct value_levels *v = &r->value[i];

		if (!component->value_name[i])
			continue;
		monitor_kernel_value_levels(monitor, number, component->value_name[i], v->above, v->below);
		for (int level = 0; level < LAPSE_LEVELS; level++)
			v->wanted |= v->above[level] != INT64_MAX || v->below[level] != INT64_MIN;
	}
}

struct relevel *relevel_new(const struct monitor *monitor, uint32_t number,
			    const struct monitor_component *component, unsigned bucket_bits,
			    const uint64_t traced[LAPSE_LEVELS], const uint64_t traced_connects[LAPSE_LEVELS])
{
	struct relevel *r = calloc(1, sizeof(*r));
	uint64_t wanted[LAPSE_LEVELS];

	if (!r)
		return NULL;
	r->bucket_bits = bucket_bits;
	r->last = component->window.last;
	r->recent = calloc(r->last + 1, sizeof(*r->recent));
	r->in_order = calloc(r->last + 1, sizeof(*r->in_order));
	if (!r->recent || !r->in_order) {
		relevel_free(r);
		return NULL;
	}
	r->approach = component->contract && component->contract->thresholds.warning_multiplier < 1.0;
	monitor_kernel_levels(monitor, number, wanted);
	want_durations(r, wanted, traced);
	monitor_kernel_connect_levels(monitor, number, r->connect_ns);
	r->connects = !traced_connects || memcmp(r->connect_ns, traced_connects, sizeof(r->connect_ns)) != 0;
	r->connect_sent_above_ns = traced_connects ? lowest(traced_connects) : UINT64_MAX;
	want_values(r, monitor, number, component);
	return r;
}

void relevel_free(struct relevel *relevel)
{
	if (!relevel)
		return;
	free(relevel->recent);
	free(relevel->in_order);
	free(relevel);
}

/* ---- spans ----------------------------------------------------------------------------------------- */

static void see_duration(struct relevel *r, const struct lapse_span *span)
{
	uint32_t bucket = lapse_bucket(span->duration_ns, r->bucket_bits);

	for (int level = 0; level < LAPSE_LEVELS; level++) {
		struct beyond *b = &r->level[level];
		bool beyond = span->duration_ns > b->limit_ns;

		if (span->flags & LAPSE_SPAN_ENDLESS) {
			b->endless += beyond;
		} else if (bucket == b->bucket) {
			b->seen_inside++;
			b->seen_beyond += beyond;
		}
	}
}

static void see_value(struct value_levels *v, int64_t value)
{
	v->max.n++;
	v->min.n++;
	for (int level = 0; level < LAPSE_LEVELS; level++) {
		v->max.beyond[level] += value > v->above[level];
		v->min.beyond[level] += value < v->below[level];
	}
}

void relevel_span(struct relevel *relevel, const struct lapse_span *span)
{
	struct relevel *r = relevel;

	for (int i = 0; i < LAPSE_VALUES; i++)
		if (span->values & 1U << i)
			see_value(&r->value[i], span->value[i]);
	if (span->flags & LAPSE_SPAN_UNTIMED)
		return;
	see_duration(r, span);
	if (span->flags & LAPSE_SPAN_ENDLESS) {
		r->endless_seen++;
		return;
	}
	if (r->last)
		r->recent[r->seen % r->last] =
			span->duration_ns | (span->flags & LAPSE_SPAN_ERROR ? LAPSE_RECENT_ERROR : 0);
	r->seen++;
}

void relevel_connect(struct relevel *relevel, const struct lapse_span *span)
{
	relevel->connect.n++;
	for (int level = 0; level < LAPSE_LEVELS; level++)
		relevel->connect.beyond[level] += span->duration_ns > relevel->connect_ns[level];
}

/* ---- ticks ----------------------------------------------------------------------------------------- */

/* From how many are beyond each limit to how many have it as the highest that they are beyond. */
static void by_highest(uint64_t level[LAPSE_LEVELS])
{
	for (int i = 0; i + 1 < LAPSE_LEVELS; i++)
		level[i] -= level[i] < level[i + 1] ? level[i] : level[i + 1];
}

static void count_buckets(struct beyond *b, const struct tick_component *tick)
{
	for (size_t i = 0; i < tick->n_buckets; i++) {
		if (tick->buckets[i].index > b->bucket)
			b->counted_above += tick->buckets[i].count;
		else if (tick->buckets[i].index == b->bucket)
			b->counted_inside += tick->buckets[i].count;
	}
}

static uint64_t at_most(uint64_t value, uint64_t most)
{
	return value < most ? value : most;
}

/* Some that were not sent may be beyond the limit: those that the kernel sent for being longer than its own,
 * or was to send, are not among them. */
static bool is_unplaced(const struct relevel *r, const struct beyond *b, const struct tick_component *tick,
			bool dropped)
{
	uint64_t endless = tick->counters.timed_out + tick->counters.restarted;
	bool missing = b->counted_inside > b->seen_inside || endless > r->endless_seen;

	return missing && (b->limit_ns < r->sent_above_ns || dropped);
}

static void place_durations(struct relevel *r, struct tick_component *tick, bool dropped)
{
	uint64_t *out = tick->counters.level;

	for (int level = 0; level < LAPSE_LEVELS; level++) {
		struct beyond *b = &r->level[level];

		count_buckets(b, tick);
		if (b->limit_ns == UINT64_MAX) {
			out[level] = 0;
			continue;
		}
		out[level] = b->counted_above + at_most(b->seen_beyond, b->counted_inside) + b->endless;
		b->unplaced |= is_unplaced(r, b, tick, dropped);
		tick->unplaced |= b->unplaced && !(level == LAPSE_LEVEL_NOTICE && r->approach);
	}
	by_highest(out);
}

static void place_seen(struct seen *s, bool complete, const bool beyond[LAPSE_LEVELS],
		       uint64_t out[LAPSE_LEVELS])
{
	for (int level = 0; level < LAPSE_LEVELS; level++) {
		s->ticks[level] += beyond[level];
		out[level] =
			complete || s->beyond[level] > s->ticks[level] ? s->beyond[level] : s->ticks[level];
	}
	by_highest(out);
}

static void place_connects(struct relevel *r, struct tick_connects *c)
{
	bool beyond[LAPSE_LEVELS];

	for (int level = 0; level < LAPSE_LEVELS; level++)
		beyond[level] = c->late_max_ns > r->connect_ns[level];
	place_seen(&r->connect, r->connect.n >= c->opened + c->failed, beyond, c->level);
}

static void place_value(struct value_levels *v, struct tick_value *tick)
{
	bool known = tick->late_min <= tick->late_max, above[LAPSE_LEVELS], below[LAPSE_LEVELS];
	/* What lies further out is there at least. */
	int64_t max = tick->late_max == TICK_VALUE_ABOVE_ALL ? LAPSE_VALUE_BIAS - 1 : tick->late_max;
	int64_t min = tick->late_min == TICK_VALUE_BELOW_ALL ? -LAPSE_VALUE_BIAS : tick->late_min;

	for (int level = 0; level < LAPSE_LEVELS; level++) {
		above[level] = known && max > v->above[level];
		below[level] = known && min < v->below[level];
	}
	place_seen(&v->max, v->max.n >= tick->count, above, tick->above);
	place_seen(&v->min, v->min.n >= tick->count, below, tick->below);
}

/* The newest that were recorded, or that were sent, if all were. */
static void place_recent(struct relevel *r, struct tick_component *tick)
{
	if (tick->n_recent >= r->last || (tick->n_recent && tick->n_recent == tick->recent_total)) {
		size_t n = tick->n_recent < r->last ? tick->n_recent : r->last;

		tick->recent += tick->n_recent - n;
		tick->n_recent = n;
		return;
	}
	tick->n_recent = 0;
	tick->recent = NULL;
	if (r->seen < tick->counters.returns)
		return;
	tick->n_recent = r->seen < r->last ? r->seen : r->last;
	for (size_t i = 0; i < tick->n_recent; i++)
		r->in_order[i] = r->recent[(r->seen - tick->n_recent + i) % r->last];
	tick->recent = r->in_order;
	tick->recent_total = r->seen;
}

void relevel_tick(struct relevel *relevel, struct tick_component *tick, bool lost)
{
	struct relevel *r = relevel;
	bool dropped = lost || tick->counters.ring_dropped;

	if (r->durations)
		place_durations(r, tick, dropped);
	if (r->connects)
		place_connects(r, &tick->connects);
	for (int i = 0; i < LAPSE_VALUES; i++)
		if (r->value[i].wanted)
			place_value(&r->value[i], &tick->value[i]);
	if (r->last)
		place_recent(r, tick);
}
