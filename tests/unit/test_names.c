// SPDX-License-Identifier: GPL-2.0-or-later
/* Who ended the waits: the heavy ones stay, whatever else comes, and nobody is credited with more than was
 * seen. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <math.h>

#include "monitor/names.h"

static struct cause_name of_component(uint32_t component)
{
	return (struct cause_name){.by = CAUSE_COMPONENT, .component = component};
}

/* Ten spans of 100 each: @lock of it was lock, @net net. */
static struct cause_band band_of(double lock, double net)
{
	struct cause_band band = {.share = 1, .count = 10, .mean_ns = 100};

	band.part[LAPSE_LOCK] = lock;
	band.part[LAPSE_NET] = net;
	band.part[LAPSE_CAUSES] = 1 - lock - net;
	return band;
}

static void describe(const struct names *names, uint32_t from, struct cause_band *band)
{
	const struct names *lists[] = {names, NULL};

	names_describe(lists, 2, from, band);
}

static void the_longest_of_each_cause(void **state)
{
	struct cause_band band = band_of(0.6, 0.3);
	struct cause_name one = of_component(1), two = of_component(2), three = of_component(3);
	struct names names = {.n = 0};

	(void)state;
	names_add(&names, 5, LAPSE_LOCK, &one, 100);
	names_add(&names, 6, LAPSE_LOCK, &two, 250);
	names_add(&names, 7, LAPSE_LOCK, &two, 200);
	names_add(&names, 7, LAPSE_NET, &three, 300);
	describe(&names, 0, &band);
	assert_int_equal(band.n_named, 2);
	assert_int_equal(band.named[0].cause, LAPSE_LOCK);
	assert_int_equal(band.named[0].name.component, 2);
	assert_true(fabs(band.named[0].share - 450.0 / 600) < 1e-9);
	assert_int_equal(band.named[1].cause, LAPSE_NET);
	assert_true(fabs(band.named[1].share - 1) < 1e-9);
}

static void only_of_the_slow_ones(void **state)
{
	struct cause_band band = band_of(0.5, 0);
	struct cause_name one = of_component(1), two = of_component(2);
	struct names names = {.n = 0};

	(void)state;
	names_add(&names, 5, LAPSE_LOCK, &one, 10000);
	names_add(&names, 9, LAPSE_LOCK, &two, 400);
	describe(&names, 6, &band);
	assert_int_equal(band.n_named, 1);
	assert_int_equal(band.named[0].name.component, 2);
	assert_true(fabs(band.named[0].share - 0.8) < 1e-9);
	describe(&names, 10, &band);
	assert_int_equal(band.n_named, 0);
}

/* Thousands of names pass by; the one with most of the time stays, and what took its place from others claims
 * nothing that is theirs. */
static void heavy_ones_stay(void **state)
{
	struct cause_band band = band_of(0.5, 0);
	struct cause_name heavy = of_component(0);
	struct names names = {.n = 0};
	uint64_t doubtful = 0;

	(void)state;
	for (uint32_t i = 1; i <= 5000; i++) {
		struct cause_name light = of_component(i);

		names_add(&names, 3, LAPSE_LOCK, &light, 1);
		names_add(&names, 3, LAPSE_LOCK, &heavy, 2);
	}
	assert_int_equal(names.n, NAMES_MAX);
	band.mean_ns = 3000;
	describe(&names, 0, &band);
	assert_int_equal(band.named[0].name.component, 0);
	assert_true(fabs(band.named[0].share - 10000.0 / 15000) < 1e-9);
	for (size_t i = 0; i < names.n; i++) {
		assert_true(names.at[i].doubtful_ns < names.at[i].ns);
		doubtful += names.at[i].doubtful_ns;
	}
	assert_true(doubtful > 0);
}

static void what_explains_nothing_needs_no_name(void **state)
{
	struct cause_band band = band_of(0.005, 0);
	struct cause_name one = of_component(1);
	struct names names = {.n = 0};

	(void)state;
	names_add(&names, 5, LAPSE_LOCK, &one, 5);
	describe(&names, 0, &band);
	assert_int_equal(band.n_named, 0);
}

static void no_more_than_all(void **state)
{
	struct cause_band band = band_of(0.1, 0);
	struct cause_name one = of_component(1);
	struct names names = {.n = 0};

	(void)state;
	names_add(&names, 5, LAPSE_LOCK, &one, 101);
	describe(&names, 0, &band);
	assert_true(band.named[0].share == 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_longest_of_each_cause),
		cmocka_unit_test(only_of_the_slow_ones),
		cmocka_unit_test(heavy_ones_stay),
		cmocka_unit_test(what_explains_nothing_needs_no_name),
		cmocka_unit_test(no_more_than_all),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
