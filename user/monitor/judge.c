// SPDX-License-Identifier: GPL-2.0-or-later
/* What is judged at ticks: one objective by one, told by key, the worst of a key speaking for it. */
#include <math.h>

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
	if (run->objective.since_start)
		return c->total.covered_ns;
	return timeline_covered(timeline, view_of(c, run)->first, timeline->ticks);
}

/* Whether the view has its length, and the process ran in each of its ticks. */
static bool is_full(const struct component *c, const struct objective_run *run)
{
	const struct window_view *view = view_of(c, run);

	return c->stage->timeline.ticks - view->first + 1 >= view->ticks && c->idle_tick < view->first;
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
		.covered_ns = window_covered(c, run),
		.full = is_full(c, run),
		.in_flight = c->in_flight,
		.lost = tally->lost,
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

static enum judgement judge(const struct component *c, const struct objective_run *run, double *measured)
{
	struct objective_input input = input_of(c, run);

	return objective_judge(&run->objective, &input, measured);
}

static double ratio_of(const struct objective_run *run, double measured)
{
	return run->info->upper ? measured / run->objective.limit : run->objective.limit / measured;
}

static bool approaches(const struct component *c, const struct objective_run *run, double measured)
{
	double m = c->thresholds.warning_multiplier, at = limit_at(&run->objective, m);

	if (m >= 1.0 || run->info->severity_rule != SEVERITY_BY_RATIO)
		return false;
	return run->info->upper ? measured > at : measured < at;
}

static struct breach breach_of(const struct component *c, const struct objective_run *run, double measured,
			       bool approach)
{
	enum severity severity = severity_of(&run->objective, &c->thresholds, measured);

	return (struct breach){
		.violation = {.component = c->id,
			      .kind = run->objective.kind,
			      .severity = approach ? SEV_WARNING : severity,
			      .value = objective_value(&run->objective),
			      .measured = measured,
			      .limit = run->objective.limit,
			      .time_ns = c->stage->now_ns},
		.n = !approach,
		.approach = approach,
		.window_ns = window_covered(c, run),
	};
}

/* A notice is told to nobody, so it must not hide a lesser ratio that is. */
static bool speaks_for(const struct finding *f, const struct breach *b, double ratio)
{
	bool quiet = b->violation.severity == SEV_NOTICE,
	     other_quiet = f->worst.violation.severity == SEV_NOTICE;

	if (!f->any || quiet != other_quiet)
		return !f->any || other_quiet;
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
	/* A tick that is only longer now was judged, and counted, before. */
	if (c->stage->extends && run->breached)
		b.n = 0;
	if (!run->breached)
		run->breached_since = now;
	run->breached = true;
	component_violated(c, run, b.n);
	component_report(c, run, &b);
	if (now - run->breached_since >= run->objective.for_ns)
		find(finding, &b, ratio_of(run, measured));
}

static void judge_objective(struct component *c, struct objective_run *run, struct finding *finding)
{
	double measured = NAN;
	enum judgement judgement = judge(c, run, &measured);
	bool breached = judgement == JUDGED_BREACHED;

	if (judgement == JUDGED_TOO_FEW || judgement == JUDGED_UNSURE) {
		run->unsure |= judgement == JUDGED_UNSURE;
		run->breached_since = c->stage->now_ns;
		finding->not_calm |= run->breached;
		return;
	}
	run->judged = true;
	if (breached || approaches(c, run, measured)) {
		found(c, run, measured, !breached, finding);
		return;
	}
	run->breached = false;
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
