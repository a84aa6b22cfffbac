// SPDX-License-Identifier: GPL-2.0-or-later
/* Uptimes, second by second, and what processes have in memory. */
#include "rig.h"

static struct rig_component *begin(struct rig *rig, double limit, uint64_t over_ns)
{
	struct objective o[] = {{.kind = OBJ_MIN_UPTIME, .limit = limit, .over_ns = over_ns},
				{.kind = OBJ_MAX_LATENCY, .limit = 30 * MS}};

	return rig_with(rig, o, 2);
}

static void up(struct rig *rig, size_t n)
{
	while (n--) {
		rig_many(&rig->component[0], 1, MS);
		rig_tick(rig);
	}
}

static void down(struct rig *rig, size_t n)
{
	rig->component[0].idle = true;
	rig_ticks(rig, n);
	rig->component[0].idle = false;
}

static double measured(struct rig *rig)
{
	return rig_state(rig, 0, 0)->measured;
}

/* Ten seconds are judged, and then each one more. */
static void what_up_is(void **state)
{
	struct rig rig;
	struct rig_component *c = begin(&rig, 0.9, 100 * SEC);

	(void)state;
	up(&rig, 9);
	assert_int_equal(rig_state(&rig, 0, 0)->verdict, VERDICT_UNKNOWN);
	assert_string_equal(rig_state(&rig, 0, 0)->why_unknown, "not observed for long enough");
	up(&rig, 1);
	assert_int_equal(rig_state(&rig, 0, 0)->verdict, VERDICT_HELD);
	assert_near(measured(&rig), 1);
	/* Nothing ended, and nothing hangs. */
	rig_ticks(&rig, 10);
	assert_near(measured(&rig), 1);
	/* One of many has succeeded. */
	rig_failing(c, 1, 50);
	rig_tick(&rig);
	assert_near(measured(&rig), 1);
	/* None has. */
	rig_failing(c, 0, 1);
	rig_tick(&rig);
	assert_near(measured(&rig), 21.0 / 22);
	/* In flight, but within the critical latency; and beyond it. */
	rig_open(&rig, 0, 9, rig.now_ns, 60 * MS);
	rig_tick(&rig);
	assert_near(measured(&rig), 22.0 / 23);
	rig_open(&rig, 0, 9, rig.open[0].start_ns, 60 * MS + 1);
	rig_tick(&rig);
	assert_near(measured(&rig), 22.0 / 24);
	/* What hangs is no matter where others succeed. */
	up(&rig, 1);
	assert_near(measured(&rig), 23.0 / 25);
	rig.n_open = 0;
	/* Where no process runs, none is needed to hang. */
	down(&rig, 1);
	assert_near(measured(&rig), 23.0 / 26);
	assert_near(rig_snapshot(&rig)->system.uptime, 23.0 / 26);
	rig_end(&rig);
}

/* How the process ended is not held against the second in which it did, but against those after it. */
static void the_end_of_the_process(void **state)
{
	struct rig rig;
	struct rig_component *c = begin(&rig, 0.5, 100 * SEC);

	(void)state;
	up(&rig, 1);
	c->idle = c->ended = true;
	rig_many(c, 1, MS);
	rig_tick(&rig);
	assert_near(measured(&rig), 1);
	c->ended = false;
	rig_tick(&rig);
	assert_near(measured(&rig), 2.0 / 3);
	rig_tick(&rig);
	assert_near(measured(&rig), 2.0 / 4);
	/* Begun and ended between two ticks. */
	rig_many(c, 1, MS);
	rig_tick(&rig);
	assert_near(measured(&rig), 3.0 / 5);
	c->ended = true;
	rig_tick(&rig);
	assert_near(measured(&rig), 4.0 / 6);
	rig_failing(c, 0, 1);
	rig_tick(&rig);
	assert_near(measured(&rig), 4.0 / 7);
	rig_end(&rig);
}

/* The last two figures come within a second that ran whole. */
static void the_end_of_the_run(void **state)
{
	struct rig rig;
	struct rig_component *c = begin(&rig, 0.5, 100 * SEC);

	(void)state;
	up(&rig, 2);
	c->idle = c->ended = true;
	rig_tick_after(&rig, SEC / 10);
	c->ended = false;
	rig_tick_after(&rig, 0);
	assert_near(measured(&rig), 1);
	assert_near(rig_snapshot(&rig)->system.uptime, 1);
	rig_end(&rig);
}

/* 99.9 % wants a thousand seconds; two lost ones are more than it allows of them, from the beginning. */
static void breached_beyond_recovery(void **state)
{
	struct rig rig;

	(void)state;
	begin(&rig, 0.999, 0);
	up(&rig, 10);
	down(&rig, 1);
	assert_int_equal(rig_state(&rig, 0, 0)->verdict, VERDICT_UNKNOWN);
	assert_int_equal(rig.n_violations, 0);
	down(&rig, 1);
	assert_int_equal(rig_state(&rig, 0, 0)->verdict, VERDICT_VIOLATED);
	assert_near(measured(&rig), 0.998);
	/* As severe as it would be in the thousandth second. */
	assert_int_equal(rig.alert.severity, SEV_WARNING);
	assert_string_equal(objective_info(rig.alert.kind)->violation, "UPTIME_VIOLATION");
	down(&rig, 9);
	assert_int_equal(rig.alert.severity, SEV_CRITICAL);
	assert_near(measured(&rig), 0.989);
	rig_end(&rig);
}

/* An hour, and then it is forgotten. */
static void the_window_slides(void **state)
{
	struct rig rig;

	(void)state;
	begin(&rig, 0.9, 20 * SEC);
	up(&rig, 20);
	down(&rig, 2);
	assert_near(measured(&rig), 0.9);
	assert_int_equal(rig.n_violations, 0);
	down(&rig, 1);
	assert_near(measured(&rig), 0.85);
	assert_int_equal(rig.n_violations, 1);
	assert_int_equal(rig.alert.window_ns, 20 * SEC);
	up(&rig, 17);
	assert_near(measured(&rig), 0.85);
	up(&rig, 3);
	assert_near(measured(&rig), 1);
	rig_end(&rig);
}

/* A limit that a window of so few seconds cannot show is decided when that is full. */
static void a_full_window_decides(void **state)
{
	struct rig rig;

	(void)state;
	begin(&rig, 0.999, 20 * SEC);
	up(&rig, 19);
	assert_int_equal(rig_state(&rig, 0, 0)->verdict, VERDICT_UNKNOWN);
	up(&rig, 1);
	assert_int_equal(rig_state(&rig, 0, 0)->verdict, VERDICT_HELD);
	down(&rig, 1);
	assert_int_equal(rig_state(&rig, 0, 0)->verdict, VERDICT_VIOLATED);
	rig_end(&rig);
}

/* Below 99.5 % there is a warning, though 95 % are promised. */
static void approach(void **state)
{
	struct rig rig;

	(void)state;
	begin(&rig, 0.95, 100 * SEC);
	up(&rig, 100);
	down(&rig, 1);
	assert_int_equal(rig.n_alerts, 1);
	assert_true(rig.alert.approach);
	assert_int_equal(rig.alert.severity, SEV_WARNING);
	assert_int_equal(rig.n_violations, 0);
	assert_int_equal(rig_state(&rig, 0, 0)->verdict, VERDICT_HELD);
	down(&rig, 5);
	assert_int_equal(rig.n_violations, 1);
	assert_false(rig.alert.approach);
	assert_int_equal(rig.alert.severity, SEV_CRITICAL);
	rig_end(&rig);
}

/* A tick of five seconds is five seconds; one that is made longer is judged anew. */
static void late_and_short_ticks(void **state)
{
	struct rig rig;
	struct rig_component *c = begin(&rig, 0.5, 100 * SEC);

	(void)state;
	up(&rig, 5);
	c->idle = true;
	rig_tick_after(&rig, 5 * SEC);
	c->idle = false;
	assert_near(measured(&rig), 0.5);
	rig_failing(c, 0, 1);
	rig_tick(&rig);
	assert_near(measured(&rig), 5.0 / 11);
	rig_failing(c, 1, 0);
	rig_tick_after(&rig, SEC / 10);
	assert_near(measured(&rig), 6.0 / 11);
	/* Longer than all that is kept. */
	c->idle = true;
	rig_tick_after(&rig, 500 * SEC);
	assert_near(measured(&rig), 0);
	rig_end(&rig);
}

/* Spans that were missed may have succeeded, or failed. */
static void losses(void **state)
{
	struct rig rig;
	struct rig_component *c = begin(&rig, 0.9, 100 * SEC);

	(void)state;
	up(&rig, 18);
	down(&rig, 2);
	assert_int_equal(rig_state(&rig, 0, 0)->verdict, VERDICT_HELD);
	rig_failing(c, 0, 1);
	c->counters.too_deep++;
	c->counters.entries++;
	rig_tick(&rig);
	assert_int_equal(rig_state(&rig, 0, 0)->verdict, VERDICT_UNKNOWN);
	assert_string_equal(rig_state(&rig, 0, 0)->why_unknown, "lost spans could have turned it");
	assert_int_equal(rig.n_violations, 0);
	rig_end(&rig);
}

/* ---- memory ----------------------------------------------------------------------------------------- */

static void memory(void **state)
{
	struct objective o = {.kind = OBJ_MAX_MEMORY, .limit = 100e6};
	struct rig rig;
	struct rig_component *c = rig_with(&rig, &o, 1);

	(void)state;
	rig_tick(&rig);
	assert_int_equal(rig_state(&rig, 0, 0)->verdict, VERDICT_UNKNOWN);
	assert_string_equal(rig_state(&rig, 0, 0)->why_unknown,
			    "nothing tells what its processes have in memory");
	c->resident = 100000000;
	rig_tick(&rig);
	assert_int_equal(rig_state(&rig, 0, 0)->verdict, VERDICT_HELD);
	c->resident++;
	rig_tick(&rig);
	assert_int_equal(rig.n_alerts, 1);
	assert_int_equal(rig.alert.severity, SEV_WARNING);
	assert_string_equal(objective_info(rig.alert.kind)->violation, "MEMORY_VIOLATION");
	c->resident = 200000001;
	rig_tick(&rig);
	assert_int_equal(rig.alert.event, ALERT_EVENT_ESCALATED);
	rig_end(&rig);
}

/* What the program tells of it takes the place of what the kernel does, once it has. */
static void memory_as_captured(void **state)
{
	struct objective o = {.kind = OBJ_MAX_MEMORY, .limit = 100e6};
	struct contract contract = rig_contract(&o, 1);
	struct rig rig;
	struct monitor_component wanted = rig_wanted(&contract, window_spec_default());
	struct rig_component *c;

	(void)state;
	rig_begin(&rig);
	wanted.value_name[1] = "memory";
	c = rig_add_as(&rig, &wanted);
	c->resident = 300000000;
	rig_tick(&rig);
	assert_int_equal(rig.n_violations, 0);
	rig_value(c, 1, 99000000);
	rig_tick(&rig);
	assert_int_equal(rig_state(&rig, 0, 0)->verdict, VERDICT_HELD);
	rig_value(c, 1, 101000000);
	rig_tick(&rig);
	assert_int_equal(rig.n_violations, 1);
	assert_near(rig.violation.measured, 101e6);
	rig_end(&rig);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_up_is),
		cmocka_unit_test(the_end_of_the_process),
		cmocka_unit_test(the_end_of_the_run),
		cmocka_unit_test(breached_beyond_recovery),
		cmocka_unit_test(the_window_slides),
		cmocka_unit_test(a_full_window_decides),
		cmocka_unit_test(approach),
		cmocka_unit_test(late_and_short_ticks),
		cmocka_unit_test(losses),
		cmocka_unit_test(memory),
		cmocka_unit_test(memory_as_captured),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
