// SPDX-License-Identifier: GPL-2.0-or-later
/* The objective over all components together. */
#include "rig.h"

struct bench {
	struct rig rig;
	struct objective objective;
	struct contract contract;
};

static struct rig_component *add(struct bench *b, bool outcome_unknown)
{
	struct monitor_component wanted = rig_wanted(NULL, window_spec_default());

	wanted.outcome_unknown = outcome_unknown;
	return rig_add_as(&b->rig, &wanted);
}

static void begin(struct bench *b, struct objective objective, bool promised)
{
	b->objective = objective;
	b->contract = rig_contract(&b->objective, 1);
	rig_begin_with(&b->rig, (struct monitor_options){.bucket_bits = LAPSE_BUCKET_BITS_FINE,
							 .system = &b->contract,
							 .system_promised = promised});
}

static const struct component_snapshot *whole(struct bench *b)
{
	const struct snapshot *s = rig_snapshot(&b->rig);

	return &s->components[s->n_components];
}

static void checked_every_ten_seconds(void **state)
{
	struct rig_component *a, *c;
	struct bench b;

	(void)state;
	begin(&b, objective_system_default(), false);
	a = add(&b, false);
	c = add(&b, true);
	rig_failing(a, 90, 10);
	rig_failing(c, 50, 0);
	rig_ticks(&b.rig, 9);
	assert_int_equal(b.rig.n_violations, 0);
	rig_tick(&b.rig);
	assert_int_equal(b.rig.n_violations, 1);
	assert_near(b.rig.violation.measured, 10.0 / 150);
	assert_int_equal(b.rig.violation.component, 2);
	assert_int_equal(b.rig.violation.severity, SEV_WARNING);
	assert_string_equal(rig_snapshot(&b.rig)->components[2].name, "system");
	assert_string_equal(objective_info(b.rig.alert.kind)->violation, "SYSTEM_ERROR_RATE_VIOLATION");
	assert_int_equal(rig_snapshot(&b.rig)->n_firing, 1);
	assert_int_equal(rig_snapshot(&b.rig)->verdict, VERDICT_VIOLATED);
	rig_failing(a, 0, 10);
	rig_ticks(&b.rig, 10);
	assert_int_equal(b.rig.alert.severity, SEV_CRITICAL);
	assert_int_equal(b.rig.alert.event, ALERT_EVENT_ESCALATED);
	rig_end(&b.rig);
}

/* It is over when a look has found it to hold, not because nobody has looked. */
static void not_over_between_two_looks(void **state)
{
	struct rig_component *a;
	struct bench b;

	(void)state;
	b.objective = objective_system_default();
	b.objective.over_ns = 10 * SEC;
	b.contract = rig_contract(&b.objective, 1);
	b.contract.alerts.resolve_after_ns = 2 * SEC;
	rig_begin_with(&b.rig, (struct monitor_options){.bucket_bits = LAPSE_BUCKET_BITS_FINE,
							.system = &b.contract});
	a = add(&b, false);
	for (int i = 0; i < 29; i++) {
		rig_failing(a, i < 15 ? 80 : 100, i < 15 ? 20 : 0);
		rig_tick(&b.rig);
	}
	assert_int_equal(b.rig.alert.event, ALERT_EVENT_FIRING);
	assert_int_equal(rig_snapshot(&b.rig)->n_firing, 1);
	rig_failing(a, 100, 0);
	rig_ticks(&b.rig, 2);
	assert_int_equal(b.rig.alert.event, ALERT_EVENT_RESOLVED);
	rig_end(&b.rig);
}

/* Five minutes, and then it is over. */
static void slides(void **state)
{
	struct rig_component *a;
	struct bench b;

	(void)state;
	begin(&b, objective_system_default(), false);
	a = add(&b, false);
	rig_failing(a, 80, 20);
	for (int i = 0; i < 300; i++) {
		rig_tick(&b.rig);
		rig_failing(a, 1, 0);
	}
	assert_near(whole(&b)->objectives[0].measured, 20.0 / 399);
	rig_ticks(&b.rig, 10);
	assert_true(whole(&b)->objectives[0].measured == 0);
	rig_end(&b.rig);
}

static void since_the_start(void **state)
{
	struct objective o = objective_system_default();
	struct rig_component *a;
	struct bench b;

	(void)state;
	o.over_ns = 0;
	o.since_start = true;
	begin(&b, o, true);
	a = add(&b, false);
	rig_failing(a, 80, 20);
	rig_ticks(&b.rig, 800);
	assert_near(whole(&b)->objectives[0].measured, 0.2);
	assert_int_equal(b.rig.alert.window_ns, 790 * SEC);
	rig_end(&b.rig);
}

/* What was not asked for is silent while it is not known. */
static void unknown_only_if_promised(void **state)
{
	struct bench b;

	(void)state;
	for (int promised = 0; promised < 2; promised++) {
		begin(&b, objective_system_default(), promised);
		rig_failing(add(&b, false), 19, 0);
		rig_ticks(&b.rig, 20);
		assert_int_equal(whole(&b)->objectives[0].verdict, VERDICT_UNKNOWN);
		assert_int_equal(rig_snapshot(&b.rig)->verdict, promised ? VERDICT_UNKNOWN : VERDICT_NONE);
		rig_end(&b.rig);
	}
}

static void nothing_tells_errors(void **state)
{
	struct rig_component *a;
	struct bench b;

	(void)state;
	begin(&b, objective_system_default(), false);
	a = add(&b, true);
	rig_failing(a, 0, 100);
	rig_ticks(&b.rig, 20);
	assert_int_equal(b.rig.n_violations, 0);
	assert_int_equal(whole(&b)->n_objectives, 0);
	rig_end(&b.rig);
}

static void losses_leave_it_unknown(void **state)
{
	struct rig_component *a, *c;
	struct bench b;

	(void)state;
	begin(&b, objective_system_default(), true);
	a = add(&b, false);
	c = add(&b, false);
	rig_failing(a, 94, 4);
	c->counters.too_deep = 2;
	rig_ticks(&b.rig, 10);
	assert_int_equal(b.rig.n_violations, 0);
	assert_int_equal(rig_snapshot(&b.rig)->verdict, VERDICT_UNKNOWN);
	rig_end(&b.rig);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(checked_every_ten_seconds),
		cmocka_unit_test(not_over_between_two_looks),
		cmocka_unit_test(slides),
		cmocka_unit_test(since_the_start),
		cmocka_unit_test(unknown_only_if_promised),
		cmocka_unit_test(nothing_tells_errors),
		cmocka_unit_test(losses_leave_it_unknown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
