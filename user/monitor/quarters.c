// SPDX-License-Identifier: GPL-2.0-or-later
#include "monitor/quarters.h"

struct pair {
	struct trend_quarter before, last;
};

/* @ticks ticks up to @last. */
static struct trend_quarter of_ticks(const struct component *c, uint64_t last, uint64_t ticks)
{
	struct tally sum = window_sum(&c->window, last - ticks + 1, last);

	return (struct trend_quarter){
		.count = sum.count,
		.errors = sum.errors,
		.sum_ns = sum.sum_ns,
		.covered_ns = timeline_covered(&c->stage->timeline, last - ticks + 1, last),
	};
}

static struct pair cut_ticks(const struct component *c)
{
	uint64_t now = c->stage->timeline.ticks;
	uint64_t quarter = (now - c->window.views[0].first + 1) / 4;
	struct pair pair = {{0}, {0}};

	if (quarter) {
		pair.last = of_ticks(c, now, quarter);
		pair.before = of_ticks(c, now - quarter, quarter);
	}
	return pair;
}

static struct trend_quarter of_spans(const struct recent *recent, size_t first, size_t count)
{
	struct recent_part part = recent_sum(recent, first, count);

	return (struct trend_quarter){.count = part.count, .errors = part.errors, .sum_ns = part.sum_ns};
}

static struct pair cut_spans(const struct recent *recent)
{
	size_t quarter = recent->n / 4;

	return (struct pair){.before = of_spans(recent, recent->n - 2 * quarter, quarter),
			     .last = of_spans(recent, recent->n - quarter, quarter)};
}

void quarters_trends(const struct component *component, struct component_snapshot *out)
{
	bool by_count = component->recent.size > 0;
	uint64_t samples = by_count ? component->recent.n : component->window.views[0].tally.count;
	struct pair ticks, spans;

	out->latency_trend = out->error_trend = out->throughput_trend = TREND_UNKNOWN;
	if (samples < TREND_MIN_SAMPLES)
		return;
	/* Single durations carry no time, so a throughput is always one of ticks. */
	ticks = cut_ticks(component);
	spans = by_count ? cut_spans(&component->recent) : ticks;
	if (!component->untimed)
		out->latency_trend = trend_latency(&spans.before, &spans.last);
	if (!component->outcome_unknown)
		out->error_trend = trend_errors(&spans.before, &spans.last);
	out->throughput_trend = trend_throughput(&ticks.before, &ticks.last);
}
