// SPDX-License-Identifier: GPL-2.0-or-later
/* Confidence intervals of percentiles, by tables and by trial. */
#include "fixture.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "bpf/buckets.h"
#include "monitor/histogram.h"
#include "report/interval.h"

/* Ranks as tables of order statistics have them. */
static void ranks(void **state)
{
	static const struct {
		uint64_t n;
		unsigned permille;
		uint64_t low, high; /* 0: there are none */
	} wanted[] = {{10, 500, 2, 9},	  {20, 500, 6, 15}, {100, 500, 40, 61},	 {5, 500, 0, 0},
		      {100, 900, 84, 96}, {367, 990, 0, 0}, {368, 990, 360, 368}};
	uint64_t low, high;

	(void)state;
	for (size_t i = 0; i < sizeof(wanted) / sizeof(*wanted); i++) {
		assert_int_equal(interval_ranks(wanted[i].n, wanted[i].permille, &low, &high),
				 wanted[i].low != 0);
		if (!wanted[i].low)
			continue;
		assert_int_equal(low, wanted[i].low);
		assert_int_equal(high, wanted[i].high);
	}
	/* Of very many it is the normal distribution's: 1.96 deviations. */
	assert_true(interval_ranks(1000000000, 500, &low, &high));
	assert_true(llabs((long long)low - (500000000 - 30990)) < 5);
	assert_true(llabs((long long)high - (500000000 + 30990)) < 5);
}

static void difference(void **state)
{
	const struct interval before = {10, 8, 13}, after = {20, 17, 22}, unknown = {10, NAN, NAN};
	struct interval d = interval_difference(&before, &after);

	(void)state;
	assert_true(fabs(d.value - 10) < 1e-9);
	assert_true(fabs(d.low - (10 - sqrt(18))) < 1e-9);
	assert_true(fabs(d.high - (10 + sqrt(8))) < 1e-9);
	d = interval_difference(&unknown, &after);
	assert_true(isnan(d.low) && isnan(d.high) && d.value == 10);
}

static void too_few(void **state)
{
	const struct histogram_row one = {1000, 1016, 1}, some = {1000, 1016, 30};
	struct interval interval = interval_of(&one, 1, 500);

	(void)state;
	assert_true(isnan(interval.value) && isnan(interval.low));
	interval = interval_of(&some, 1, 500);
	assert_true(interval.value == 1008 && interval.low == 1000 && interval.high == 1016);
	interval = interval_of(&some, 1, 990);
	assert_true(interval.value == 1008 && isnan(interval.low));
}

/* ---- by trial ---------------------------------------------------------------------------------- */

#define SAMPLES 600
#define TRIALS	400

static double uniform(uint64_t *seed)
{
	*seed = *seed * 6364136223846793005ULL + 1442695040888963407ULL;
	return ((double)(*seed >> 11) + 0.5) / (double)(1ULL << 53);
}

/* A histogram of exponential durations with this mean. */
static size_t sample(uint64_t *seed, double mean, struct histogram_row *rows)
{
	static uint64_t counts[LAPSE_BUCKETS(LAPSE_BUCKET_BITS_FINE)];
	size_t n = 0;

	memset(counts, 0, sizeof(counts));
	for (int i = 0; i < SAMPLES; i++)
		counts[lapse_bucket((uint64_t)(-log(uniform(seed)) * mean), LAPSE_BUCKET_BITS_FINE)]++;
	for (uint32_t i = 0; i < LAPSE_BUCKETS(LAPSE_BUCKET_BITS_FINE); i++)
		if (counts[i])
			rows[n++] = (struct histogram_row){lapse_bucket_low(i, LAPSE_BUCKET_BITS_FINE),
							   bucket_end(i, LAPSE_BUCKET_BITS_FINE), counts[i]};
	return n;
}

/* The true shift lies within the interval about as often as it says; a large one is seen for sure. */
static void coverage(void **state)
{
	static struct histogram_row rows[SAMPLES];
	uint64_t seed = 1;
	int within = 0, seen = 0;

	(void)state;
	for (int i = 0; i < TRIALS; i++) {
		double truth = log(10) * (1.5e6 - 1e6); /* of the 90th percentile */
		struct interval before = interval_of(rows, sample(&seed, 1e6, rows), 900);
		struct interval after = interval_of(rows, sample(&seed, 1.5e6, rows), 900);
		struct interval shift = interval_difference(&before, &after);

		within += shift.low <= truth && truth <= shift.high;
		seen += shift.low > 0;
	}
	assert_true(within >= TRIALS * 93 / 100);
	assert_true(seen >= TRIALS * 95 / 100);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ranks),
		cmocka_unit_test(difference),
		cmocka_unit_test(too_few),
		cmocka_unit_test(coverage),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
