// SPDX-License-Identifier: GPL-2.0-or-later
/* Time lines of alerts: cooldown, escalation, resolution, what was held back, forgetting. */
#include "rig.h"

#include "monitor/alert.h"

struct bench {
	struct alert_key key;
	struct alert_gate gate;
	struct alert_policy policy;
	struct monitor_sink sink;
	size_t n;
	struct alert last;
};

static void on_alert(void *context, const struct alert *alert)
{
	struct bench *bench = context;

	bench->n++;
	bench->last = *alert;
}

static void begin(struct bench *bench)
{
	memset(bench, 0, sizeof(*bench));
	bench->policy = alert_policy_default();
	bench->sink.alert = on_alert;
	bench->sink.context = bench;
}

static void breach(struct bench *bench, uint64_t seconds, enum severity severity, uint64_t n)
{
	struct breach b = {
		.violation = {.severity = severity, .time_ns = seconds * SEC, .measured = 40, .limit = 30},
		.n = n};

	alert_breach(&bench->key, &bench->gate, &bench->policy, &b, &bench->sink);
}

static void tick(struct bench *bench, uint64_t seconds)
{
	alert_tick(&bench->key, &bench->policy, seconds * SEC, &bench->sink);
}

static void expect(const struct bench *bench, size_t n, enum alert_event event, uint64_t held_back,
		   uint64_t violations)
{
	assert_int_equal(bench->n, n);
	assert_int_equal(bench->last.event, event);
	assert_int_equal(bench->last.held_back, held_back);
	assert_int_equal(bench->last.violations, violations);
}

static void cooldown(void **state)
{
	struct bench b;
	uint64_t t;

	(void)state;
	begin(&b);
	for (t = 100; t < 160; t++) {
		breach(&b, t, SEV_WARNING, 1);
		tick(&b, t);
		expect(&b, 1, ALERT_EVENT_FIRING, 0, 1);
	}
	breach(&b, 160, SEV_WARNING, 1);
	expect(&b, 2, ALERT_EVENT_FIRING, 59, 61);
	breach(&b, 165, SEV_WARNING, 5);
	tick(&b, 194);
	assert_int_equal(b.n, 2);
	tick(&b, 195);
	expect(&b, 3, ALERT_EVENT_RESOLVED, 5, 66);
	assert_int_equal(b.last.since_ns, 100 * SEC);
	assert_int_equal(b.last.time_ns, 195 * SEC);
	tick(&b, 300);
	assert_int_equal(b.n, 3);
}

static void escalation_breaks_through(void **state)
{
	struct bench b;

	(void)state;
	begin(&b);
	breach(&b, 100, SEV_WARNING, 1);
	breach(&b, 101, SEV_WARNING, 1);
	breach(&b, 102, SEV_CRITICAL, 1);
	expect(&b, 2, ALERT_EVENT_ESCALATED, 1, 3);
	assert_int_equal(b.last.severity, SEV_CRITICAL);
	breach(&b, 103, SEV_CRITICAL, 1);
	breach(&b, 104, SEV_WARNING, 1);
	assert_int_equal(b.n, 2);
	/* The escalation began a cooldown of its own. */
	breach(&b, 161, SEV_WARNING, 1);
	assert_int_equal(b.n, 2);
	breach(&b, 162, SEV_WARNING, 1);
	expect(&b, 3, ALERT_EVENT_FIRING, 3, 7);
}

static void flapping_is_held_back(void **state)
{
	struct bench b;

	(void)state;
	begin(&b);
	breach(&b, 100, SEV_WARNING, 1);
	tick(&b, 130);
	expect(&b, 2, ALERT_EVENT_RESOLVED, 0, 1);
	breach(&b, 140, SEV_WARNING, 2);
	assert_int_equal(b.n, 2);
	assert_int_equal(b.key.state, ALERT_FIRING);
	breach(&b, 160, SEV_WARNING, 1);
	expect(&b, 3, ALERT_EVENT_FIRING, 2, 3);
	assert_int_equal(b.last.since_ns, 140 * SEC);
	tick(&b, 190);
	expect(&b, 4, ALERT_EVENT_RESOLVED, 0, 3);
	breach(&b, 200, SEV_CRITICAL, 1);
	expect(&b, 5, ALERT_EVENT_FIRING, 0, 1);
}

static void near(struct bench *bench, uint64_t seconds)
{
	struct breach b = {
		.violation = {.severity = SEV_WARNING, .time_ns = seconds * SEC, .measured = 25, .limit = 30},
		.approach = true};

	alert_breach(&bench->key, &bench->gate, &bench->policy, &b, &bench->sink);
}

/* Told again once a cooldown, with nothing counted, and resolved like others. */
static void approach_is_told_again(void **state)
{
	struct bench b;
	uint64_t t;

	(void)state;
	begin(&b);
	for (t = 100; t < 240; t++) {
		near(&b, t);
		tick(&b, t);
		expect(&b, 1 + (t - 100) / 60, ALERT_EVENT_FIRING, 0, 0);
		assert_true(b.last.approach);
	}
	tick(&b, 268);
	assert_int_equal(b.n, 3);
	tick(&b, 269);
	expect(&b, 4, ALERT_EVENT_RESOLVED, 0, 0);
	tick(&b, 400);
	assert_int_equal(b.n, 4);
}

/* After a breach it is less than what was announced, and waits for the cooldown's end; a breach after it is
 * more. */
static void approach_beside_breaches(void **state)
{
	struct bench b;
	uint64_t t;

	(void)state;
	begin(&b);
	breach(&b, 100, SEV_CRITICAL, 1);
	for (t = 101; t < 160; t++)
		near(&b, t);
	assert_int_equal(b.n, 1);
	near(&b, 160);
	expect(&b, 2, ALERT_EVENT_FIRING, 0, 1);
	assert_true(b.last.approach);
	assert_int_equal(b.last.severity, SEV_WARNING);
	breach(&b, 161, SEV_WARNING, 1);
	expect(&b, 3, ALERT_EVENT_ESCALATED, 0, 2);
	assert_false(b.last.approach);
}

/* Nobody heard of its beginning, and nothing was violated. */
static void approach_that_was_held_back(void **state)
{
	struct bench b;

	(void)state;
	begin(&b);
	breach(&b, 100, SEV_WARNING, 1);
	tick(&b, 130);
	assert_int_equal(b.n, 2);
	near(&b, 140);
	assert_int_equal(b.key.state, ALERT_FIRING);
	tick(&b, 170);
	assert_int_equal(b.key.state, ALERT_RESOLVED);
	assert_int_equal(b.n, 2);
	near(&b, 180);
	expect(&b, 3, ALERT_EVENT_FIRING, 0, 0);
}

static void forgotten_after_a_day(void **state)
{
	struct bench b;

	(void)state;
	begin(&b);
	breach(&b, 100, SEV_CRITICAL, 1);
	tick(&b, 130);
	tick(&b, 100 + 86399);
	assert_int_equal(b.key.state, ALERT_RESOLVED);
	tick(&b, 100 + 86400);
	assert_int_equal(b.key.state, ALERT_OK);
	assert_int_equal(b.key.alert.violations, 0);
	assert_int_equal(b.n, 2);
}

static void nth_breach(void **state)
{
	struct bench b;

	(void)state;
	begin(&b);
	assert_int_equal(alert_wants(&b.key, &b.gate, 3, 10 * SEC), 0);
	breach(&b, 100, SEV_WARNING, 1);
	breach(&b, 105, SEV_WARNING, 1);
	breach(&b, 111, SEV_WARNING, 1);
	assert_int_equal(b.n, 0);
	breach(&b, 115, SEV_WARNING, 1);
	expect(&b, 1, ALERT_EVENT_FIRING, 2, 3);
	breach(&b, 116, SEV_WARNING, 1);
	tick(&b, 146);
	expect(&b, 2, ALERT_EVENT_RESOLVED, 1, 4);
	breach(&b, 180, SEV_WARNING, 1);
	assert_int_equal(b.n, 2);
	breach(&b, 181, SEV_WARNING, 9);
	expect(&b, 3, ALERT_EVENT_FIRING, 9, 10);
	alert_free(&b.key);
}

static void time_does_not_run_back(void **state)
{
	struct bench b;

	(void)state;
	begin(&b);
	breach(&b, 100, SEV_WARNING, 1);
	breach(&b, 99, SEV_CRITICAL, 1);
	expect(&b, 2, ALERT_EVENT_ESCALATED, 0, 2);
	assert_int_equal(b.last.time_ns, 100 * SEC);
	tick(&b, 129);
	assert_int_equal(b.n, 2);
}

static void ongoing_keeps_it_firing(void **state)
{
	struct bench b;
	uint64_t t;

	(void)state;
	begin(&b);
	breach(&b, 100, SEV_WARNING, 1);
	for (t = 101; t < 300; t++) {
		alert_ongoing(&b.key, t * SEC);
		tick(&b, t);
	}
	assert_int_equal(b.n, 1);
	tick(&b, 329);
	expect(&b, 2, ALERT_EVENT_RESOLVED, 0, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(cooldown),
		cmocka_unit_test(escalation_breaks_through),
		cmocka_unit_test(flapping_is_held_back),
		cmocka_unit_test(approach_is_told_again),
		cmocka_unit_test(approach_beside_breaches),
		cmocka_unit_test(approach_that_was_held_back),
		cmocka_unit_test(forgotten_after_a_day),
		cmocka_unit_test(nth_breach),
		cmocka_unit_test(time_does_not_run_back),
		cmocka_unit_test(ongoing_keeps_it_firing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
