// SPDX-License-Identifier: GPL-2.0-or-later
/* The arithmetic of buckets and ranks, over the whole table. */
#include "rig.h"

#include "monitor/histogram.h"
#include "monitor/rank.h"

static void check_table(unsigned bits)
{
	uint32_t last = LAPSE_BUCKETS(bits), i;

	for (i = 0; i < last; i++) {
		uint64_t low = lapse_bucket_low(i, bits), end = bucket_end(i, bits);

		assert_true(low < end);
		assert_int_equal(lapse_bucket(low, bits), i);
		assert_int_equal(lapse_bucket(end - 1, bits), i);
		assert_int_equal(lapse_bucket(end, bits), i + 1);
		assert_true(low <= bucket_mid(i, bits) && bucket_mid(i, bits) < end);
		assert_true((end - low) << bits <= low || end - low == 1);
	}
	assert_int_equal(lapse_bucket_low(0, bits), 0);
	assert_int_equal(lapse_bucket_low(last, bits), 1ULL << LAPSE_BUCKET_TOP);
	assert_int_equal(lapse_bucket(UINT64_MAX, bits), last);
	assert_int_equal(bucket_end(last, bits), UINT64_MAX);
	assert_int_equal(bucket_mid(last, bits), 1ULL << LAPSE_BUCKET_TOP);
}

static void tables(void **state)
{
	(void)state;
	check_table(LAPSE_BUCKET_BITS_FINE);
	check_table(LAPSE_BUCKET_BITS_COARSE);
	assert_int_equal(LAPSE_BUCKETS(LAPSE_BUCKET_BITS_FINE), 2368);
}

static void ranks(void **state)
{
	(void)state;
	assert_int_equal(rank_of(950, 100), 95);
	assert_int_equal(rank_of(950, 101), 96);
	assert_int_equal(rank_of(500, 1), 1);
	assert_int_equal(rank_of(500, 2), 1);
	assert_int_equal(rank_of(999, 1000), 999);
	assert_int_equal(rank_of(999, 1001), 1000);
	assert_int_equal(rank_of(999, UINT64_MAX), UINT64_MAX / 1000 * 999 + 615);
	assert_int_equal(rank_permille(0.999), 999);
	assert_int_equal(rank_permille(0.95), 950);
}

static void needed(void **state)
{
	(void)state;
	assert_int_equal(rank_samples_needed(500), 20);
	assert_int_equal(rank_samples_needed(900), 20);
	assert_int_equal(rank_samples_needed(950), 20);
	assert_int_equal(rank_samples_needed(990), 100);
	assert_int_equal(rank_samples_needed(999), 1000);
}

static void histograms(void **state)
{
	struct bucket_delta a[] = {{10, 2}, {20, 1}}, b[] = {{5, 1}, {30, 3}};
	struct histogram h;

	(void)state;
	histogram_init(&h, LAPSE_BUCKET_BITS_FINE);
	assert_int_equal(histogram_add(&h, a, 2), 0);
	assert_int_equal(histogram_add(&h, b, 2), 0);
	assert_int_equal(h.total, 7);
	assert_int_equal(histogram_bucket_at(&h, 1), 5);
	assert_int_equal(histogram_bucket_at(&h, 2), 10);
	assert_int_equal(histogram_bucket_at(&h, 3), 10);
	assert_int_equal(histogram_bucket_at(&h, 4), 20);
	assert_int_equal(histogram_bucket_at(&h, 5), 30);
	assert_int_equal(histogram_bucket_at(&h, 7), 30);
	histogram_sub(&h, b, 2);
	assert_int_equal(h.total, 3);
	assert_int_equal(histogram_bucket_at(&h, 3), 20);
	histogram_clear(&h);
	assert_int_equal(h.total, 0);
	for (uint32_t i = 0; i <= LAPSE_BUCKETS(LAPSE_BUCKET_BITS_FINE); i++)
		assert_int_equal(histogram_count(&h, i), 0);
	histogram_free(&h);
}

/* Room is for what is occupied, in whatever order it becomes so. */
static void histograms_that_widen(void **state)
{
	struct bucket_delta middle = {1000, 1}, low = {0, 2},
			    last = {LAPSE_BUCKETS(LAPSE_BUCKET_BITS_FINE), 3};
	struct histogram h;

	(void)state;
	histogram_init(&h, LAPSE_BUCKET_BITS_FINE);
	assert_null(h.count);
	assert_int_equal(histogram_add(&h, &middle, 1), 0);
	assert_in_range(h.room, 1, 64);
	assert_int_equal(histogram_add(&h, &last, 1), 0);
	assert_int_equal(histogram_add(&h, &low, 1), 0);
	assert_int_equal(histogram_count(&h, 1000), 1);
	assert_int_equal(histogram_count(&h, 0), 2);
	assert_int_equal(histogram_count(&h, last.index), 3);
	assert_int_equal(histogram_count(&h, 999), 0);
	assert_int_equal(histogram_bucket_at(&h, 3), 1000);
	assert_int_equal(histogram_bucket_at(&h, 6), last.index);
	histogram_free(&h);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(tables),
		cmocka_unit_test(ranks),
		cmocka_unit_test(histograms_that_widen),
		cmocka_unit_test(needed),
		cmocka_unit_test(histograms),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
