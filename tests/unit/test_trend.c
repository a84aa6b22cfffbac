// SPDX-License-Identifier: GPL-2.0-or-later
/* Trends: the bounds, and how a window is cut into quarters. */
#include "rig.h"

#include "monitor/trend.h"

static struct trend_quarter quarter(uint64_t count, uint64_t errors, uint64_t sum_ns)
{
	return (struct trend_quarter){.count = count, .errors = errors, .sum_ns = sum_ns, .covered_ns = SEC};
}

static enum trend latency(uint64_t before_ns, uint64_t last_ns)
{
	struct trend_quarter before = quarter(10, 0, before_ns * 10), last = quarter(10, 0, last_ns * 10);

	return trend_latency(&before, &last);
}

static enum trend errors(uint64_t before_n, uint64_t last_n)
{
	struct trend_quarter before = quarter(100, before_n, 1), last = quarter(100, last_n, 1);

	return trend_errors(&before, &last);
}

static enum trend throughput(uint64_t before_n, uint64_t last_n)
{
	struct trend_quarter before = quarter(before_n, 0, 1), last = quarter(last_n, 0, 1);

	return trend_throughput(&before, &last);
}

static void bounds(void **state)
{
	struct trend_quarter none = {0};

	(void)state;
	assert_int_equal(latency(1000, 1200), TREND_STABLE);
	assert_int_equal(latency(1000, 1201), TREND_INCREASING);
	assert_int_equal(latency(1000, 800), TREND_STABLE);
	assert_int_equal(latency(1000, 799), TREND_DECREASING);
	assert_int_equal(throughput(10, 12), TREND_STABLE);
	assert_int_equal(throughput(10, 13), TREND_INCREASING);
	assert_int_equal(throughput(10, 7), TREND_DECREASING);
	assert_int_equal(throughput(10, 0), TREND_DECREASING);
	assert_int_equal(throughput(0, 10), TREND_INCREASING);
	assert_int_equal(errors(10, 15), TREND_STABLE);
	assert_int_equal(errors(10, 16), TREND_INCREASING);
	assert_int_equal(errors(10, 5), TREND_STABLE);
	assert_int_equal(errors(10, 4), TREND_DECREASING);
	assert_int_equal(errors(2, 3), TREND_STABLE);
	assert_int_equal(errors(0, 1), TREND_INCREASING);
	assert_int_equal(errors(0, 0), TREND_STABLE);
	assert_int_equal(trend_latency(&none, &none), TREND_UNKNOWN);
	assert_int_equal(trend_errors(&none, &none), TREND_UNKNOWN);
	assert_int_equal(trend_throughput(&none, &none), TREND_UNKNOWN);
}

/* Ten ticks: a quarter is two; the last two against the two before, and no others. */
static void duration_window(void **state)
{
	struct rig rig;
	struct rig_component *c = rig_with(&rig, NULL, 0);
	const struct component_snapshot *shown;
	int i;

	(void)state;
	for (i = 0; i < 10; i++) {
		rig_many(c, i < 8 ? 10 : 5, i < 6 ? 90 * MS : i < 8 ? 10 * MS : 20 * MS);
		if (i == 6)
			c->counters.errors += 4;
		rig_tick(&rig);
	}
	shown = rig_shown(&rig, 0);
	assert_int_equal(shown->latency_trend, TREND_INCREASING);
	assert_int_equal(shown->throughput_trend, TREND_DECREASING);
	assert_int_equal(shown->error_trend, TREND_DECREASING);
	rig_end(&rig);
}

static void too_little_is_unknown(void **state)
{
	struct rig rig;
	struct rig_component *c = rig_with(&rig, NULL, 0);
	int i;

	(void)state;
	rig_many(c, 100, MS);
	rig_ticks(&rig, 3);
	assert_int_equal(rig_shown(&rig, 0)->latency_trend, TREND_UNKNOWN);
	rig_ticks(&rig, 10);
	for (i = 0; i < 9; i++) {
		rig_ended(c, MS, false);
		rig_tick(&rig);
	}
	assert_int_equal(rig_shown(&rig, 0)->latency_trend, TREND_UNKNOWN);
	assert_int_equal(rig_shown(&rig, 0)->throughput_trend, TREND_UNKNOWN);
	rig_ended(c, MS, false);
	rig_tick(&rig);
	assert_int_equal(rig_shown(&rig, 0)->latency_trend, TREND_STABLE);
	assert_int_equal(rig_shown(&rig, 0)->error_trend, TREND_STABLE);
	rig_end(&rig);
}

/* 43 spans: quarters of ten; 23..32 against 33..42. */
static void count_window(void **state)
{
	struct rig *rig = malloc(sizeof(*rig));
	struct rig_component *c;
	int i;

	(void)state;
	rig_begin(rig);
	c = rig_add(rig, NULL, (struct window_spec){.last = 43, .max_ns = 600 * SEC});
	for (i = 0; i < 43; i++)
		rig_ended(c, i < 23 ? 90 * MS : i < 33 ? 10 * MS : 7 * MS, i >= 42);
	rig_tick(rig);
	assert_int_equal(rig_shown(rig, 0)->latency_trend, TREND_DECREASING);
	assert_int_equal(rig_shown(rig, 0)->error_trend, TREND_INCREASING);
	assert_int_equal(rig_shown(rig, 0)->throughput_trend, TREND_UNKNOWN);
	rig_end(rig);
	free(rig);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(bounds),
		cmocka_unit_test(duration_window),
		cmocka_unit_test(too_little_is_unknown),
		cmocka_unit_test(count_window),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
