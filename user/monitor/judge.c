// SPDX-License-Identifier: GPL-2.0-or-later
/* What is judged at ticks: one objective by one, told by key, the worst of a key speaking for it. */
#include <math.h>
#include <string.h>

#include "monitor/component.h"

/* What one key has to tell at this tick. */
struct finding {
	struct breach worst;
	struct explanation why; /* of the worst, where it is known */
	double ratio;		/* measured to limit, 1 at the limit; of the worst */
	uint64_t n;
	bool any, not_calm;
};

static const struct window_view *view_of(const struct component *c, const struct objective_run *run)
{
	return &c->window.views[run->view < 0 ? 0 : run->view];
}

static uint64_t window_covered(const struct component *c, const struct objective_run *run)
{
	const struct timeline *timeline = &c->stage->timeline;

	if (run->info->at_tick)
		return 0;
	if (run->info->by_burn)
		return run->burning.window_ns;
	if (run->info->by_ticks)
		return uptime_observed(&run->uptime) * c->stage->options.tick_ns;
	if (run->objective.since_start)
		return c->total.covered_ns;
	return timeline_covered(timeline, view_of(c, run)->first, timeline->ticks);
}

/* The first tick is as long as it takes from the beginning to where ticks begin: a few milliseconds, maybe.
 */
static bool is_whole(const struct stage *stage, const struct window_view *view)
{
	uint64_t length = view->ticks * stage->options.tick_ns;

	return view->first > 1 || timeline_covered(&stage->timeline, view->first, stage->timeline.ticks) >=
					  length - length / 100;
}

/* Whether the view has its length, and the process ran in each of its ticks. */
static bool is_full(const struct component *c, const struct objective_run *run)
{
	const struct window_view *view = view_of(c, run);

	return is_whole(c->stage, view) && c->stage->timeline.ticks - view->first + 1 >= view->ticks &&
	       c->idle_tick < view->first;
}

/* What the program tells of it takes the place of what the kernel does. */
static double memory_of(const struct component *c)
{
	for (size_t i = 0; i < LAPSE_VALUES; i++)
		if (!strcmp(c->values[i].name, "memory"))
			return c->values[i].count ? (double)c->values[i].last : NAN;
	return c->resident_bytes ? (double)c->resident_bytes : NAN;
}

static struct objective_input input_of_tally(const struct component *c, const struct objective_run *run,
					     const struct tally *tally)
{
	struct objective_input input = {
		.count = tally->count,
		.errors = tally->errors,
		.hits = tally->hits,
		.misses = tally->misses,
		.cache_lost = tally->cache_lost,
		.opened = tally->opened,
		.not_opened = tally->not_opened,
		.opening_lost = tally->opening_lost,
		.connections_seen = connects_seen(c),
		.covered_ns = window_covered(c, run),
		.full = is_full(c, run),
		.in_flight = c->in_flight,
		.lost = tally->lost,
		.memory = memory_of(c),
		.ticks = uptime_observed(&run->uptime),
		.ticks_up = run->uptime.up,
		.ticks_doubtful = run->uptime.doubtful,
		.all_ticks = run->uptime.ticks >= run->uptime.size,
	};

	if (run->value >= 0) {
		input.n_values = tally->value[run->value].count;
		input.value_sum = (int64_t)tally->value[run->value].sum;
	}
	return input;
}

static struct objective_input input_of(const struct component *c, const struct objective_run *run)
{
	const struct window_view *view = view_of(c, run);
	const struct tally *tally = run->objective.since_start ? &c->total.tally : &view->tally;
	struct objective_input input = input_of_tally(c, run, tally);
	struct extremes extremes;

	if (run->view < 0 && c->recent.size) {
		input.samples = samples_of_values(c->recent.sorted, c->recent.n);
		input.count = c->recent.n;
		input.errors = c->recent.errors;
	} else if (run->info->source == SOURCE_DURATIONS) {
		extremes = window_extremes(&c->window, view);
		input.samples = samples_of_histogram(&view->histogram, &extremes);
	}
	/* Where nothing tells a failed span, none of them says anything about failures. */
	if (c->outcome_unknown && run->info->source == SOURCE_OUTCOMES)
		input.count = input.errors = 0;
	return input;
}

static enum judgement judge_burn(const struct component *c, struct objective_run *run, double *measured)
{
	uint64_t since_start = c->stage->now_ns - c->stage->options.start_ns;
	enum judgement judgement;

	/* Where nothing tells a failed span, none of them says anything about failures. */
	if (c->outcome_unknown && run->info->source == SOURCE_OUTCOMES)
		return JUDGED_TOO_FEW;
	judgement = burn_judge(run->burn, since_start, &run->burning);
	*measured = run->burning.rate;
	return judgement;
}

static enum judgement judge(const struct component *c, struct objective_run *run, double *measured)
{
	struct objective_input input;

	if (run->info->by_burn)
		return judge_burn(c, run, measured);
	input = input_of(c, run);
	return objective_judge(&run->objective, &input, measured);
}

static double limit_of(const struct objective_run *run)
{
	return run->info->by_burn ? run->burning.limit : run->objective.limit;
}

static double ratio_of(const struct objective_run *run, double measured)
{
	double limit = limit_of(run);

	return run->info->upper ? measured / limit : limit / measured;
}

static bool approaches(const struct component *c, const struct objective_run *run, double measured)
{
	double m = c->thresholds.warning_multiplier, at = limit_at(&run->objective, m);

	if (run->info->severity_rule == SEVERITY_BY_UPTIME)
		return measured < c->thresholds.warning_uptime * (1 - 1e-9);
	if (m >= 1.0 || run->info->severity_rule != SEVERITY_BY_RATIO)
		return false;
	return run->info->upper ? measured > at : measured < at;
}

static struct breach breach_of(const struct component *c, const struct objective_run *run, double measured,
			       bool approach)
{
	enum severity severity = severity_of(&run->objective, &c->thresholds, measured);

	if (approach && run->info->severity_rule != SEVERITY_BY_UPTIME)
		severity = SEV_WARNING;
	if (run->info->by_burn && !run->objective.has_severity)
		severity = run->burning.severity;
	return (struct breach){
		.violation = {.component = c->id,
			      .kind = run->objective.kind,
			      .severity = severity,
			      .value = objective_value(&run->objective),
			      .measured = measured,
			      .limit = limit_of(run),
			      .time_ns = c->stage->now_ns},
		.n = !approach,
		.approach = approach,
		.window_ns = window_covered(c, run),
	};
}

/* A notice is told to nobody, so it must not hide what is; an approach is less than any breach that is. */
static int rank(const struct breach *b)
{
	if (b->violation.severity == SEV_NOTICE)
		return -1;
	return b->approach ? 0 : (int)b->violation.severity;
}

static bool speaks_for(const struct finding *f, const struct breach *b, double ratio)
{
	if (!f->any || rank(b) != rank(&f->worst))
		return !f->any || rank(b) > rank(&f->worst);
	return ratio > f->ratio;
}

static void find(struct finding *f, const struct breach *b, double ratio)
{
	if (speaks_for(f, b, ratio)) {
		f->worst = *b;
		if (b->violation.why) {
			f->why = *b->violation.why;
			f->worst.violation.why = &f->why;
		}
		f->ratio = ratio;
	}
	f->any = true;
	f->n += b->n;
}

/* What the spans beyond the percentile spent their time on. */
static bool explain(struct component *c, const struct objective_run *run, struct explanation *why)
{
	const struct timeline *timeline = &c->stage->timeline;

	*why = (struct explanation){.now.state = THREAD_UNKNOWN};
	if (run->objective.kind == OBJ_LATENCY_BUDGET)
		return causes_beyond(&c->causes, (uint64_t)run->objective.span_limit, timeline->ticks,
				     &why->causes);
	return run->info->quantile > 0 &&
	       causes_of_window(&c->causes, 1 - run->info->quantile, view_of(c, run)->first, timeline->ticks,
				&why->causes);
}

/* A breach, or an approach, of one objective; `for:` keeps it from being told, not from counting. */
static void found(struct component *c, struct objective_run *run, double measured, bool approach,
		  struct finding *finding)
{
	struct breach b = breach_of(c, run, measured, approach);
	uint64_t now = c->stage->now_ns;
	struct explanation why;

	b.violation.why = explain(c, run, &why) ? &why : NULL;
	/* A tick that is only longer now was judged, and counted, before; all together are not at each tick.
	 */
	if (c->stage->extends && run->beyond && !run->info->of_system)
		b.n = 0;
	if (!run->breached)
		run->breached_since = now;
	if (!run->beyond)
		run->beyond_since = now;
	run->breached = true;
	run->beyond = !approach;
	component_violated(c, run, b.n);
	component_report(c, run, &b);
	/* To have been near it for long is not to have been beyond it. */
	if (now - (approach ? run->breached_since : run->beyond_since) >= run->objective.for_ns)
		find(finding, &b, ratio_of(run, measured));
	else
		finding->not_calm = true;
}

static void judge_objective(struct component *c, struct objective_run *run, struct finding *finding)
{
	double measured = NAN;
	enum judgement judgement = judge(c, run, &measured);
	bool breached = judgement == JUDGED_BREACHED;

	if (judgement == JUDGED_TOO_FEW || judgement == JUDGED_UNSURE) {
		run->unsure |= judgement == JUDGED_UNSURE;
		run->breached_since = run->beyond_since = c->stage->now_ns;
		finding->not_calm |= run->breached;
		return;
	}
	run->judged = true;
	if (breached || approaches(c, run, measured)) {
		found(c, run, measured, !breached, finding);
		return;
	}
	run->breached = run->beyond = false;
	component_measured(run, measured);
}

static void tell_key(struct component *c, struct alert_key *key)
{
	struct finding finding = {0};
	size_t i;

	for (i = 0; i < c->n_objectives; i++) {
		struct objective_run *run = &c->objectives[i];

		if (run->alert == key && !run->info->per_span)
			judge_objective(c, run, &finding);
	}
	if (finding.any) {
		finding.worst.n = finding.n;
		alert_breach(key, NULL, &c->policy, &finding.worst, &c->stage->sink);
	} else if (finding.not_calm) {
		alert_not_calm(key, c->stage->now_ns);
	}
}

void judge_later(struct component *component)
{
	for (size_t i = 0; i < component->n_objectives; i++) {
		const struct objective_run *run = &component->objectives[i];

		if (run->breached && run->alert)
			alert_not_calm(run->alert, component->stage->now_ns);
	}
}

void judge_window(struct component *component)
{
	size_t i;

	for (i = 0; i < component->n_alerts; i++)
		tell_key(component, &component->alerts[i]);
}
