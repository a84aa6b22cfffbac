// SPDX-License-Identifier: GPL-2.0-or-later
/* max_latency of spans in flight: each counts once, whether it returns, is lost, abandoned or given up. */
#include "latency.h"

static void open_span_counts_once(void **state)
{
	struct rig rig;
	struct rig_component *c = begin(&rig);
	uint64_t start = rig.now_ns;
	struct lapse_span span;

	(void)state;
	rig_open(&rig, 0, 5, start, LIMIT);
	rig_tick(&rig);
	assert_int_equal(rig.n_violations, 0);
	rig_open(&rig, 0, 5, start, LIMIT + 1);
	rig_tick(&rig);
	assert_int_equal(rig.n_violations, 1);
	assert_true(rig.violation.open && rig.alert.open);
	assert_int_equal(rig.violation.tid, 5);
	rig_ticks(&rig, 100);
	assert_int_equal(rig.n_violations, 1);
	assert_int_equal(rig.n_alerts, 1);
	assert_int_equal(violations(&rig), 1);
	assert_int_equal(rig_snapshot(&rig)->n_firing, 1);
	rig.n_open = 0;
	span = rig_span(&rig, 0, 5, start, 50 * MS);
	rig_ended(c, 50 * MS, false);
	monitor_span(rig.monitor, &span);
	assert_int_equal(violations(&rig), 1);
	rig_ticks(&rig, 3);
	assert_int_equal(violations(&rig), 1);
	assert_int_equal(rig.n_violations, 1);
	assert_int_equal(rig.n_alerts, 1);
	rig_ticks(&rig, 40);
	assert_int_equal(rig.alert.event, ALERT_EVENT_RESOLVED);
	assert_int_equal(rig.alert.violations, 1);
	rig_end(&rig);
}

static void open_span_escalates(void **state)
{
	struct rig rig;
	uint64_t start;

	(void)state;
	begin(&rig);
	start = rig.now_ns;
	rig_open(&rig, 0, 5, start, 40 * MS);
	rig_tick(&rig);
	assert_int_equal(rig.alert.severity, SEV_WARNING);
	rig_open(&rig, 0, 5, start, 2000 * MS);
	rig_tick(&rig);
	assert_int_equal(rig.n_alerts, 2);
	assert_int_equal(rig.alert.event, ALERT_EVENT_ESCALATED);
	assert_int_equal(rig.alert.severity, SEV_CRITICAL);
	assert_int_equal(rig.alert.violations, 1);
	assert_int_equal(rig.alert.held_back, 0);
	assert_int_equal(violations(&rig), 1);
	rig_end(&rig);
}

/* It returns, and its record is lost: the kernel's count alone shows it. */
static void open_then_lost(void **state)
{
	struct rig rig;
	struct rig_component *c = begin(&rig);

	(void)state;
	rig_open(&rig, 0, 5, rig.now_ns, 40 * MS);
	rig_tick(&rig);
	rig.n_open = 0;
	rig_ended(c, 50 * MS, false);
	rig_ticks(&rig, 5);
	assert_int_equal(violations(&rig), 1);
	assert_int_equal(rig.n_violations, 1);
	rig_breach(&rig, 0, 40 * MS);
	rig_tick(&rig);
	assert_int_equal(violations(&rig), 2);
	assert_int_equal(rig.n_violations, 2);
	rig_end(&rig);
}

/* It was unwound: no return will ever stand for it, and later breaches come on top. */
static void open_then_abandoned(void **state)
{
	struct rig rig;
	struct rig_component *c = begin(&rig);

	(void)state;
	c->counters.entries++;
	rig_open(&rig, 0, 5, rig.now_ns, 40 * MS);
	rig_tick(&rig);
	rig.n_open = 0;
	c->counters.abandoned++;
	rig_breach(&rig, 0, 40 * MS);
	rig_ticks(&rig, 5);
	assert_int_equal(violations(&rig), 2);
	assert_int_equal(rig.n_violations, 2);
	rig_breach(&rig, 0, 40 * MS);
	assert_int_equal(violations(&rig), 3);
	rig_end(&rig);
}

/* The same where tracing ends before it is known for sure that they do not return: the ring is empty then. */
static void abandoned_at_the_end(void **state)
{
	struct rig rig;
	struct rig_component *c = begin(&rig);

	(void)state;
	c->counters.entries += 2;
	rig_open(&rig, 0, 5, rig.now_ns, 40 * MS);
	rig_open(&rig, 0, 6, rig.now_ns, 40 * MS);
	rig_tick(&rig);
	rig.n_open = 1; /* the other one goes on to the end */
	c->counters.abandoned++;
	rig_tick(&rig);
	rig_breach(&rig, 0, 70 * MS);
	rig_tick_after(&rig, SEC / 4);
	rig_tick_after(&rig, MS);
	monitor_end(rig.monitor, "the target ended");
	assert_int_equal(rig.alert.event, ALERT_EVENT_ESCALATED);
	assert_int_equal(rig.alert.violations, 3);
	assert_int_equal(violations(&rig), 3);
	rig_end(&rig);
}

static void give_up(struct rig *rig, uint32_t tid, uint64_t start_ns, uint64_t age)
{
	struct lapse_span span = rig_span(rig, 0, tid, start_ns, age);

	span.flags = LAPSE_SPAN_TIMED_OUT | LAPSE_SPAN_BREACH;
	rig->component[0].counters.abandoned++;
	rig->component[0].counters.timed_out++;
	rig_level(rig->component[0].level_ns, rig->component[0].counters.level, age);
	assert_int_equal(monitor_span(rig->monitor, &span), 0);
}

/* A keyed span that is given up for its age violates once, whether it was seen in flight before or not. */
static void given_up(void **state)
{
	struct rig rig;
	struct rig_component *c = begin(&rig);
	uint64_t start = rig.now_ns;

	(void)state;
	c->counters.entries += 2;
	rig_open(&rig, 0, 5, start, 40 * MS);
	rig_tick(&rig);
	assert_int_equal(violations(&rig), 1);
	rig.n_open = 0;
	give_up(&rig, 5, start, SEC);
	rig_ticks(&rig, 5);
	assert_int_equal(violations(&rig), 1);
	assert_int_equal(rig.n_violations, 1);
	give_up(&rig, 6, rig.now_ns + 1, SEC - 1);
	assert_int_equal(violations(&rig), 2);
	assert_true(rig.violation.open && rig.violation.tid == 6);
	rig_ticks(&rig, 5);
	assert_int_equal(violations(&rig), 2);
	assert_int_equal(rig.n_violations, 2);
	/* Its record was lost. */
	c->counters.abandoned++;
	c->counters.timed_out++;
	rig_level(c->level_ns, c->counters.level, SEC);
	rig_ticks(&rig, 5);
	assert_int_equal(violations(&rig), 3);
	rig_end(&rig);
}

/* It ends between the readings of the spans in flight and of the counters: it is in both. */
static void open_and_counted(void **state)
{
	struct rig rig;
	struct rig_component *c = begin(&rig);
	uint64_t start = rig.now_ns;
	struct lapse_span span;

	(void)state;
	rig_open(&rig, 0, 5, start, 40 * MS);
	rig_ended(c, 40 * MS + 1, false);
	rig_tick(&rig);
	assert_int_equal(violations(&rig), 1);
	assert_int_equal(rig.n_violations, 1);
	rig.n_open = 0;
	span = rig_span(&rig, 0, 5, start, 40 * MS + 1);
	monitor_span(rig.monitor, &span);
	rig_ticks(&rig, 3);
	assert_int_equal(violations(&rig), 1);
	assert_int_equal(rig.n_violations, 1);
	rig_end(&rig);
}

/* Hanging spans beside lost records: each is one. */
static void open_beside_lost(void **state)
{
	struct rig rig;
	struct rig_component *c = begin(&rig);
	int i;

	(void)state;
	for (i = 0; i < 10; i++)
		rig_open(&rig, 0, (uint32_t)i, rig.now_ns, 40 * MS);
	rig_tick(&rig);
	rig_many(c, 7, 35 * MS);
	rig_ticks(&rig, 2);
	assert_int_equal(violations(&rig), 17);
	rig.n_open = 0;
	for (i = 0; i < 10; i++) {
		struct lapse_span span = rig_span(&rig, 0, (uint32_t)i, 1000 * SEC, 45 * MS);

		rig_ended(c, 45 * MS, false);
		monitor_span(rig.monitor, &span);
	}
	rig_ticks(&rig, 3);
	assert_int_equal(violations(&rig), 17);
	assert_int_equal(rig.n_violations, 11);
	rig_end(&rig);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(open_span_counts_once), cmocka_unit_test(open_span_escalates),
		cmocka_unit_test(open_then_lost),	 cmocka_unit_test(open_then_abandoned),
		cmocka_unit_test(abandoned_at_the_end),	 cmocka_unit_test(given_up),
		cmocka_unit_test(open_and_counted),	 cmocka_unit_test(open_beside_lost),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
