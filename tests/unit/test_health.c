// SPDX-License-Identifier: GPL-2.0-or-later
/* The health formula, and what of it a component shows. */
#include "rig.h"

#include "monitor/health.h"

static double of(double avg, double limit, double rate, double max_rate, uint64_t violations)
{
	struct health_input input = {.has_data = true,
				     .avg_ns = avg,
				     .max_latency_ns = limit,
				     .error_rate = rate,
				     .max_error_rate = max_rate,
				     .violations = violations};

	return health_of(&input);
}

static void formula(void **state)
{
	struct health_input nothing = {0};

	(void)state;
	assert_true(isnan(health_of(&nothing)));
	assert_near(of(NAN, NAN, NAN, NAN, 0), 100);
	assert_near(of(30, 30, 0, 0.1, 0), 100);
	assert_near(of(33, 30, 0, 0.1, 0), 90);
	assert_near(of(300, 30, 0, 0.1, 0), 50);
	assert_near(of(30, 30, 0.1, 0.1, 0), 100);
	assert_near(of(30, 30, 0.2, 0.1, 0), 80);
	assert_near(of(30, 30, 0.9, 0.1, 0), 70);
	assert_near(of(30, 30, 0.9, NAN, 0), 100);
	assert_near(of(30, 30, 0, 0.1, 3), 85);
	assert_near(of(30, 30, 0, 0.1, 99), 80);
	assert_true(of(300, 30, 0.9, 0.1, 99) == 0);
}

static void of_a_component(void **state)
{
	struct objective o = {.kind = OBJ_MAX_LATENCY, .limit = 30 * MS};
	struct rig rig;
	struct rig_component *c = rig_with(&rig, &o, 1);

	(void)state;
	rig_many(c, 2, 20 * MS);
	rig_many(c, 1, 65 * MS);
	rig_tick(&rig);
	/* The average, 35 ms, takes 16.7; one violation takes 5. */
	assert_near(rig_shown(&rig, 0)->health, 100 - 100.0 / 6 - 5);
	assert_near(rig_snapshot(&rig)->system.overall, 100 - 100.0 / 6 - 5);
	rig_ticks(&rig, 298);
	assert_near(rig_shown(&rig, 0)->health, 95);
	rig_ticks(&rig, 3);
	assert_near(rig_shown(&rig, 0)->health, 100);
	rig_end(&rig);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(formula),
		cmocka_unit_test(of_a_component),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
