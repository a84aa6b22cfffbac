// SPDX-License-Identifier: GPL-2.0-or-later
/* Error budgets: both windows of a pair burn, or nothing is said; single spans are nobody's violation. */
#include "rig.h"

#define HOUR (3600 * SEC)

/* One component whose max_latency of 30 ms has a budget. */
static struct rig_component *begin(struct rig *rig, double budget, uint64_t period_ns)
{
	struct objective o = {.kind = OBJ_LATENCY_BUDGET,
			      .limit = 1,
			      .span_limit = 30 * MS,
			      .budget = budget,
			      .target = 1 - budget,
			      .period_ns = period_ns};

	return rig_with(rig, &o, 1);
}

static void second(struct rig *rig, size_t good, size_t bad)
{
	rig_many(&rig->component[0], good, MS);
	rig_many(&rig->component[0], bad, 31 * MS);
	rig_tick(rig);
}

static void seconds(struct rig *rig, size_t n, size_t good, size_t bad)
{
	while (n--)
		second(rig, good, bad);
}

static void single_spans_are_within_the_budget(void **state)
{
	struct rig rig;

	(void)state;
	begin(&rig, 0.001, 720 * HOUR);
	assert_true(rig.component[0].level_ns[LAPSE_LEVEL_NOTICE] == UINT64_MAX);
	assert_int_equal(rig.component[0].level_ns[LAPSE_LEVEL_WARNING], 30 * MS);
	assert_true(rig.component[0].level_ns[LAPSE_LEVEL_CRITICAL] == UINT64_MAX);
	/* Half of what the budget allows, each with a record of its own. */
	for (int i = 0; i < 200; i++) {
		rig_many(&rig.component[0], 1999, MS);
		rig_breach(&rig, 0, 31 * MS);
		rig_tick(&rig);
	}
	assert_int_equal(rig.n_violations, 0);
	assert_int_equal(rig.n_alerts, 0);
	assert_int_equal(rig_state(&rig, 0, 0)->verdict, VERDICT_HELD);
	/* What hangs past the limit is no violation either, before it ends. */
	rig_open(&rig, 0, 9, rig.now_ns, 90 * SEC);
	seconds(&rig, 5, 2000, 1);
	assert_int_equal(rig.n_violations, 0);
	rig_end(&rig);
}

/* An hour of 36,000 good spans: 1.44 % of them are 518 bad ones. The slots reach back a minute further. */
static void a_tenth_of_a_percent_over_30_days(void **state)
{
	struct rig rig;
	size_t n = 0;

	(void)state;
	begin(&rig, 0.001, 720 * HOUR);
	seconds(&rig, 3600, 10, 0);
	assert_int_equal(rig_state(&rig, 0, 0)->verdict, VERDICT_HELD);
	for (; !rig.n_alerts && n < 100; n++)
		second(&rig, 0, 10);
	assert_in_range(n, 52, 54);
	assert_int_equal(rig.alert.kind, OBJ_LATENCY_BUDGET);
	assert_int_equal(rig.alert.severity, SEV_CRITICAL);
	assert_true(rig.alert.limit == 14.4 && rig.alert.measured > 14.4 && rig.alert.measured < 15);
	assert_int_equal(rig.alert.window_ns, HOUR);
	assert_string_equal(objective_info(rig.alert.kind)->violation, "LATENCY_VIOLATION");
	assert_int_equal(rig_state(&rig, 0, 0)->verdict, VERDICT_VIOLATED);

	/* It is over, and the hour burns still; but not the five minutes, once 1.44 % of them is 43. */
	n = 0;
	for (; rig.alert.event != ALERT_EVENT_RESOLVED && n < 600; n++)
		second(&rig, 10, 0);
	assert_in_range(n, 320, 340);
	rig_end(&rig);
}

/* With a period of an hour the windows are 5 s and 1 s, 30 s and 3 s, 360 s and 30 s. */
static void a_slow_leak_is_a_warning(void **state)
{
	struct rig rig;

	(void)state;
	begin(&rig, 0.01, HOUR);
	seconds(&rig, 400, 100, 0);
	seconds(&rig, 100, 98, 2);
	assert_int_equal(rig.n_alerts, 0);
	seconds(&rig, 100, 98, 2);
	assert_int_equal(rig.n_alerts, 1);
	assert_int_equal(rig.alert.severity, SEV_WARNING);
	assert_true(rig.alert.limit == 1);
	assert_int_equal(rig.alert.window_ns, 360 * SEC);
	/* Then it bursts. */
	seconds(&rig, 5, 50, 50);
	assert_int_equal(rig.alert.event, ALERT_EVENT_ESCALATED);
	assert_int_equal(rig.alert.severity, SEV_CRITICAL);
	assert_true(rig.alert.limit == 14.4);
	rig_end(&rig);
}

/* Each of them alone says nothing: an hour of which little is gone, and one that was bad a while ago. */
static void both_windows_must_burn(void **state)
{
	struct rig rig;

	(void)state;
	begin(&rig, 0.001, 720 * HOUR);
	seconds(&rig, 3600, 10, 0);
	/* 3 of 5 minutes' 3000 are 2 %, and no part of the hour. */
	seconds(&rig, 6, 0, 10);
	seconds(&rig, 300, 10, 0);
	assert_int_equal(rig.n_alerts, 0);
	rig_end(&rig);
}

/* What is not known to have been bad before tracing began was good. */
static void two_bad_minutes_are_no_bad_hour(void **state)
{
	struct rig rig;

	(void)state;
	begin(&rig, 0.001, 720 * HOUR);
	seconds(&rig, 120, 98, 2);
	assert_int_equal(rig.n_alerts, 0);
	assert_near(rig_state(&rig, 0, 0)->measured * 0.001, 0.02 * 120 / 3600);
	rig_end(&rig);
	/* But one in which nothing is good is told after its fiftieth second. */
	begin(&rig, 0.001, 720 * HOUR);
	seconds(&rig, 50, 0, 100);
	assert_int_equal(rig.n_alerts, 0);
	seconds(&rig, 2, 0, 100);
	assert_int_equal(rig.n_alerts, 1);
	rig_end(&rig);
}

static void too_few_spans(void **state)
{
	struct rig rig;

	(void)state;
	begin(&rig, 0.001, 720 * HOUR);
	/* At 1 times too fast one in a thousand is bad. */
	seconds(&rig, 9, 100, 0);
	assert_int_equal(rig_state(&rig, 0, 0)->verdict, VERDICT_UNKNOWN);
	assert_string_equal(rig_state(&rig, 0, 0)->why_unknown,
			    "too few spans to tell how fast the budget burns");
	seconds(&rig, 1, 100, 0);
	assert_int_equal(rig_state(&rig, 0, 0)->verdict, VERDICT_HELD);
	rig_end(&rig);
}

/* Half of a budget of 10 % can never burn 14.4 times too fast: the pair is as if it were not there. */
static void a_pair_that_cannot_burn(void **state)
{
	struct rig rig;

	(void)state;
	begin(&rig, 0.1, HOUR);
	seconds(&rig, 400, 100, 0);
	seconds(&rig, 60, 0, 100);
	assert_true(rig.alert.limit == 6);
	rig_end(&rig);
}

static void losses(void **state)
{
	struct rig rig;

	(void)state;
	begin(&rig, 0.01, HOUR);
	seconds(&rig, 60, 100, 0);
	assert_int_equal(rig_state(&rig, 0, 0)->verdict, VERDICT_HELD);
	/* They may all have been bad, or none of them. */
	rig.component[0].counters.too_deep += 300;
	rig.component[0].counters.entries += 300;
	seconds(&rig, 1, 100, 0);
	assert_int_equal(rig_state(&rig, 0, 0)->verdict, VERDICT_UNKNOWN);
	assert_string_equal(rig_state(&rig, 0, 0)->why_unknown, "lost spans could have turned it");
	assert_int_equal(rig.n_violations, 0);
	rig_end(&rig);
}

/* Nothing of it went by while it was still: what is too old is forgotten, however late the next tick comes.
 */
static void a_gap(void **state)
{
	struct rig rig;

	(void)state;
	begin(&rig, 0.01, HOUR);
	seconds(&rig, 60, 50, 50);
	assert_int_equal(rig.n_alerts, 1);
	rig_tick_after(&rig, 400 * SEC);
	rig_tick_after(&rig, 40 * SEC);
	second(&rig, 2000, 0);
	seconds(&rig, 40, 100, 0);
	assert_int_equal(rig.alert.event, ALERT_EVENT_RESOLVED);
	assert_true(rig_state(&rig, 0, 0)->measured == 0);
	rig_end(&rig);
}

static void a_severity_of_its_own(void **state)
{
	struct objective o = {.kind = OBJ_ERROR_BUDGET,
			      .limit = 1,
			      .budget = 0.01,
			      .period_ns = HOUR,
			      .has_severity = true,
			      .severity = SEV_WARNING,
			      .for_ns = 3 * SEC};
	struct rig rig;
	struct rig_component *c = rig_with(&rig, &o, 1);

	(void)state;
	rig_failing(c, 1000, 0);
	rig_ticks(&rig, 10);
	for (int i = 0; i < 3; i++) {
		rig_failing(c, 50, 50);
		rig_tick(&rig);
	}
	assert_int_equal(rig.n_violations, 3);
	assert_int_equal(rig.n_alerts, 0);
	rig_failing(c, 50, 50);
	rig_tick(&rig);
	assert_int_equal(rig.n_alerts, 1);
	assert_int_equal(rig.alert.severity, SEV_WARNING);
	assert_string_equal(objective_info(rig.alert.kind)->violation, "ERROR_RATE_VIOLATION");
	rig_end(&rig);
}

/* Nothing gets through any more, and so no span fails. */
static void failed_connections(void **state)
{
	struct objective o[] = {
		{.kind = OBJ_FAILURE_BUDGET, .limit = 1, .budget = 0.01, .period_ns = HOUR},
		{.kind = OBJ_ERROR_BUDGET, .limit = 1, .budget = 0.01, .period_ns = HOUR},
	};
	struct rig rig;
	struct rig_component *c = rig_with(&rig, o, 2);

	(void)state;
	for (int i = 0; i < 60; i++) {
		rig_failing(c, 100, 0);
		rig_tick(&rig);
	}
	for (int i = 0; i < 5; i++) {
		rig_connects(c, 50, MS, true);
		rig_tick(&rig);
	}
	assert_int_equal(rig_state(&rig, 0, 0)->verdict, VERDICT_VIOLATED);
	assert_int_equal(rig_state(&rig, 0, 1)->verdict, VERDICT_HELD);
	rig_end(&rig);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(single_spans_are_within_the_budget),
		cmocka_unit_test(a_tenth_of_a_percent_over_30_days),
		cmocka_unit_test(a_slow_leak_is_a_warning),
		cmocka_unit_test(both_windows_must_burn),
		cmocka_unit_test(two_bad_minutes_are_no_bad_hour),
		cmocka_unit_test(too_few_spans),
		cmocka_unit_test(a_pair_that_cannot_burn),
		cmocka_unit_test(losses),
		cmocka_unit_test(a_gap),
		cmocka_unit_test(a_severity_of_its_own),
		cmocka_unit_test(failed_connections),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
