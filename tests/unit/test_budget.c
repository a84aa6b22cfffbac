// SPDX-License-Identifier: GPL-2.0-or-later
/* How much of what probes take may stay. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "cli/budget.h"

#define NEAR 1e-6F

/* What those that stay take of the target's time without the others. */
static double share_after(double taken, double remainder)
{
	return remainder / (1 - taken + remainder);
}

static void the_rest_is_at_the_limit(void **state)
{
	const double limits[] = {0.001, 0.02, 0.05, 0.5}, takens[] = {0.06, 0.5, 0.6, 0.9};

	(void)state;
	for (size_t i = 0; i < sizeof(limits) / sizeof(*limits); i++)
		for (size_t k = 0; k < sizeof(takens) / sizeof(*takens); k++)
			assert_float_equal(share_after(takens[k], budget_remainder(takens[k], limits[i])),
					   limits[i], NEAR);
}

/* What is at its limit may stay as it is. */
static void nothing_goes_at_the_limit(void **state)
{
	(void)state;
	assert_float_equal(budget_remainder(0.05, 0.05), 0.05, NEAR);
	assert_float_equal(budget_remainder(0.5, 0.5), 0.5, NEAR);
}

/* Costs that come out as all of the time are reckoned too high; not all has to go for that. */
static void all_of_the_time(void **state)
{
	(void)state;
	assert_float_equal(budget_remainder(1, 0.5), BUDGET_OWN_LEAST, NEAR);
	assert_float_equal(budget_remainder(0.999, 0.5), BUDGET_OWN_LEAST, NEAR);
}

static void no_limit(void **state)
{
	(void)state;
	assert_true(budget_remainder(0.9, 1) > 1.000001);
	assert_true(budget_remainder(1.000001, 1) > 1.000001);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_rest_is_at_the_limit),
		cmocka_unit_test(nothing_goes_at_the_limit),
		cmocka_unit_test(all_of_the_time),
		cmocka_unit_test(no_limit),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
