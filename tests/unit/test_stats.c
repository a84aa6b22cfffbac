// SPDX-License-Identifier: GPL-2.0-or-later
/* Percentiles against a sorted array, extremes, totals, intervals, losses and the system. */
#include "rig.h"

#include "monitor/rank.h"

static int ascending(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return (x > y) - (x < y);
}

static uint64_t nearest_rank(const uint64_t *sorted, uint64_t n, unsigned permille)
{
	uint64_t i = 1;

	while (i * 1000 < n * permille)
		i++;
	return sorted[i - 1];
}

/* Within half a bucket. */
static void expect_close(uint64_t shown, uint64_t exact)
{
	uint64_t apart = shown > exact ? shown - exact : exact - shown;

	if (apart * 128 > exact + 128)
		fail_msg("%llu is not near %llu", (unsigned long long)shown, (unsigned long long)exact);
}

static void expect_percentiles(const struct stats *s, const uint64_t *sorted, uint64_t n)
{
	expect_close(s->p50_ns, nearest_rank(sorted, n, 500));
	expect_close(s->p90_ns, nearest_rank(sorted, n, 900));
	expect_close(s->p95_ns, nearest_rank(sorted, n, 950));
	expect_close(s->p99_ns, nearest_rank(sorted, n, 990));
	expect_close(s->p999_ns, nearest_rank(sorted, n, 999));
}

static void percentiles_of(uint64_t n)
{
	uint64_t values[200], seed = n * 2654435761U, i;
	struct rig *rig = malloc(sizeof(*rig));
	struct rig_component *c = rig_with(rig, NULL, 0);
	const struct component_snapshot *shown;

	for (i = 0; i < n; i++) {
		seed = seed * 6364136223846793005ULL + 1442695040888963407ULL;
		values[i] = (seed >> 33) % (1ULL << (10 + i % 20));
		rig_ended(c, values[i], false);
	}
	qsort(values, n, sizeof(*values), ascending);
	rig_ticks(rig, 2);
	shown = rig_shown(rig, 0);
	assert_int_equal(shown->total.count, n);
	assert_int_equal(shown->total.min_ns, values[0]);
	assert_int_equal(shown->total.max_ns, values[n - 1]);
	assert_int_equal(shown->window.max_ns, values[n - 1]);
	assert_int_equal(shown->total.has_percentiles, n >= 2);
	if (n >= 2) {
		expect_percentiles(&shown->total, values, n);
		expect_percentiles(&shown->window, values, n);
		assert_true(shown->total.p999_ns <= shown->total.max_ns);
		assert_true(shown->total.p50_ns >= shown->total.min_ns);
	}
	rig_end(rig);
	free(rig);
}

static void percentiles(void **state)
{
	uint64_t n;

	(void)state;
	for (n = 1; n <= 200; n++)
		percentiles_of(n);
}

static void equal_values_are_exact_once_settled(void **state)
{
	struct rig rig;
	struct rig_component *c = rig_with(&rig, NULL, 0);
	const struct component_snapshot *shown;

	(void)state;
	rig_many(c, 100, 1234567);
	rig_tick(&rig);
	shown = rig_shown(&rig, 0);
	assert_true(shown->interval.has_extremes);
	expect_close(shown->interval.max_ns, 1234567);
	assert_true(shown->interval.p99_ns <= shown->interval.max_ns);
	rig_tick(&rig);
	shown = rig_shown(&rig, 0);
	assert_int_equal(shown->total.p50_ns, 1234567);
	assert_int_equal(shown->window.p999_ns, 1234567);
	assert_int_equal(shown->window.min_ns, 1234567);
	assert_near(shown->total.avg_ns, 1234567);
	rig_end(&rig);
}

/* What the kernel knew at the tick holds at once, and later. */
static void extremes_of_the_newest_tick(void **state)
{
	struct rig rig;
	struct rig_component *c = rig_with(&rig, NULL, 0);
	const struct component_snapshot *shown;

	(void)state;
	c->prompt = true;
	rig_ended(c, 1234567, false);
	rig_ended(c, 20184269, false);
	rig_tick(&rig);
	shown = rig_shown(&rig, 0);
	assert_int_equal(shown->interval.max_ns, 20184269);
	assert_int_equal(shown->interval.min_ns, 1234567);
	assert_int_equal(shown->window.max_ns, 20184269);
	assert_int_equal(shown->total.max_ns, 20184269);
	/* It ended when the second was over: what comes late of that one has not got it. */
	c->late_max_ns = 20184268;
	rig_tick(&rig);
	shown = rig_shown(&rig, 0);
	assert_int_equal(shown->total.max_ns, 20184269);
	assert_int_equal(shown->window.max_ns, 20184269);
	/* It was on its way when the second was over. */
	rig_ended(c, 50 * MS, false);
	c->max_ns = 0;
	rig_tick(&rig);
	expect_close(rig_shown(&rig, 0)->total.max_ns, 50 * MS);
	c->late_max_ns = 50 * MS;
	rig_tick(&rig);
	assert_int_equal(rig_shown(&rig, 0)->total.max_ns, 50 * MS);
	rig_end(&rig);
}

/* Two parts of one second, in one bucket or in two. */
static void extremes_of_a_longer_tick(void **state)
{
	struct rig rig;
	struct rig_component *c = rig_with(&rig, NULL, 0);

	(void)state;
	c->prompt = true;
	rig_ended(c, 20184269, false);
	rig_tick(&rig);
	rig_ended(c, 20184270, false);
	rig_ended(c, 1234567, false);
	c->late_max_ns = 0;
	c->late_min_ns = UINT64_MAX;
	rig_tick_after(&rig, SEC / 10);
	assert_int_equal(rig_shown(&rig, 0)->window.max_ns, 20184270);
	assert_int_equal(rig_shown(&rig, 0)->window.min_ns, 1234567);
	rig_end(&rig);
}

static void no_spans_no_figures(void **state)
{
	struct rig rig;
	const struct component_snapshot *shown;

	(void)state;
	rig_with(&rig, NULL, 0);
	shown = rig_shown(&rig, 0);
	assert_true(isnan(shown->window.rate_per_s) && isnan(shown->interval.rate_per_s));
	rig_tick(&rig);
	shown = rig_shown(&rig, 0);
	assert_false(shown->fed || shown->total.has_percentiles || shown->total.has_extremes);
	assert_true(isnan(shown->total.avg_ns) && isnan(shown->total.error_rate) && isnan(shown->health));
	assert_true(shown->total.rate_per_s == 0 && shown->interval.rate_per_s == 0);
	assert_int_equal(shown->verdict, VERDICT_NONE);
	assert_int_equal(shown->n_histogram, 0);
	assert_int_equal(shown->last_update_ns, 0);
	assert_true(isnan(rig_snapshot(&rig)->system.overall) && isnan(rig_snapshot(&rig)->system.avg_ns));
	assert_int_equal(rig_snapshot(&rig)->system.components_fed, 0);
	rig_end(&rig);
}

static void interval_is_its_own_ticks(void **state)
{
	struct rig rig;
	struct rig_component *c = rig_with(&rig, NULL, 0);

	(void)state;
	rig_many(c, 5, 1 * MS);
	rig_tick(&rig);
	rig_ended(c, 3 * MS, true);
	rig_ended(c, 5 * MS, false);
	rig_tick(&rig);
	assert_int_equal(rig_shown(&rig, 0)->interval.count, 2);
	assert_int_equal(rig_shown(&rig, 0)->interval.errors, 1);
	assert_int_equal(rig_shown(&rig, 0)->interval.covered_ns, SEC);
	assert_near(rig_shown(&rig, 0)->interval.rate_per_s, 2);
	assert_near(rig_shown(&rig, 0)->interval.error_rate, 0.5);
	rig_tick(&rig);
	assert_int_equal(rig_shown(&rig, 0)->interval.count, 0);
	assert_false(rig_shown(&rig, 0)->interval.has_extremes);
	assert_int_equal(rig_shown(&rig, 0)->total.count, 7);
	rig_end(&rig);
}

static void long_interval_settles_late(void **state)
{
	struct monitor_options options = {.tick_ns = SEC, .interval_ns = 3 * SEC, .bucket_bits = 6};
	struct monitor_sink sink = {0};
	struct rig rig;
	struct rig_component *c;

	(void)state;
	rig_begin(&rig);
	monitor_free(rig.monitor);
	options.start_ns = rig.now_ns;
	rig.monitor = monitor_new(&options, &sink);
	c = rig_add(&rig, NULL, window_spec_default());
	rig_ended(c, 1000001, false);
	rig_ticks(&rig, 2);
	assert_int_equal(rig_shown(&rig, 0)->interval.count, 0);
	rig_ended(c, 9000001, false);
	rig_tick(&rig);
	assert_int_equal(rig_shown(&rig, 0)->interval.count, 2);
	assert_int_equal(rig_shown(&rig, 0)->interval.min_ns, 1000001);
	rig_tick(&rig);
	assert_int_equal(rig_shown(&rig, 0)->interval.count, 2);
	assert_int_equal(rig_shown(&rig, 0)->interval.max_ns, 9000001);
	rig_end(&rig);
}

/* Tracing ends within a tick; two more bring what is left and the late extremes of both. */
static void short_ticks_of_the_end(void **state)
{
	struct objective o = {.kind = OBJ_MAX_P50, .limit = MS};
	struct bucket_delta deltas[] = {{lapse_bucket(3000001, 6), 20}};
	struct tick_component input = {.late_min_ns = UINT64_MAX};
	struct tick tick = {.components = &input, .n_components = 1, .open_known = true};
	struct rig rig;
	struct rig_component *c = rig_with(&rig, &o, 1);
	int i;

	(void)state;
	for (i = 0; i < 12; i++) {
		rig_many(c, 20, 7000001);
		rig_tick(&rig);
	}
	input.counters = c->counters;
	input.counters.returns += 20;
	input.counters.sum_ns += 20 * 3000001;
	input.buckets = deltas;
	input.n_buckets = 1;
	tick.now_ns = rig.now_ns + SEC / 4;
	tick.period_ns = SEC / 4;
	assert_int_equal(monitor_tick(rig.monitor, &tick), 0);
	input.n_buckets = 0;
	input.late_min_ns = 3000001;
	input.late_max_ns = 7000001;
	tick.period_ns = 0;
	assert_int_equal(monitor_tick(rig.monitor, &tick), 0);
	assert_int_equal(rig_shown(&rig, 0)->window.covered_ns, 10 * SEC + SEC / 4);
	assert_int_equal(rig_shown(&rig, 0)->window.count, 220);
	assert_int_equal(rig_shown(&rig, 0)->window.min_ns, 3000001);
	assert_int_equal(rig_shown(&rig, 0)->window.max_ns, 7000001);
	assert_int_equal(rig_shown(&rig, 0)->total.max_ns, 7000001);
	assert_int_equal(rig_shown(&rig, 0)->total.count, 260);
	assert_int_equal(rig_shown(&rig, 0)->interval.count, 20);
	assert_int_equal(rig_shown(&rig, 0)->objectives[0].violations, 12);
	assert_int_equal(rig_shown(&rig, 0)->latency_trend, TREND_STABLE);
	rig_end(&rig);
}

static void first_tick_without_a_period(void **state)
{
	struct tick tick = {.open_known = true};
	struct rig rig;

	(void)state;
	rig_with(&rig, NULL, 0);
	tick.now_ns = rig.now_ns + SEC;
	assert_int_equal(monitor_tick(rig.monitor, &tick), 0);
	assert_int_equal(rig_shown(&rig, 0)->total.covered_ns, SEC);
	assert_int_equal(rig_shown(&rig, 0)->window.covered_ns, SEC);
	rig_end(&rig);
}

static void histogram_rows(void **state)
{
	struct rig rig;
	struct rig_component *c = rig_with(&rig, NULL, 0);
	const struct component_snapshot *shown;

	(void)state;
	rig_many(c, 3, 10);
	rig_ended(c, 300, false);
	rig_ended(c, 1ULL << 50, false);
	rig_tick(&rig);
	shown = rig_shown(&rig, 0);
	assert_int_equal(shown->n_histogram, 3);
	assert_int_equal(shown->histogram[0].low_ns, 10);
	assert_int_equal(shown->histogram[0].high_ns, 11);
	assert_int_equal(shown->histogram[0].count, 3);
	assert_int_equal(shown->histogram[1].low_ns, 300);
	assert_int_equal(shown->histogram[1].high_ns, 304);
	assert_int_equal(shown->histogram[2].low_ns, 1ULL << 42);
	assert_int_equal(shown->histogram[2].high_ns, UINT64_MAX);
	rig_end(&rig);
}

static void integrity_and_flight(void **state)
{
	struct rig rig;
	struct rig_component *c = rig_with(&rig, NULL, 0);
	const struct snapshot *s;

	(void)state;
	rig_many(c, 10, MS);
	c->counters.entries += 8;
	c->counters.too_deep = 1;
	c->counters.abandoned = 2;
	c->counters.jumps = 1;
	c->counters.maps_full = 1;
	c->counters.ring_dropped = 4;
	rig.self = (struct tick_self){.ring_dropped = 3,
				      .kernel_missed = 5,
				      .values_unnamed = 6,
				      .stacks_lost = 7,
				      .hits = 20,
				      .ns_per_hit = 100,
				      .probe_ns = 2000,
				      .target_cpu_ns = 100000,
				      .tracer_cpu_ns = SEC,
				      .tracer_rss_bytes = 4096};
	rig_open(&rig, 0, 1, rig.now_ns, 5 * MS);
	rig_open(&rig, 0, 2, rig.now_ns, 9 * MS);
	rig_tick(&rig);
	s = rig_snapshot(&rig);
	assert_int_equal(s->components[0].in_flight, 2);
	assert_true(s->components[0].has_oldest);
	assert_int_equal(s->components[0].oldest_in_flight_ns, 9 * MS);
	assert_int_equal(s->integrity.unaccounted, 1);
	assert_int_equal(s->integrity.ring_dropped, 7);
	assert_int_equal(s->integrity.kernel_missed, 5);
	assert_int_equal(s->integrity.values_unnamed, 6);
	assert_int_equal(s->integrity.stacks_lost, 7);
	assert_near(s->overhead.target_cpu_share, 0.02);
	assert_near(s->overhead.tracer_cpu_s, 1);
	rig.open_unknown = true;
	rig_tick(&rig);
	s = rig_snapshot(&rig);
	assert_int_equal(s->components[0].in_flight, 3);
	assert_false(s->components[0].has_oldest);
	assert_int_equal(s->integrity.unaccounted, 0);
	rig_end(&rig);
}

static void system_figures(void **state)
{
	struct rig rig;
	const struct snapshot *s;

	(void)state;
	rig_begin(&rig);
	rig_add(&rig, NULL, window_spec_default());
	rig_add(&rig, NULL, window_spec_default());
	rig_add(&rig, NULL, window_spec_default());
	rig_many(&rig.component[0], 3, 2 * MS);
	rig_ended(&rig.component[2], 6 * MS, true);
	rig_ticks(&rig, 25);
	monitor_end(rig.monitor, "interrupted");
	s = rig_snapshot(&rig);
	assert_int_equal(s->system.requests, 4);
	assert_int_equal(s->system.errors, 1);
	assert_near(s->system.error_rate, 0.25);
	assert_near(s->system.avg_ns, 3 * MS);
	assert_near(s->system.overall, 100);
	assert_int_equal(s->system.observed_ns, 25 * SEC);
	assert_int_equal(s->system.components_declared, 3);
	assert_int_equal(s->system.components_fed, 2);
	/* In one of 25 seconds all that one of them did has failed. */
	assert_near(s->system.uptime, 0.96);
	assert_int_equal(s->verdict, VERDICT_NONE);
	assert_string_equal(s->end_reason, "interrupted");
	assert_int_equal(rig.n_health, 2);
	rig_end(&rig);
}

static void wrong_input_is_refused(void **state)
{
	struct bucket_delta delta = {LAPSE_BUCKETS(6) + 1, 1};
	struct tick_component input = {.component = 1};
	struct tick tick = {.components = &input, .n_components = 1};
	struct lapse_span span = {.component = 1};
	struct rig rig;

	(void)state;
	rig_with(&rig, NULL, 0);
	assert_int_equal(monitor_span(rig.monitor, &span), -EINVAL);
	assert_int_equal(monitor_tick(rig.monitor, &tick), -EINVAL);
	input = (struct tick_component){.buckets = &delta, .n_buckets = 1};
	assert_int_equal(monitor_tick(rig.monitor, &tick), -EINVAL);
	tick = (struct tick){.open = &span, .n_open = 1};
	assert_int_equal(monitor_tick(rig.monitor, &tick), -EINVAL);
	rig_end(&rig);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(percentiles),
		cmocka_unit_test(equal_values_are_exact_once_settled),
		cmocka_unit_test(extremes_of_the_newest_tick),
		cmocka_unit_test(extremes_of_a_longer_tick),
		cmocka_unit_test(no_spans_no_figures),
		cmocka_unit_test(interval_is_its_own_ticks),
		cmocka_unit_test(long_interval_settles_late),
		cmocka_unit_test(short_ticks_of_the_end),
		cmocka_unit_test(first_tick_without_a_period),
		cmocka_unit_test(histogram_rows),
		cmocka_unit_test(integrity_and_flight),
		cmocka_unit_test(system_figures),
		cmocka_unit_test(wrong_input_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
