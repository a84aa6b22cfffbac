/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A snapshot made by hand, that the tests of the outputs render, and a stream to render it to. */
#ifndef LAPSE_SAMPLE_SNAPSHOT_H
#define LAPSE_SAMPLE_SNAPSHOT_H

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "monitor/snapshot.h"
#include "output/output.h"

#define MS  1000000ULL
#define SEC 1000000000ULL

struct sample {
	struct snapshot snapshot;
	struct component_snapshot components[3]; /* the last is the whole */
	struct objective_state objectives[2];
	struct histogram_row histogram[3];
	struct alert alert;
	struct output_options options;
	char *text;
	size_t length, taken;
};

static inline struct stats sample_stats(void)
{
	return (struct stats){
		.covered_ns = 1 * SEC,
		.count = 1200,
		.errors = 3,
		.has_errors = true,
		.rate_per_s = 1200,
		.error_rate = 0.0025,
		.avg_ns = 12.5e6,
		.has_percentiles = true,
		.p50_ns = 11 * MS,
		.p90_ns = 15200000,
		.p95_ns = 17 * MS,
		.p99_ns = 28100000,
		.p999_ns = 64 * MS,
		.has_extremes = true,
		.min_ns = 900000,
		.max_ns = 71200000,
		.cache_hit_rate = NAN,
	};
}

/* A component that has never been hit: nothing is known of it. */
static inline struct component_snapshot sample_silent(void)
{
	struct component_snapshot silent = {.name = "silent", .function = "silent", .object = "/bin/x"};

	silent.interval.rate_per_s = silent.interval.error_rate = silent.interval.avg_ns = NAN;
	silent.interval.cache_hit_rate = NAN;
	silent.window = silent.total = silent.interval;
	silent.health = NAN;
	return silent;
}

static inline void sample_contract(struct sample *sample)
{
	sample->objectives[0] = (struct objective_state){
		.objective = {.kind = OBJ_MAX_LATENCY, .limit = 30e6},
		.verdict = VERDICT_VIOLATED,
		.measured = 71.2e6,
		.worst = 71.2e6,
		.violations = 17,
	};
	sample->objectives[1] = (struct objective_state){
		.objective = {.kind = OBJ_MAX_P999, .limit = 50e6},
		.verdict = VERDICT_UNKNOWN,
		.measured = NAN,
		.worst = NAN,
		.why_unknown = "too few spans in the window",
		.spans_needed = 1000,
	};
	sample->components[0].objectives = sample->objectives;
	sample->components[0].n_objectives = 2;
}

static inline void sample_component(struct sample *sample)
{
	sample->histogram[0] = (struct histogram_row){900000, 901000, 200};
	sample->histogram[1] = (struct histogram_row){11 * MS, 11100000, 800};
	sample->histogram[2] = (struct histogram_row){71 * MS, 71500000, 200};
	sample->components[0] = (struct component_snapshot){
		.name = "endToEnd",
		.function = "handle_order",
		.object = "/usr/bin/tradebot",
		.fed = true,
		.interval = sample_stats(),
		.window = sample_stats(),
		.total = sample_stats(),
		.in_flight = 2,
		.has_oldest = true,
		.oldest_in_flight_ns = 1200 * MS,
		.latency_trend = TREND_INCREASING,
		.error_trend = TREND_STABLE,
		.health = 93.4,
		.verdict = VERDICT_VIOLATED,
		.violations = 17,
		.histogram = sample->histogram,
		.n_histogram = 3,
		.entries = 1202,
		.returns = 1200,
	};
	sample_contract(sample);
}

static inline void sample_whole(struct sample *sample)
{
	sample->snapshot = (struct snapshot){
		.epoch_ns = 1700000000LL * (int64_t)SEC, /* 2023-11-14T22:13:20Z */
		.system =
			{
				.start_ns = 1 * SEC,
				.now_ns = 2 * SEC,
				.observed_ns = 1 * SEC,
				.requests = 1200,
				.errors = 3,
				.has_errors = true,
				.error_rate = 0.0025,
				.avg_ns = 12.5e6,
				.uptime = NAN,
				.active_alerts = 1,
				.overall = 93.4,
				.components_declared = 2,
				.components_fed = 1,
				.stolen_share = NAN,
			},
		.components = sample->components,
		.n_components = 2,
		.firing = &sample->alert,
		.n_firing = 1,
		.integrity = {.entries = 1202, .returns = 1200, .in_flight = 2},
		.overhead = {.hits = 2404,
			     .ns_per_hit = 1210,
			     .target_cpu_share = 0.0031,
			     .tracer_cpu_s = 0.12,
			     .tracer_rss_bytes = 18200000},
		.bucket_bits = 6,
		.verdict = VERDICT_VIOLATED,
		.end_reason = "interrupted",
	};
}

/* The options write to sample->text, which is complete after sample_text(). */
static inline void sample_init(struct sample *sample)
{
	setenv("TZ", "UTC", 1);
	*sample = (struct sample){0};
	sample_component(sample);
	sample->components[1] = sample_silent();
	sample->components[2] = (struct component_snapshot){.name = "system", .total = sample_stats()};
	sample->alert = (struct alert){
		.kind = OBJ_MAX_LATENCY,
		.severity = SEV_CRITICAL,
		.measured = 71.2e6,
		.limit = 30e6,
		.time_ns = 2 * SEC,
		.since_ns = 1 * SEC,
		.held_back = 12,
		.violations = 17,
		.pid = 41822,
		.tid = 41830,
		.comm = "checkout",
	};
	sample_whole(sample);
	sample->options.stream = open_memstream(&sample->text, &sample->length);
}

static inline struct lapse_span sample_span(void)
{
	return (struct lapse_span){
		.kind = LAPSE_REC_SPAN,
		.pid = 41822,
		.tid = 41830,
		.start_ns = 1412 * MS,
		.duration_ns = 184200000,
		.raw_ns = 184300000,
		.ret = 0xfffffff5,
		.flags = LAPSE_SPAN_ERROR | LAPSE_SPAN_BREACH | LAPSE_SPAN_RET,
		.comm = "checkout",
	};
}

static inline struct violation sample_violation(void)
{
	return (struct violation){
		.kind = OBJ_MAX_LATENCY,
		.severity = SEV_CRITICAL,
		.measured = 71.2e6,
		.limit = 30e6,
		.time_ns = 1412 * MS,
		.pid = 41822,
		.tid = 41830,
		.comm = "checkout",
	};
}

/* What was written since the last call. */
static inline const char *sample_text(struct sample *sample)
{
	static char copy[65536];

	fflush(sample->options.stream);
	snprintf(copy, sizeof(copy), "%s", sample->text + sample->taken);
	sample->taken = sample->length;
	return copy;
}

static inline void sample_end(struct sample *sample)
{
	fclose(sample->options.stream);
	free(sample->text);
}

#endif
