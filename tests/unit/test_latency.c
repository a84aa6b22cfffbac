// SPDX-License-Identifier: GPL-2.0-or-later
/* max_latency: every breach counted once, whatever is lost or late. */
#include "latency.h"

static void the_limit_itself_holds(void **state)
{
	struct rig rig;
	struct rig_component *c = begin(&rig);

	(void)state;
	rig_ended(c, LIMIT, false);
	rig_record(&rig, 0, 1, LIMIT);
	rig_tick(&rig);
	assert_int_equal(violations(&rig), 0);
	assert_int_equal(rig_shown(&rig, 0)->verdict, VERDICT_HELD);
	rig_breach(&rig, 0, LIMIT + 1);
	assert_int_equal(rig.n_violations, 1);
	assert_int_equal(rig.n_alerts, 1);
	assert_int_equal(rig.violation.severity, SEV_WARNING);
	assert_int_equal(rig.violation.time_ns, rig.now_ns + SEC / 2);
	assert_string_equal(rig.violation.comm, "target");
	assert_int_equal(violations(&rig), 1);
	rig_tick(&rig);
	assert_int_equal(violations(&rig), 1);
	assert_int_equal(rig_shown(&rig, 0)->verdict, VERDICT_VIOLATED);
	assert_int_equal(rig.n_violations, 1);
	rig_end(&rig);
}

static void severities_by_multiple(void **state)
{
	struct rig rig;

	(void)state;
	begin(&rig);
	rig_breach(&rig, 0, 2 * LIMIT);
	assert_int_equal(rig.violation.severity, SEV_WARNING);
	rig_breach(&rig, 0, 2 * LIMIT + 1);
	assert_int_equal(rig.violation.severity, SEV_CRITICAL);
	rig_end(&rig);
}

static void lost_records_are_counted_and_told(void **state)
{
	struct rig rig;
	struct rig_component *c = begin(&rig);

	(void)state;
	rig_many(c, 100, 40 * MS);
	rig_many(c, 1000, 1 * MS);
	rig_tick(&rig);
	assert_int_equal(violations(&rig), 100);
	assert_int_equal(rig.n_violations, 1);
	assert_int_equal(rig.n_alerts, 1);
	assert_int_equal(rig.alert.severity, SEV_WARNING);
	assert_int_equal(rig.alert.violations, 100);
	assert_int_equal(rig.alert.held_back, 99);
	assert_true(fabs(rig.alert.measured - 40e6) < 40e6 / 100);
	assert_true(rig.alert.measured > LIMIT);
	rig_end(&rig);
}

static void lost_critical_is_critical(void **state)
{
	struct rig rig;
	struct rig_component *c = begin(&rig);

	(void)state;
	rig_breach(&rig, 0, 40 * MS);
	rig_ended(c, 100 * MS, false);
	rig_tick(&rig);
	assert_int_equal(violations(&rig), 2);
	assert_int_equal(rig.n_alerts, 2);
	assert_int_equal(rig.alert.event, ALERT_EVENT_ESCALATED);
	assert_int_equal(rig.alert.severity, SEV_CRITICAL);
	assert_int_equal(rig.n_violations, 2);
	rig_end(&rig);
}

/* In a bucket that straddles the limit the least that is sure is one nanosecond above it. */
static void bound_is_above_the_limit(void **state)
{
	struct rig rig;
	struct rig_component *c = begin(&rig);

	(void)state;
	rig_ended(c, LIMIT + 1, false);
	rig_tick(&rig);
	assert_int_equal(rig.n_violations, 1);
	assert_true(rig.violation.measured > LIMIT && rig.violation.measured < LIMIT * 1.02);
	rig_end(&rig);
}

/* In a storm the ring brings a part only: each such record is told at once, none counted twice. */
static void storm(void **state)
{
	struct rig rig;
	struct rig_component *c = begin(&rig);
	int i;

	(void)state;
	for (i = 1; i <= 20; i++) {
		rig_many(c, 500, 35 * MS);
		c->counters.ring_dropped += 500;
		rig_breach(&rig, 0, 36 * MS);
		rig_breach(&rig, 0, 36 * MS);
		rig_tick(&rig);
		assert_int_equal(violations(&rig), (uint64_t)i * 502);
		assert_int_equal(rig.n_violations, (size_t)i * 3);
	}
	rig_ticks(&rig, 40);
	assert_int_equal(rig.alert.event, ALERT_EVENT_RESOLVED);
	assert_int_equal(rig.alert.violations, 20 * 502);
	assert_int_equal(violations(&rig), 20 * 502);
	rig_end(&rig);
}

/* A tick has counted it before its record comes. */
static void late_record(void **state)
{
	struct lapse_span span;
	struct rig rig;
	struct rig_component *c = begin(&rig);

	(void)state;
	span = rig_span(&rig, 0, 1, rig.now_ns + SEC / 2, 40 * MS);
	rig_ended(c, 40 * MS, false);
	rig_tick(&rig);
	monitor_span(rig.monitor, &span);
	rig_ticks(&rig, 2);
	assert_int_equal(violations(&rig), 1);
	assert_int_equal(rig.n_violations, 1);
	assert_int_equal(rig.n_alerts, 1);
	rig_end(&rig);
}

/* In whatever order its record and its count come, and whenever it ended: told once, and none held back. */
static void record_and_count_in_any_order(void **state)
{
	const uint64_t ends[] = {SEC / 2, SEC, SEC + MS};

	(void)state;
	for (int record_first = 0; record_first < 2; record_first++)
		for (size_t i = 0; i < sizeof(ends) / sizeof(*ends); i++) {
			struct rig rig;
			struct rig_component *c = begin(&rig);
			struct lapse_span span =
				rig_span(&rig, 0, 1, rig.now_ns + ends[i] - 40 * MS, 40 * MS);

			rig_ended(c, 40 * MS, false);
			if (record_first)
				monitor_span(rig.monitor, &span);
			rig_tick(&rig);
			if (!record_first)
				monitor_span(rig.monitor, &span);
			/* The next is told at once all the same. */
			rig_breach(&rig, 0, 40 * MS);
			assert_int_equal(rig.n_violations, 2);
			rig_ticks(&rig, 40);
			assert_int_equal(violations(&rig), 2);
			assert_int_equal(rig.n_violations, 2);
			assert_int_equal(rig.n_alerts, 2);
			assert_int_equal(rig.alert.event, ALERT_EVENT_RESOLVED);
			assert_int_equal(rig.alert.violations, 2);
			assert_int_equal(rig.alert.held_back, 1);
			rig_end(&rig);
		}
}

/* What was held back in flight and is announced in the end is not among those held back. */
static void held_back_then_announced(void **state)
{
	struct rig rig;
	struct rig_component *c = begin(&rig);
	uint64_t start;
	struct lapse_span span;

	(void)state;
	rig_breach(&rig, 0, 40 * MS);
	rig_tick(&rig);
	start = rig.now_ns;
	rig_open(&rig, 0, 5, start, 40 * MS);
	rig_tick(&rig);
	rig_breach(&rig, 0, 40 * MS);
	assert_int_equal(rig.n_alerts, 1);
	rig.n_open = 0;
	span = rig_span(&rig, 0, 5, start, 2 * SEC);
	rig_ended(c, 2 * SEC, false);
	monitor_span(rig.monitor, &span);
	assert_int_equal(rig.n_alerts, 2);
	assert_int_equal(rig.alert.event, ALERT_EVENT_ESCALATED);
	assert_int_equal(rig.alert.violations, 3);
	assert_int_equal(rig.alert.held_back, 1);
	rig_end(&rig);
}

static void notices_raise_no_alert(void **state)
{
	struct objective o = {.kind = OBJ_MAX_LATENCY, .limit = LIMIT};
	struct contract contract = rig_contract(&o, 1);
	struct rig rig;

	(void)state;
	contract.thresholds.warning_multiplier = 1.5;
	rig_begin(&rig);
	rig_add(&rig, &contract, window_spec_default());
	rig_breach(&rig, 0, 40 * MS);
	rig_tick(&rig);
	assert_int_equal(rig.n_violations, 1);
	assert_int_equal(rig.violation.severity, SEV_NOTICE);
	assert_int_equal(rig.n_alerts, 0);
	assert_int_equal(rig_shown(&rig, 0)->verdict, VERDICT_VIOLATED);
	rig_breach(&rig, 0, 46 * MS);
	assert_int_equal(rig.n_alerts, 1);
	assert_int_equal(rig.alert.violations, 1);
	rig_end(&rig);
}

static void exit_severity(void **state)
{
	struct objective o = {.kind = OBJ_MAX_LATENCY, .limit = LIMIT};
	struct contract contract = rig_contract(&o, 1);
	struct rig rig;

	(void)state;
	rig_begin_at(&rig, LAPSE_BUCKET_BITS_FINE, SEV_CRITICAL);
	rig_add(&rig, &contract, window_spec_default());
	rig_breach(&rig, 0, 40 * MS);
	rig_tick(&rig);
	assert_int_equal(violations(&rig), 1);
	assert_int_equal(rig_snapshot(&rig)->verdict, VERDICT_HELD);
	rig_ended(&rig.component[0], 70 * MS, false);
	rig_tick(&rig);
	assert_int_equal(rig_snapshot(&rig)->verdict, VERDICT_VIOLATED);
	rig_end(&rig);
}

static void approach(void **state)
{
	struct objective o = {.kind = OBJ_MAX_LATENCY, .limit = LIMIT};
	struct contract contract = rig_contract(&o, 1);
	struct rig rig;

	(void)state;
	contract.thresholds.warning_multiplier = 0.8;
	rig_begin(&rig);
	rig_add(&rig, &contract, window_spec_default());
	rig_breach(&rig, 0, 24 * MS);
	assert_int_equal(rig.n_alerts, 0);
	rig_breach(&rig, 0, 25 * MS);
	rig_tick(&rig);
	assert_int_equal(rig.n_alerts, 1);
	assert_true(rig.alert.approach);
	assert_int_equal(rig.alert.severity, SEV_WARNING);
	assert_int_equal(rig.alert.violations, 0);
	assert_int_equal(rig.n_violations, 0);
	assert_int_equal(violations(&rig), 0);
	assert_int_equal(rig_shown(&rig, 0)->verdict, VERDICT_HELD);
	rig_breach(&rig, 0, 31 * MS);
	assert_int_equal(rig.n_alerts, 2);
	assert_int_equal(rig.alert.event, ALERT_EVENT_ESCALATED);
	assert_false(rig.alert.approach);
	assert_int_equal(rig.alert.violations, 1);
	rig_end(&rig);
}

static void lost_approach_is_told(void **state)
{
	struct objective o = {.kind = OBJ_MAX_LATENCY, .limit = LIMIT};
	struct contract contract = rig_contract(&o, 1);
	struct rig rig;

	(void)state;
	contract.thresholds.warning_multiplier = 0.8;
	rig_begin(&rig);
	rig_add(&rig, &contract, window_spec_default());
	rig_ended(&rig.component[0], 26 * MS, false);
	rig_tick(&rig);
	assert_int_equal(rig.n_alerts, 1);
	assert_true(rig.alert.approach);
	assert_int_equal(violations(&rig), 0);
	rig_end(&rig);
}

static void verdict_needs_a_span(void **state)
{
	struct rig rig;

	(void)state;
	begin(&rig);
	rig_tick(&rig);
	assert_int_equal(rig_snapshot(&rig)->verdict, VERDICT_UNKNOWN);
	assert_string_equal(rig_shown(&rig, 0)->objectives[0].why_unknown, "no span seen");
	rig_ended(&rig.component[0], MS, false);
	rig_tick(&rig);
	assert_int_equal(rig_snapshot(&rig)->verdict, VERDICT_HELD);
	assert_null(rig_shown(&rig, 0)->objectives[0].why_unknown);
	rig_end(&rig);
}

static void expect_unknown(size_t field)
{
	struct rig rig;
	struct rig_component *c = begin(&rig);

	rig_ended(c, MS, false);
	rig_tick(&rig);
	*(uint64_t *)((char *)&c->counters + field) = 1;
	rig_tick(&rig);
	assert_int_equal(rig_snapshot(&rig)->verdict, VERDICT_UNKNOWN);
	assert_non_null(rig_shown(&rig, 0)->objectives[0].why_unknown);
	rig_breach(&rig, 0, 40 * MS);
	rig_tick(&rig);
	assert_int_equal(rig_snapshot(&rig)->verdict, VERDICT_VIOLATED);
	rig_end(&rig);
}

static void losses_make_it_unknown(void **state)
{
	struct rig rig;

	(void)state;
	expect_unknown(offsetof(struct tick_counters, too_deep));
	expect_unknown(offsetof(struct tick_counters, maps_full));
	expect_unknown(offsetof(struct tick_counters, stray));
	begin(&rig);
	rig_ended(&rig.component[0], MS, false);
	rig.component[0].counters.ring_dropped = 9;
	rig_tick(&rig);
	assert_int_equal(rig_snapshot(&rig)->verdict, VERDICT_HELD);
	rig.self.kernel_missed = 1;
	rig_tick(&rig);
	assert_int_equal(rig_snapshot(&rig)->verdict, VERDICT_UNKNOWN);
	rig_end(&rig);
}

static void day_counts_fade(void **state)
{
	struct rig rig;

	(void)state;
	begin(&rig);
	rig_many(&rig.component[0], 50, 40 * MS);
	rig_tick(&rig);
	assert_int_equal(rig_shown(&rig, 0)->violations_24h, 50);
	rig.now_ns += 23 * 3600 * SEC;
	rig_tick(&rig);
	assert_int_equal(rig_shown(&rig, 0)->violations_24h, 50);
	rig.now_ns += 3600 * SEC;
	rig_tick(&rig);
	assert_int_equal(rig_shown(&rig, 0)->violations_24h, 0);
	assert_int_equal(violations(&rig), 50);
	rig_end(&rig);
}

/* Of each component, whatever happens to the others; and those of a day. */
static void newest_thousand_kept(void **state)
{
	struct objective o = {.kind = OBJ_MAX_LATENCY, .limit = LIMIT};
	struct contract contract = rig_contract(&o, 1);
	const struct component_snapshot *s;
	struct rig rig;
	uint64_t i;

	(void)state;
	begin(&rig);
	rig_add(&rig, &contract, window_spec_default());
	rig_breach(&rig, 1, LIMIT + 7);
	for (i = 1; i <= 1500; i++)
		rig_breach(&rig, 0, LIMIT + i);
	rig_tick(&rig);
	s = rig_shown(&rig, 0);
	assert_int_equal(s->n_newest, 1000);
	assert_true(s->newest[0].measured == LIMIT + 501);
	assert_true(s->newest[999].measured == LIMIT + 1500);
	assert_int_equal(violations(&rig), 1500);
	assert_int_equal(rig.n_violations, 1501);
	s = rig_shown(&rig, 1);
	assert_int_equal(s->n_newest, 1);
	assert_true(s->newest[0].measured == LIMIT + 7);
	rig.now_ns += 86400 * SEC;
	rig_breach(&rig, 0, LIMIT + 9);
	rig_tick(&rig);
	assert_int_equal(rig_shown(&rig, 0)->n_newest, 1);
	assert_int_equal(rig_shown(&rig, 1)->n_newest, 0);
	rig_end(&rig);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_limit_itself_holds),
		cmocka_unit_test(severities_by_multiple),
		cmocka_unit_test(lost_records_are_counted_and_told),
		cmocka_unit_test(lost_critical_is_critical),
		cmocka_unit_test(bound_is_above_the_limit),
		cmocka_unit_test(storm),
		cmocka_unit_test(late_record),
		cmocka_unit_test(held_back_then_announced),
		cmocka_unit_test(record_and_count_in_any_order),
		cmocka_unit_test(notices_raise_no_alert),
		cmocka_unit_test(exit_severity),
		cmocka_unit_test(approach),
		cmocka_unit_test(lost_approach_is_told),
		cmocka_unit_test(verdict_needs_a_span),
		cmocka_unit_test(losses_make_it_unknown),
		cmocka_unit_test(day_counts_fade),
		cmocka_unit_test(newest_thousand_kept),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
