// SPDX-License-Identifier: GPL-2.0-or-later
/* Percentile objectives: judged when they can be, one alert for all, unsure when spans were lost. */
#include "rig.h"

static void breach_fires_and_resolves(void **state)
{
	struct objective o = {.kind = OBJ_MAX_P90, .limit = 30 * MS};
	struct rig rig;
	struct rig_component *c = rig_with(&rig, &o, 1);

	(void)state;
	rig_many(c, 89, MS);
	rig_many(c, 11, 40 * MS);
	rig_tick(&rig);
	assert_int_equal(rig.n_violations, 1);
	assert_int_equal(rig.n_alerts, 1);
	assert_int_equal(rig.alert.kind, OBJ_MAX_P90);
	assert_int_equal(rig.alert.window_ns, SEC);
	assert_int_equal(rig.alert.severity, SEV_WARNING);
	assert_int_equal(rig_shown(&rig, 0)->verdict, VERDICT_VIOLATED);
	rig_tick(&rig);
	assert_int_equal(rig.n_violations, 2);
	assert_int_equal(rig.n_alerts, 1);
	assert_int_equal(rig_snapshot(&rig)->system.active_alerts, 1);
	/* The tenth tick pushes the slow ones out; the window holds again from then on. */
	rig_many(c, 100, MS);
	rig_ticks(&rig, 8);
	assert_int_equal(rig.n_violations, 2);
	rig_many(c, 1000, MS);
	rig_ticks(&rig, 21);
	assert_int_equal(rig.n_alerts, 1);
	rig_tick(&rig);
	assert_int_equal(rig.n_alerts, 2);
	assert_int_equal(rig.alert.event, ALERT_EVENT_RESOLVED);
	assert_int_equal(rig.alert.held_back, 1);
	assert_int_equal(rig.alert.violations, 2);
	assert_int_equal(rig_shown(&rig, 0)->verdict, VERDICT_VIOLATED);
	rig_end(&rig);
}

static void boundary_of_the_rank(void **state)
{
	struct objective o = {.kind = OBJ_MAX_P90, .limit = 30 * MS};
	struct rig rig;
	struct rig_component *c = rig_with(&rig, &o, 1);

	(void)state;
	rig_many(c, 90, MS);
	rig_many(c, 10, 40 * MS);
	rig_tick(&rig);
	assert_int_equal(rig.n_violations, 0);
	assert_int_equal(rig_shown(&rig, 0)->verdict, VERDICT_HELD);
	rig_end(&rig);
}

static void too_few_is_unknown(void **state)
{
	struct objective o = {.kind = OBJ_MAX_P99, .limit = 30 * MS};
	struct rig rig;
	struct rig_component *c = rig_with(&rig, &o, 1);

	(void)state;
	rig_tick(&rig);
	assert_string_equal(rig_shown(&rig, 0)->objectives[0].why_unknown, "no span seen");
	rig_many(c, 99, 40 * MS);
	rig_tick(&rig);
	assert_int_equal(rig_shown(&rig, 0)->verdict, VERDICT_UNKNOWN);
	assert_true(isnan(rig_shown(&rig, 0)->objectives[0].measured));
	assert_int_equal(rig_shown(&rig, 0)->objectives[0].spans_needed, 100);
	assert_int_equal(rig.n_violations, 0);
	rig_many(c, 1, 40 * MS);
	rig_tick(&rig);
	assert_int_equal(rig_shown(&rig, 0)->verdict, VERDICT_VIOLATED);
	assert_int_equal(rig_shown(&rig, 0)->objectives[0].spans_needed, 0);
	rig_end(&rig);
}

static void min_samples(void **state)
{
	struct objective o = {.kind = OBJ_MAX_P99, .limit = 30 * MS, .min_samples = 5};
	struct rig rig;
	struct rig_component *c = rig_with(&rig, &o, 1);

	(void)state;
	rig_many(c, 4, MS);
	rig_tick(&rig);
	assert_int_equal(rig_shown(&rig, 0)->verdict, VERDICT_UNKNOWN);
	rig_many(c, 1, MS);
	rig_tick(&rig);
	assert_int_equal(rig_shown(&rig, 0)->verdict, VERDICT_HELD);
	rig_end(&rig);
}

static void for_delays_the_alert_only(void **state)
{
	struct objective o = {.kind = OBJ_MAX_P50, .limit = 30 * MS, .for_ns = 5 * SEC};
	struct contract contract = rig_contract(&o, 1);
	struct rig rig;
	struct rig_component *c;
	int i;

	(void)state;
	rig_begin(&rig);
	c = rig_add(&rig, &contract, (struct window_spec){.duration_ns = SEC, .max_ns = 60 * SEC});
	for (i = 0; i < 5; i++) {
		rig_many(c, 20, 40 * MS);
		rig_tick(&rig);
	}
	assert_int_equal(rig.n_violations, 5);
	assert_int_equal(rig.n_alerts, 0);
	/* It holds once: the time begins anew. */
	rig_many(c, 20, MS);
	rig_tick(&rig);
	for (i = 0; i < 5; i++) {
		rig_many(c, 20, 40 * MS);
		rig_tick(&rig);
	}
	assert_int_equal(rig.n_alerts, 0);
	rig_many(c, 20, 40 * MS);
	rig_tick(&rig);
	assert_int_equal(rig.n_alerts, 1);
	assert_int_equal(rig.n_violations, 11);
	rig_end(&rig);
}

static void one_alert_the_worst_speaks(void **state)
{
	struct objective o[] = {{.kind = OBJ_MAX_P50, .limit = 30 * MS},
				{.kind = OBJ_MAX_P90, .limit = 10 * MS},
				{.kind = OBJ_MAX_P95, .limit = 20 * MS}};
	struct rig rig;
	struct rig_component *c = rig_with(&rig, o, 3);

	(void)state;
	rig_many(c, 100, 40 * MS);
	rig_tick(&rig);
	assert_int_equal(rig.n_violations, 3);
	assert_int_equal(rig.n_alerts, 1);
	assert_int_equal(rig.alert.kind, OBJ_MAX_P90);
	assert_int_equal(rig.alert.severity, SEV_CRITICAL);
	assert_int_equal(rig.alert.violations, 3);
	assert_int_equal(rig.alert.held_back, 2);
	assert_int_equal(rig_shown(&rig, 0)->violations, 3);
	assert_int_equal(rig_shown(&rig, 0)->objectives[1].violations, 1);
	rig_end(&rig);
}

/* The p90 of 100 seen, 12 of them slow: two lost ones cannot save it, three can. */
static void expect_with_lost(uint64_t slow, uint64_t lost, enum verdict wanted)
{
	struct objective o = {.kind = OBJ_MAX_P90, .limit = 30 * MS};
	struct rig rig;
	struct rig_component *c = rig_with(&rig, &o, 1);

	rig_many(c, 100 - slow, MS);
	rig_many(c, slow, 40 * MS);
	c->counters.too_deep = lost;
	rig_tick(&rig);
	assert_int_equal(rig_shown(&rig, 0)->verdict, wanted);
	assert_int_equal(rig.n_alerts, wanted == VERDICT_VIOLATED);
	rig_end(&rig);
}

static void losses(void **state)
{
	(void)state;
	expect_with_lost(10, 0, VERDICT_HELD);
	/* 101 in all, the 91st: slow if the lost one was. */
	expect_with_lost(10, 1, VERDICT_UNKNOWN);
	/* 105, the 95th: with 5 lost slow ones and 5 seen, 10 are slow: it is the last fast one. */
	expect_with_lost(5, 5, VERDICT_HELD);
	expect_with_lost(5, 6, VERDICT_UNKNOWN);
	expect_with_lost(11, 0, VERDICT_VIOLATED);
	/* 109 and 110: the 99th. The tenth slow one from the top is the 100th: held if all were fast. */
	expect_with_lost(11, 9, VERDICT_VIOLATED);
	expect_with_lost(11, 10, VERDICT_UNKNOWN);
	expect_with_lost(100, 1000, VERDICT_UNKNOWN);
}

static void kernel_misses_may_be_anyones(void **state)
{
	struct objective o = {.kind = OBJ_MAX_P90, .limit = 30 * MS};
	struct rig rig;
	struct rig_component *c = rig_with(&rig, &o, 1);

	(void)state;
	rig_many(c, 90, MS);
	rig_many(c, 10, 40 * MS);
	rig.self.kernel_missed = 1;
	rig_tick(&rig);
	assert_int_equal(rig_shown(&rig, 0)->verdict, VERDICT_UNKNOWN);
	assert_string_equal(rig_shown(&rig, 0)->objectives[0].why_unknown, "lost spans could have turned it");
	rig_end(&rig);
}

static void approach(void **state)
{
	struct objective o = {.kind = OBJ_MAX_P50, .limit = 30 * MS};
	struct contract contract = rig_contract(&o, 1);
	struct rig rig;
	struct rig_component *c;

	(void)state;
	contract.thresholds.warning_multiplier = 0.8;
	rig_begin(&rig);
	c = rig_add(&rig, &contract, window_spec_default());
	rig_many(c, 20, 25 * MS);
	rig_tick(&rig);
	assert_int_equal(rig.n_alerts, 1);
	assert_true(rig.alert.approach);
	assert_int_equal(rig.n_violations, 0);
	assert_int_equal(rig_shown(&rig, 0)->verdict, VERDICT_HELD);
	rig_end(&rig);
}

/* `for:` is the time beyond the limit: to have been near it does not count, and neither is told meanwhile. */
static void near_for_long_then_beyond(void **state)
{
	struct objective o = {.kind = OBJ_MAX_P50, .limit = 30 * MS, .for_ns = 3 * SEC};
	struct contract contract = rig_contract(&o, 1);
	struct rig rig;
	struct rig_component *c;

	(void)state;
	contract.thresholds.warning_multiplier = 0.8;
	rig_begin(&rig);
	c = rig_add(&rig, &contract, (struct window_spec){.duration_ns = SEC, .max_ns = SEC});
	for (int i = 0; i < 10; i++) {
		rig_many(c, 20, 25 * MS);
		rig_tick(&rig);
	}
	assert_int_equal(rig.n_alerts, 1);
	assert_true(rig.alert.approach);
	for (int i = 0; i < 4; i++) {
		assert_int_equal(rig.n_alerts, 1);
		rig_many(c, 20, 40 * MS);
		rig_tick(&rig);
	}
	assert_int_equal(rig.n_alerts, 2);
	assert_int_equal(rig.alert.event, ALERT_EVENT_ESCALATED);
	assert_int_equal(rig_shown(&rig, 0)->violations, 4);
	rig_end(&rig);
}

/* It is passed in the short tick of the end, and was only near before. */
static void near_then_beyond_at_the_end(void **state)
{
	struct objective o = {.kind = OBJ_MAX_P50, .limit = 30 * MS};
	struct contract contract = rig_contract(&o, 1);
	struct rig rig;
	struct rig_component *c;

	(void)state;
	contract.thresholds.warning_multiplier = 0.8;
	rig_begin(&rig);
	c = rig_add(&rig, &contract, window_spec_default());
	rig_many(c, 20, 25 * MS);
	rig_tick(&rig);
	rig_many(c, 100, 40 * MS);
	rig_tick_after(&rig, SEC / 4);
	rig_tick_after(&rig, MS);
	assert_int_equal(rig_shown(&rig, 0)->violations, 1);
	assert_int_equal(rig.alert.violations, 1);
	assert_int_equal(rig_shown(&rig, 0)->verdict, VERDICT_VIOLATED);
	rig_end(&rig);
}

/* Nobody has shown that it holds again: it goes on firing. */
static void silence_does_not_resolve(void **state)
{
	struct objective o = {.kind = OBJ_MAX_P50, .limit = 30 * MS};
	struct contract contract = rig_contract(&o, 1);
	struct rig rig;
	struct rig_component *c;

	(void)state;
	rig_begin(&rig);
	c = rig_add(&rig, &contract, (struct window_spec){.duration_ns = 10 * SEC, .max_ns = 20 * SEC});
	rig_many(c, 20, 40 * MS);
	rig_ticks(&rig, 200);
	assert_int_equal(rig.n_violations, 20);
	assert_int_equal(rig.alert.event, ALERT_EVENT_FIRING);
	rig_many(c, 20, MS);
	rig_ticks(&rig, 29);
	assert_int_equal(rig.alert.event, ALERT_EVENT_FIRING);
	rig_ticks(&rig, 1);
	assert_int_equal(rig.alert.event, ALERT_EVENT_RESOLVED);
	rig_end(&rig);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(breach_fires_and_resolves),
		cmocka_unit_test(boundary_of_the_rank),
		cmocka_unit_test(too_few_is_unknown),
		cmocka_unit_test(min_samples),
		cmocka_unit_test(for_delays_the_alert_only),
		cmocka_unit_test(one_alert_the_worst_speaks),
		cmocka_unit_test(losses),
		cmocka_unit_test(kernel_misses_may_be_anyones),
		cmocka_unit_test(approach),
		cmocka_unit_test(near_for_long_then_beyond),
		cmocka_unit_test(near_then_beyond_at_the_end),
		cmocka_unit_test(silence_does_not_resolve),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
