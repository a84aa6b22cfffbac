// SPDX-License-Identifier: GPL-2.0-or-later
/* What happens to a component at a tick, and with what was found about it. */
#include "monitor/component.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "monitor/explain.h"

/* ---- findings ---------------------------------------------------------------------------------- */

void component_violated(struct component *component, struct objective_run *run, uint64_t growth)
{
	uint64_t now = component->stage->now_ns;

	run->violations += growth;
	component->violations += growth;
	rolling_add(&component->day, now, growth);
	rolling_add(&component->five_minutes, now, growth);
}

void component_measured(struct objective_run *run, double measured)
{
	bool worse = run->info->upper ? measured > run->worst : measured < run->worst;

	run->measured = measured;
	if (isnan(run->worst) || worse)
		run->worst = measured;
}

/* Why it was is told with it, and not kept. */
static void log_violation(struct violation_log *log, const struct violation *violation)
{
	struct violation kept = *violation;

	kept.why = NULL;
	violation_log_add(log, &kept);
}

void component_report(struct component *component, struct objective_run *run, const struct breach *breach)
{
	struct stage *stage = component->stage;

	component_measured(run, breach->violation.measured);
	if (breach->approach)
		return;
	if (breach->violation.severity >= stage->options.exit_severity)
		run->violated = true;
	if (!breach->n)
		return;
	log_violation(&component->log, &breach->violation);
	if (stage->sink.violation)
		stage->sink.violation(stage->sink.context, &breach->violation);
}

/* ---- a tick -------------------------------------------------------------------------------------- */

void component_begin_tick(struct component *component, bool open_known)
{
	component->open_known = open_known;
	component->in_flight = 0;
	component->has_oldest = false;
	component->oldest_ns = 0;
	component->n_hung = 0;
	component->hung_more = 0;
	latency_begin_tick(component, open_known);
	connects_begin_tick(component);
	values_begin_tick(component);
}

/* Where @open belongs among those that hang, by age; HUNG_SHOWN: nowhere. */
static size_t place_of(const struct component *c, const struct lapse_span *open)
{
	size_t i = 0;

	while (i < c->n_hung && c->hung[i].age_ns >= open->duration_ns)
		i++;
	return i;
}

static void keep_hung(struct component *c, const struct lapse_span *open)
{
	size_t at = place_of(c, open), n = c->n_hung;

	if (!c->hung)
		c->hung = calloc(HUNG_SHOWN, sizeof(*c->hung));
	if (!c->hung) {
		c->hung_more++;
		return;
	}
	c->hung_more += n == HUNG_SHOWN;
	if (at == HUNG_SHOWN)
		return;
	n -= n == HUNG_SHOWN;
	memmove(&c->hung[at + 1], &c->hung[at], (n - at) * sizeof(c->hung[0]));
	c->n_hung = n + 1;
	c->hung[at] = (struct hung){
		.pid = open->pid, .tid = open->tid, .start_ns = open->start_ns, .age_ns = open->duration_ns};
	memcpy(c->hung[at].comm, open->comm, sizeof(c->hung[at].comm));
	explain_span(open, &c->hung[at].why);
}

void component_open(struct component *component, const struct lapse_span *open)
{
	if (open->flags & LAPSE_SPAN_HUNG)
		keep_hung(component, open);
	component->in_flight++;
	component->has_oldest = true;
	if (open->duration_ns > component->oldest_ns)
		component->oldest_ns = open->duration_ns;
	latency_open(component, open);
}

/* Not an unmatched end: a program may end what it never began, and what was begun unseen is counted. */
static uint64_t lost_in(const struct tick_counters *t)
{
	return t->too_deep + t->maps_full + t->stray;
}

uint64_t component_lost(const struct component *component)
{
	return lost_in(&component->counters) + component->stage->missed;
}

static struct tally tally_between(const struct component *c, const struct tick_component *input)
{
	const struct tick_counters *before = &c->counters, *now = &input->counters;
	struct tally tally = {
		.count = now->returns - before->returns,
		.errors = now->errors - before->errors,
		.sum_ns = now->sum_ns - before->sum_ns,
		.lost = lost_in(now) - lost_in(before) + c->stage->missed_delta,
		.hits = now->hits - before->hits,
		.misses = now->misses - before->misses,
		.cache_lost = input->cache_lost - c->cache_lost + c->stage->missed_delta,
	};

	values_between(&tally, c->values, input->value);
	connects_between(&tally, &c->connects, &input->connects);
	return tally;
}

static bool tally_is_empty(const struct tally *tally)
{
	static const struct tally nothing;

	return !memcmp(tally, &nothing, sizeof(nothing));
}

static int settle(struct component *c, const struct tick_component *input)
{
	uint64_t min = input->late_min_ns, max = input->late_max_ns;

	extremes_settle(&c->total.extremes, min, max);
	/* What comes late at the first tick of an interval belongs to the one before. */
	extremes_settle(c->interval_ticks ? &c->interval.extremes : &c->last_interval.extremes, min, max);
	window_settle(&c->window, c->stage->timeline.ticks, min, max);
	return values_settle(c, input);
}

static int add_tick(struct component *c, const struct tick_component *input)
{
	struct tally tally = tally_between(c, input);
	struct extremes_bounds bounds;
	bool any = extremes_bounds(&bounds, input, c->stage->options.bucket_bits);

	if (figures_add(&c->total, &tally, input, any ? &bounds : NULL) ||
	    figures_add(&c->interval, &tally, input, any ? &bounds : NULL))
		return -ENOMEM;
	if (!any && tally_is_empty(&tally))
		return 0;
	c->last_update_ns = c->stage->now_ns;
	return window_add(&c->window, c->stage->timeline.ticks, &tally, input, any ? &bounds : NULL);
}

/* Where the spans in flight cannot be listed, they are what the other counters leave over. */
static uint64_t computed_in_flight(const struct tick_counters *t)
{
	uint64_t gone = t->returns + t->too_deep + t->abandoned + t->jumps + t->maps_full + t->restarted;

	return t->entries > gone ? t->entries - gone : 0;
}

/* The full interval takes the place of the one before, whose figures are cleared for the next. */
static void swap_intervals(struct component *c)
{
	struct figures next = c->last_interval;

	figures_clear(&next);
	c->last_interval = c->interval;
	c->interval = next;
	c->interval_ticks = 0;
}

static void end_interval(struct component *c)
{
	const struct monitor_options *options = &c->stage->options;

	c->interval.covered_ns += c->stage->period_ns;
	if (c->stage->extends)
		return;
	c->interval_ticks++;
	if (c->interval_ticks * options->tick_ns < options->interval_ns)
		return;
	swap_intervals(c);
}

bool component_end(struct component *component)
{
	latency_end(component);
	if (!component->interval.covered_ns)
		return false;
	swap_intervals(component);
	return true;
}

static struct tick_tcp tcp_between(const struct tick_tcp *before, const struct tick_tcp *now)
{
	return (struct tick_tcp){
		.sent = now->sent - before->sent,
		.received = now->received - before->received,
		.retransmits = now->retransmits - before->retransmits,
		.pipelined = now->pipelined - before->pipelined,
		.network_ns = now->network_ns - before->network_ns,
		.unread_ns = now->unread_ns - before->unread_ns,
		.opened = now->opened - before->opened,
		.mux = now->mux - before->mux,
		.srtt_us = now->srtt_us - before->srtt_us,
		.srtt_n = now->srtt_n - before->srtt_n,
		.min_rtt_us = now->min_rtt_us,
	};
}

static void count_connections(struct component *c, const struct tick_component *input)
{
	struct tick_tcp more = tcp_between(&c->connections, &input->tcp);

	figures_add_tcp(&c->total, &more);
	figures_add_tcp(&c->interval, &more);
	c->connections = input->tcp;
}

/* What a tick says of it, but for the extremes, which belong to the tick before. */
static int take_input(struct component *c, const struct tick_component *input)
{
	int err = add_tick(c, input);

	if (!err)
		values_count(c, input);
	if (c->tcp)
		count_connections(c, input);
	if (!err)
		err = causes_take(&c->causes, &input->causes, c->stage->timeline.ticks);
	c->counters = input->counters;
	c->cache_lost = input->cache_lost;
	c->resident_bytes = input->resident_bytes;
	c->detached = input->detached;
	c->unplaced = input->unplaced;
	c->has_cache |= input->counters.hits || input->counters.misses;
	if (!c->open_known)
		c->in_flight = computed_in_flight(&input->counters);
	if (c->recent.size)
		recent_set(&c->recent, input->recent, input->n_recent);
	latency_count(c, input);
	connects_count(c, input);
	return err;
}

/* Before the counters are taken over. */
static void note_liveness(struct component *c, const struct tick_component *input)
{
	struct liveness more = {.ran = input && input->running != TICK_IDLE,
				.hangs = (double)c->oldest_ns > c->critical_ns};

	if (input) {
		more.ended = input->counters.returns - c->counters.returns;
		more.failed = input->counters.errors - c->counters.errors;
		more.lost = lost_in(&input->counters) - lost_in(&c->counters) + c->stage->missed_delta;
	}
	if (!c->stage->extends)
		c->liveness = (struct liveness){0};
	liveness_add(&c->liveness, &more);
	for (size_t i = 0; i < c->n_objectives; i++)
		if (c->objectives[i].info->by_ticks)
			uptime_add(&c->objectives[i].uptime, liveness_of(&c->liveness), c->stage->whole_ticks,
				   c->stage->extends);
}

static uint64_t beyond_limit(const struct tick_counters *counters)
{
	uint64_t sum = 0;

	for (int level = 0; level < LAPSE_LEVELS; level++)
		sum += counters->level[level];
	return sum;
}

/* The kernel counts what is past the limit, keyed spans that were given up among them. */
static struct burn_count burnt_latency(const struct tick_counters *before, const struct tick_counters *now)
{
	uint64_t bad = beyond_limit(now) - beyond_limit(before);
	uint64_t total = now->returns + now->timed_out - before->returns - before->timed_out;

	return (struct burn_count){.bad = bad, .total = total > bad ? total : bad};
}

static struct burn_count burnt(const struct component *c, const struct objective_run *run,
			       const struct tick_component *input)
{
	const struct tick_counters *before = &c->counters, *now = &input->counters;
	struct burn_count more = burnt_latency(before, now);

	if (run->info->source == SOURCE_OUTCOMES)
		more = (struct burn_count){.bad = now->errors - before->errors,
					   .total = now->returns - before->returns};
	more.lost = lost_in(now) - lost_in(before) + c->stage->missed_delta;
	if (run->objective.kind == OBJ_FAILURE_BUDGET) {
		more.bad += input->connects.failed - c->connects.failed;
		more.total += input->connects.failed - c->connects.failed;
		more.lost += input->connects.lost - c->connects.lost;
	}
	return more;
}

/* Before the counters are taken over, too. */
static void note_burnt(struct component *c, const struct tick_component *input)
{
	uint64_t since_start = c->stage->now_ns - c->stage->options.start_ns;

	for (size_t i = 0; i < c->n_objectives; i++) {
		struct objective_run *run = &c->objectives[i];
		struct burn_count more = run->burn && input ? burnt(c, run, input) : (struct burn_count){0};

		if (run->burn)
			burn_add(run->burn, since_start, &more);
	}
}

int component_count(struct component *component, const struct tick_component *input)
{
	int err = 0;

	note_liveness(component, input);
	note_burnt(component, input);
	if (input) {
		err = settle(component, input);
		err = err ? err : take_input(component, input);
	}
	/* What its probes would have seen is not known once they are taken away: not that nothing was there.
	 */
	if (!input || input->detached || input->running != TICK_RUNNING)
		component->idle_tick = component->stage->timeline.ticks;
	if (!component->detached)
		component->total.covered_ns += component->stage->period_ns;
	window_slide(&component->window, component->stage->timeline.ticks);
	end_interval(component);
	return err;
}

double component_latency_limit(const struct component *component)
{
	if (component->latency.run)
		return component->latency.run->objective.limit;
	return component->latency_budget ? component->latency_budget->objective.span_limit : NAN;
}

void component_alerts_tick(struct component *component)
{
	const struct stage *stage = component->stage;
	size_t i;

	for (i = 0; i < component->n_alerts; i++)
		alert_tick(&component->alerts[i], &component->policy, stage->now_ns, &stage->sink);
}

void component_end_tick(struct component *component)
{
	latency_end_tick(component);
	connects_end_tick(component);
	values_end_tick(component);
	judge_window(component);
	component_alerts_tick(component);
}

/* ---- figures -------------------------------------------------------------------------------------- */

/* Without a word on the outcome no span has failed, and none has been seen to succeed. */
static void leave_unknown(const struct component *c, struct stats *stats)
{
	stats->has_errors = !c->outcome_unknown;
	if (c->outcome_unknown)
		stats->error_rate = NAN;
	if (c->untimed)
		stats->avg_ns = NAN;
}

static void describe_window_values(const struct component *c, struct stats *stats)
{
	const struct window_view *view = &c->window.views[0];
	struct value_extremes extremes[LAPSE_VALUES];
	size_t i;

	for (i = 0; i < LAPSE_VALUES; i++)
		extremes[i] = window_value(&c->window, view, i);
	values_describe(c, &view->tally, extremes, stats);
}

struct stats component_stats(const struct component *component, const struct figures *figures)
{
	struct stats stats = figures_stats(figures);

	values_describe(component, &figures->tally, figures->value, &stats);
	leave_unknown(component, &stats);
	return stats;
}

struct stats component_window_stats(const struct component *component)
{
	const struct window_view *view = &component->window.views[0];
	const struct timeline *timeline = &component->stage->timeline;
	const struct recent *recent = &component->recent;
	uint64_t covered = timeline_covered(timeline, view->first, timeline->ticks);
	struct extremes extremes = window_extremes(&component->window, view);
	struct samples samples = samples_of_histogram(&view->histogram, &extremes);
	struct stats stats = {0};

	stats_count(&stats, view->tally.count, view->tally.errors, view->tally.sum_ns, covered);
	if (recent->size) {
		double rate = stats.rate_per_s;

		samples = samples_of_values(recent->sorted, recent->n);
		stats_count(&stats, recent->n, recent->errors, recent->sum_ns, covered);
		stats.rate_per_s = rate;
	}
	samples_describe(&samples, &stats);
	stats_cache(&stats, view->tally.hits, view->tally.misses);
	describe_window_values(component, &stats);
	leave_unknown(component, &stats);
	return stats;
}
