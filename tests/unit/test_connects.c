// SPDX-License-Identifier: GPL-2.0-or-later
/* Throughput, and the connections that a component opens: their time, their reuse, their failures. */
#include "rig.h"

/* ---- throughput --------------------------------------------------------------------------------- */

/* 1000 a minute, over one. */
static void throughput_at_the_limit(void **state)
{
	struct objective_input input = {.count = 1000, .covered_ns = 60 * SEC, .full = true};

	(void)state;
	assert_int_equal(rig_judged(OBJ_MIN_THROUGHPUT, 1000 / 60.0, input), JUDGED_HELD);
	input.count = 999;
	assert_int_equal(rig_judged(OBJ_MIN_THROUGHPUT, 1000 / 60.0, input), JUDGED_BREACHED);
	input.lost = 1;
	assert_int_equal(rig_judged(OBJ_MIN_THROUGHPUT, 1000 / 60.0, input), JUDGED_UNSURE);
	input.full = false;
	assert_int_equal(rig_judged(OBJ_MIN_THROUGHPUT, 1000 / 60.0, input), JUDGED_TOO_FEW);
	input = (struct objective_input){.covered_ns = 60 * SEC, .full = true};
	assert_int_equal(rig_judged(OBJ_MIN_THROUGHPUT, 1000 / 60.0, input), JUDGED_BREACHED);
}

static void throughput_severities(void **state)
{
	struct thresholds t = thresholds_default();
	struct objective o = {.kind = OBJ_MIN_THROUGHPUT, .limit = 100};

	(void)state;
	assert_int_equal(severity_of(&o, &t, 50), SEV_WARNING);
	assert_int_equal(severity_of(&o, &t, 49.9), SEV_CRITICAL);
	assert_int_equal(severity_of(&o, &t, 0), SEV_CRITICAL);
	assert_int_equal(objective_samples_needed(&o), 0);
}

/* Nothing is said before a whole period has been seen, and then each second. */
static void throughput_over_ten_seconds(void **state)
{
	struct objective o = {.kind = OBJ_MIN_THROUGHPUT, .limit = 10, .over_ns = 10 * SEC};
	struct rig rig;
	struct rig_component *c = rig_with(&rig, &o, 1);

	(void)state;
	for (int i = 0; i < 9; i++) {
		rig_failing(c, 10, 0);
		rig_tick(&rig);
		assert_int_equal(rig_state(&rig, 0, 0)->verdict, VERDICT_UNKNOWN);
	}
	assert_non_null(strstr(rig_state(&rig, 0, 0)->why_unknown, "whole period"));
	rig_failing(c, 10, 0);
	rig_tick(&rig);
	assert_int_equal(rig_state(&rig, 0, 0)->verdict, VERDICT_HELD);
	assert_near(rig_state(&rig, 0, 0)->measured, 10);
	rig_failing(c, 9, 0);
	rig_tick(&rig);
	assert_int_equal(rig_state(&rig, 0, 0)->verdict, VERDICT_VIOLATED);
	assert_near(rig.violation.measured, 9.9);
	assert_int_equal(rig.violation.severity, SEV_WARNING);
	assert_int_equal(rig.alert.window_ns, 10 * SEC);
	assert_string_equal(objective_info(rig.alert.kind)->violation, "THROUGHPUT_VIOLATION");
	rig_ticks(&rig, 5);
	assert_int_equal(rig.alert.event, ALERT_EVENT_ESCALATED);
	rig_end(&rig);
}

/* A component without a single span has no throughput at all: that is known. */
static void throughput_of_nothing(void **state)
{
	struct objective o = {.kind = OBJ_MIN_THROUGHPUT, .limit = 1};
	struct rig rig;

	(void)state;
	rig_with(&rig, &o, 1);
	rig_ticks(&rig, 59);
	assert_int_equal(rig_state(&rig, 0, 0)->verdict, VERDICT_UNKNOWN);
	assert_int_equal(rig.n_violations, 0);
	rig_tick(&rig);
	assert_int_equal(rig_state(&rig, 0, 0)->verdict, VERDICT_VIOLATED);
	assert_int_equal(rig.violation.severity, SEV_CRITICAL);
	assert_int_equal(rig.alert.window_ns, 60 * SEC);
	rig_end(&rig);
}

/* While nothing of it runs, and for a period after, there is no verdict. */
static void throughput_of_what_does_not_run(void **state)
{
	struct objective o = {.kind = OBJ_MIN_THROUGHPUT, .limit = 10, .over_ns = 5 * SEC};
	struct rig rig;
	struct rig_component *c = rig_with(&rig, &o, 1);

	(void)state;
	for (int i = 0; i < 5; i++) {
		rig_failing(c, 10, 0);
		rig_tick(&rig);
	}
	assert_int_equal(rig_state(&rig, 0, 0)->verdict, VERDICT_HELD);
	c->idle = true;
	rig_ticks(&rig, 20);
	c->idle = false;
	rig_ticks(&rig, 4);
	assert_int_equal(rig.n_violations, 0);
	rig_tick(&rig);
	assert_int_equal(rig.n_violations, 1);
	rig_end(&rig);
}

/* Tracing begins shortly before the first tick's end, when hardly a call can have ended yet. */
static void throughput_of_a_short_beginning(void **state)
{
	struct objective o = {.kind = OBJ_MIN_THROUGHPUT, .limit = 10, .over_ns = SEC};
	struct rig rig;
	struct rig_component *c = rig_with(&rig, &o, 1);

	(void)state;
	rig_tick_after(&rig, 27 * MS);
	assert_int_equal(rig_state(&rig, 0, 0)->verdict, VERDICT_UNKNOWN);
	rig_failing(c, 10, 0);
	rig_tick(&rig);
	assert_int_equal(rig_state(&rig, 0, 0)->verdict, VERDICT_HELD);
	assert_near(rig_state(&rig, 0, 0)->measured, 10);
	rig_end(&rig);
}

/* A window of more than a minute takes its place; a count window does not. */
static void throughput_over_the_window(void **state)
{
	struct objective o = {.kind = OBJ_MIN_THROUGHPUT, .limit = 1};
	struct contract contract = rig_contract(&o, 1);
	struct window_spec window = {.duration_ns = 90 * SEC, .max_ns = 600 * SEC};
	struct rig rig;

	(void)state;
	rig_begin(&rig);
	rig_add(&rig, &contract, window);
	window = window_spec_default();
	window.last = 100;
	rig_add(&rig, &contract, window);
	rig_ticks(&rig, 60);
	assert_int_equal(rig_state(&rig, 0, 0)->verdict, VERDICT_UNKNOWN);
	assert_int_equal(rig_state(&rig, 1, 0)->verdict, VERDICT_VIOLATED);
	rig_ticks(&rig, 30);
	assert_int_equal(rig_state(&rig, 0, 0)->verdict, VERDICT_VIOLATED);
	rig_end(&rig);
}

/* Spans that nothing tells failed are spans all the same. */
static void throughput_without_outcomes(void **state)
{
	struct objective o = {.kind = OBJ_MIN_THROUGHPUT, .limit = 10, .over_ns = SEC};
	struct contract contract = rig_contract(&o, 1);
	struct monitor_component wanted = rig_wanted(&contract, window_spec_default());
	struct rig rig;

	(void)state;
	rig_begin(&rig);
	wanted.outcome_unknown = true;
	rig_failing(rig_add_as(&rig, &wanted), 10, 0);
	rig_tick(&rig);
	assert_int_equal(rig_state(&rig, 0, 0)->verdict, VERDICT_HELD);
	rig_end(&rig);
}

/* ---- reuse -------------------------------------------------------------------------------------- */

/* 80 % of a hundred: at most 20 connections. */
static void pool_at_the_limit(void **state)
{
	struct objective_input input = {.count = 100, .opened = 20, .connections_seen = true};

	(void)state;
	assert_int_equal(rig_judged(OBJ_MIN_POOL_EFFICIENCY, 0.8, input), JUDGED_HELD);
	input.not_opened = 50;
	assert_int_equal(rig_judged(OBJ_MIN_POOL_EFFICIENCY, 0.8, input), JUDGED_HELD);
	input.opening_lost = 1;
	assert_int_equal(rig_judged(OBJ_MIN_POOL_EFFICIENCY, 0.8, input), JUDGED_UNSURE);
	input = (struct objective_input){.count = 100, .opened = 21, .connections_seen = true};
	assert_int_equal(rig_judged(OBJ_MIN_POOL_EFFICIENCY, 0.8, input), JUDGED_BREACHED);
	input.lost = 10;
	assert_int_equal(rig_judged(OBJ_MIN_POOL_EFFICIENCY, 0.8, input), JUDGED_UNSURE);
	input = (struct objective_input){.count = 19, .connections_seen = true};
	assert_int_equal(rig_judged(OBJ_MIN_POOL_EFFICIENCY, 0.8, input), JUDGED_TOO_FEW);
	input = (struct objective_input){.opened = 50, .connections_seen = true};
	assert_int_equal(rig_judged(OBJ_MIN_POOL_EFFICIENCY, 0.8, input), JUDGED_TOO_FEW);
	/* More connections than spans: none was used twice. */
	input = (struct objective_input){.count = 20, .opened = 30, .connections_seen = true};
	assert_int_equal(rig_judged(OBJ_MIN_POOL_EFFICIENCY, 0.01, input), JUDGED_BREACHED);
	/* All are reused, or none was ever seen. */
	input = (struct objective_input){.count = 100, .connections_seen = true};
	assert_int_equal(rig_judged(OBJ_MIN_POOL_EFFICIENCY, 0.8, input), JUDGED_HELD);
	input.connections_seen = false;
	assert_int_equal(rig_judged(OBJ_MIN_POOL_EFFICIENCY, 0.8, input), JUDGED_TOO_FEW);
}

/* No new connection: held where the probe knows such that stood before, or a failed attempt; else unknown. */
static void pool_without_connections(void **state)
{
	struct objective o = {.kind = OBJ_MIN_POOL_EFFICIENCY, .limit = 0.8};
	struct contract contract = rig_contract(&o, 1);
	struct monitor_component wanted = rig_wanted(&contract, window_spec_default());
	struct rig_component *c[3];
	struct rig rig;

	(void)state;
	wanted.connects = true;
	rig_begin(&rig);
	for (int i = 0; i < 3; i++) {
		c[i] = rig_add_as(&rig, &wanted);
		rig_failing(c[i], 100, 0);
	}
	c[1]->connects.before = 1;
	rig_connects(c[2], 1, MS, true);
	rig_tick(&rig);
	assert_int_equal(rig_state(&rig, 0, 0)->verdict, VERDICT_UNKNOWN);
	assert_non_null(strstr(rig_state(&rig, 0, 0)->why_unknown, "no connection seen"));
	assert_true(rig_shown(&rig, 0)->connects_unseen);
	for (int i = 1; i < 3; i++) {
		assert_int_equal(rig_state(&rig, i, 0)->verdict, VERDICT_HELD);
		assert_true(rig_state(&rig, i, 0)->measured == 1);
		assert_false(rig_shown(&rig, i)->connects_unseen);
	}
	rig_end(&rig);
}

static void pool_slides(void **state)
{
	struct objective o = {.kind = OBJ_MIN_POOL_EFFICIENCY, .limit = 0.8};
	struct rig rig;
	struct rig_component *c = rig_with(&rig, &o, 1);

	(void)state;
	rig_failing(c, 100, 0);
	rig_connects(c, 20, MS, false);
	rig_tick(&rig);
	assert_int_equal(rig_state(&rig, 0, 0)->verdict, VERDICT_HELD);
	assert_near(rig_state(&rig, 0, 0)->measured, 0.8);
	rig_failing(c, 20, 0);
	rig_connects(c, 40, MS, false);
	rig_tick(&rig);
	assert_int_equal(rig_state(&rig, 0, 0)->verdict, VERDICT_VIOLATED);
	assert_near(rig.violation.measured, 0.5);
	assert_int_equal(rig.violation.severity, SEV_WARNING);
	assert_string_equal(objective_info(rig.alert.kind)->violation, "POOL_EFFICIENCY_VIOLATION");
	/* Both ticks have left after ten more, one by one. */
	rig_ticks(&rig, 9);
	assert_true(rig_state(&rig, 0, 0)->measured == 0);
	assert_int_equal(rig.alert.severity, SEV_CRITICAL);
	rig_failing(c, 50, 0);
	rig_ticks(&rig, 2);
	assert_true(rig_state(&rig, 0, 0)->measured == 1);
	rig_end(&rig);
}

/* With a count window, over the ticks that hold its spans. */
static void pool_of_the_newest(void **state)
{
	struct objective o = {.kind = OBJ_MIN_POOL_EFFICIENCY, .limit = 0.8};
	struct contract contract = rig_contract(&o, 1);
	struct window_spec window = window_spec_default();
	struct rig_component *c;
	struct rig rig;

	(void)state;
	window.last = 100;
	rig_begin(&rig);
	c = rig_add(&rig, &contract, window);
	rig_failing(c, 60, 0);
	rig_connects(c, 30, MS, false);
	rig_tick(&rig);
	rig_failing(c, 90, 0);
	rig_tick(&rig);
	assert_near(rig_state(&rig, 0, 0)->measured, 0.8);
	rig_failing(c, 10, 0);
	rig_tick(&rig);
	assert_true(rig_state(&rig, 0, 0)->measured == 1);
	rig_end(&rig);
}

/* ---- connection times ---------------------------------------------------------------------------- */

/* The ring brings the record of a connection of the component, by a probe with the number 9. */
static void connect_record(struct rig *rig, uint64_t ns)
{
	struct lapse_span span = rig_span(rig, 9, 33, rig->now_ns + SEC / 2 - ns, ns);

	assert_int_equal(monitor_connect(rig->monitor, 0, &span), 0);
}

static void connection_times(void **state)
{
	struct objective o[] = {{.kind = OBJ_MAX_CONNECTION_TIME, .limit = 100 * MS},
				{.kind = OBJ_MAX_LATENCY, .limit = 10 * MS}};
	struct rig rig;
	struct rig_component *c = rig_with(&rig, o, 2);

	(void)state;
	assert_int_equal(c->connect_level_ns[LAPSE_LEVEL_WARNING], 100 * MS);
	assert_int_equal(c->connect_level_ns[LAPSE_LEVEL_CRITICAL], 200 * MS);
	assert_int_equal(c->level_ns[LAPSE_LEVEL_WARNING], 10 * MS);
	rig_failing(c, 50, 0);
	rig_tick(&rig);
	assert_int_equal(rig_state(&rig, 0, 0)->verdict, VERDICT_UNKNOWN);
	assert_non_null(strstr(rig_state(&rig, 0, 0)->why_unknown, "no connection"));
	rig_connects(c, 3, 100 * MS, false);
	rig_ticks(&rig, 2);
	assert_int_equal(rig_state(&rig, 0, 0)->verdict, VERDICT_HELD);
	assert_near(rig_state(&rig, 0, 0)->worst, 100 * MS);
	rig_connects(c, 1, 150 * MS, false);
	connect_record(&rig, 150 * MS);
	assert_int_equal(rig.n_violations, 1);
	assert_int_equal(rig.violation.kind, OBJ_MAX_CONNECTION_TIME);
	assert_int_equal(rig.violation.component, 0);
	assert_int_equal(rig.violation.tid, 33);
	assert_near(rig.violation.measured, 150 * MS);
	assert_int_equal(rig.violation.severity, SEV_WARNING);
	rig_tick(&rig);
	assert_int_equal(rig_state(&rig, 0, 0)->violations, 1);
	assert_int_equal(rig_state(&rig, 0, 1)->violations, 0);
	assert_int_equal(rig_state(&rig, 0, 1)->verdict, VERDICT_HELD);
	assert_string_equal(objective_info(rig.alert.kind)->violation, "CONNECTION_TIME_VIOLATION");
	rig_end(&rig);
}

/* Counted by the kernel, though the ring lost the records; failed attempts take time too. */
static void connection_times_without_records(void **state)
{
	struct objective o = {.kind = OBJ_MAX_CONNECTION_TIME, .limit = 100 * MS};
	struct rig rig;
	struct rig_component *c = rig_with(&rig, &o, 1);

	(void)state;
	rig_connects(c, 2, 120 * MS, false);
	rig_connects(c, 1, 300 * MS, true);
	rig_tick(&rig);
	assert_int_equal(rig_state(&rig, 0, 0)->violations, 3);
	assert_int_equal(rig.violation.severity, SEV_CRITICAL);
	rig_tick(&rig);
	assert_near(rig_state(&rig, 0, 0)->worst, 300 * MS);
	assert_int_equal(rig_state(&rig, 0, 0)->violations, 3);
	rig_end(&rig);
}

static void lost_connections(void **state)
{
	struct objective o = {.kind = OBJ_MAX_CONNECTION_TIME, .limit = 100 * MS};
	struct rig rig;
	struct rig_component *c = rig_with(&rig, &o, 1);

	(void)state;
	rig_connects(c, 5, MS, false);
	c->counters.too_deep = 1;
	rig_tick(&rig);
	assert_int_equal(rig_state(&rig, 0, 0)->verdict, VERDICT_HELD);
	c->connects.lost = 1;
	rig_tick(&rig);
	assert_int_equal(rig_state(&rig, 0, 0)->verdict, VERDICT_UNKNOWN);
	rig_end(&rig);
}

static void unknown_component(void **state)
{
	struct lapse_span span = {.duration_ns = SEC};
	struct rig rig;

	(void)state;
	rig_with(&rig, NULL, 0);
	assert_int_equal(monitor_connect(rig.monitor, 0, &span), 0);
	assert_int_equal(monitor_connect(rig.monitor, 1, &span), -EINVAL);
	rig_end(&rig);
}

/* ---- failed attempts ------------------------------------------------------------------------------ */

static void failures_with_attempts(void **state)
{
	struct objective o[] = {{.kind = OBJ_MAX_FAILURE_RATE, .limit = 0.05},
				{.kind = OBJ_MAX_ERROR_RATE, .limit = 0.05}};
	struct rig rig;
	struct rig_component *c = rig_with(&rig, o, 2);

	(void)state;
	rig_failing(c, 93, 2);
	rig_connects(c, 30, MS, false);
	rig_connects(c, 3, MS, true);
	rig_tick(&rig);
	assert_near(rig_state(&rig, 0, 0)->measured, 5 / 98.0);
	assert_int_equal(rig_state(&rig, 0, 0)->verdict, VERDICT_VIOLATED);
	assert_near(rig_state(&rig, 0, 1)->measured, 2 / 95.0);
	assert_int_equal(rig_state(&rig, 0, 1)->verdict, VERDICT_HELD);
	rig_end(&rig);
}

/* Nothing gets through any more: that is seen without a single span. */
static void nothing_but_failed_attempts(void **state)
{
	struct objective o = {.kind = OBJ_MAX_FAILURE_RATE, .limit = 0.05};
	struct rig rig;
	struct rig_component *c = rig_with(&rig, &o, 1);

	(void)state;
	rig_connects(c, 20, MS, true);
	rig_tick(&rig);
	assert_int_equal(rig_state(&rig, 0, 0)->verdict, VERDICT_VIOLATED);
	assert_near(rig.violation.measured, 1);
	assert_int_equal(rig.violation.severity, SEV_CRITICAL);
	rig_end(&rig);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(throughput_at_the_limit),
		cmocka_unit_test(throughput_severities),
		cmocka_unit_test(throughput_over_ten_seconds),
		cmocka_unit_test(throughput_of_nothing),
		cmocka_unit_test(throughput_of_what_does_not_run),
		cmocka_unit_test(throughput_of_a_short_beginning),
		cmocka_unit_test(throughput_over_the_window),
		cmocka_unit_test(throughput_without_outcomes),
		cmocka_unit_test(pool_at_the_limit),
		cmocka_unit_test(pool_without_connections),
		cmocka_unit_test(pool_slides),
		cmocka_unit_test(pool_of_the_newest),
		cmocka_unit_test(connection_times),
		cmocka_unit_test(connection_times_without_records),
		cmocka_unit_test(lost_connections),
		cmocka_unit_test(unknown_component),
		cmocka_unit_test(failures_with_attempts),
		cmocka_unit_test(nothing_but_failed_attempts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
