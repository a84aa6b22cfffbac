// SPDX-License-Identifier: GPL-2.0-or-later
/* Recordings: the bounds in time and size that they keep, on disk and in memory. */
#include "recorded.h"

static void the_oldest_gives_way_by_time(void **state)
{
	struct recorded r;
	struct counted counted;

	(void)state;
	recorded_begin(&r, (struct capture_options){.max_time_ns = 5 * SEC});
	for (int i = 0; i < 40; i++) {
		recorded_sent(&r, MS);
		recorded_tick(&r);
	}
	recorded_end(&r);
	assert_int_equal(capture_figures(r.capture).dropped_ticks, 34);
	assert_true(recorded_count(r.path, &counted));
	assert_true(counted.kinds[READER_TICK] == 6 && counted.kinds[READER_SPAN] == 6);
	assert_true(capture_figures(r.capture).ticks == 6 && capture_figures(r.capture).spans == 6);
	assert_int_equal(counted.first_ns, T0 + 35 * SEC);
	/* Figures begin where the recording does. */
	assert_int_equal(counted.returns, 6);
	capture_free(r.capture);
	recorded_remove(&r);
}

static void the_oldest_gives_way_by_size(void **state)
{
	struct recorded r;
	struct counted counted;
	struct stat st;

	(void)state;
	recorded_begin(&r, (struct capture_options){.max_bytes = 2 << 20, .queue_bytes = 64 << 20});
	for (int i = 0; i < 60; i++) {
		for (int j = 0; j < 3000; j++)
			recorded_sent(&r, MS), r.figures.n_buckets = 0;
		recorded_calls(&r, 1, MS);
		recorded_tick(&r);
	}
	recorded_end(&r);
	assert_null(capture_figures(r.capture).failure);
	assert_int_equal(stat(r.path, &st), 0);
	assert_true(st.st_size <= 2 << 20);
	assert_true(recorded_count(r.path, &counted));
	assert_int_equal(counted.last_ns, T0 + 60 * SEC);
	assert_true(counted.kinds[READER_TICK] > 5 && counted.kinds[READER_TICK] < 50);
	assert_int_equal(counted.kinds[READER_SPAN], 3000 * counted.kinds[READER_TICK]);
	capture_free(r.capture);
	recorded_remove(&r);
}

/* The bound holds though a second does not fit in; what is rare goes first, and what is left out is counted.
 */
static void one_tick_that_is_too_large(void **state)
{
	struct lapse_span slow = {.flags = LAPSE_SPAN_BREACH, .duration_ns = 90 * MS};
	struct recorded r;
	struct counted counted;
	struct stat st;

	(void)state;
	recorded_begin(&r, (struct capture_options){.max_bytes = 1 << 20, .queue_bytes = 256 << 20});
	for (int i = 0; i < 3; i++) {
		for (int j = 0; j < 60000; j++)
			recorded_sent(&r, MS), r.figures.n_buckets = 0;
		for (int j = 0; j < 500; j++)
			capture_span(r.capture, &slow, NULL);
		recorded_calls(&r, 1, MS);
		recorded_tick(&r);
	}
	recorded_end(&r);
	assert_null(capture_figures(r.capture).failure);
	assert_int_equal(stat(r.path, &st), 0);
	assert_true(st.st_size <= 1 << 20);
	assert_true(recorded_count(r.path, &counted));
	assert_true(counted.kinds[READER_TICK] >= 1);
	assert_int_equal(counted.last_ns, T0 + 3 * SEC);
	assert_true(counted.lost > 0);
	assert_int_equal(counted.kinds[READER_SPAN] + counted.lost, 60500 * counted.kinds[READER_TICK]);
	assert_int_equal(counted.slow, 500 * counted.kinds[READER_TICK]);
	assert_true(capture_figures(r.capture).left_out >= counted.lost);
	assert_int_equal(capture_figures(r.capture).lost, capture_figures(r.capture).left_out);
	capture_free(r.capture);
	recorded_remove(&r);
}

/* What finds no room is counted, and the file says so too. */
static void a_full_queue_loses_and_counts(void **state)
{
	struct recorded r;
	struct counted counted;
	uint64_t lost;

	(void)state;
	recorded_begin(&r, (struct capture_options){.queue_bytes = 1 << 20});
	for (int i = 0; i < 200000; i++)
		recorded_sent(&r, MS), r.figures.n_buckets = 0;
	recorded_tick(&r);
	recorded_end(&r);
	lost = capture_figures(r.capture).lost;
	assert_true(lost > 0);
	assert_true(recorded_count(r.path, &counted));
	assert_int_equal(counted.kinds[READER_SPAN] + lost, 200000);
	assert_int_equal(counted.lost, lost);
	assert_int_equal(counted.kinds[READER_TICK], 1);
	capture_free(r.capture);
	recorded_remove(&r);
}

/* ---- the flight recorder ---- */

static void memory_reaches_back_so_far(void **state)
{
	struct recorded r;
	struct counted counted;

	(void)state;
	recorded_begin(&r, (struct capture_options){.keep_ns = 5 * SEC});
	for (int i = 0; i < 100; i++) {
		recorded_sent(&r, MS);
		recorded_tick(&r);
	}
	assert_int_equal(capture_begin(r.capture, r.path), 0);
	for (int i = 0; i < 3; i++) {
		recorded_sent(&r, MS);
		recorded_tick(&r);
	}
	recorded_end(&r);
	assert_true(recorded_count(r.path, &counted));
	assert_int_equal(counted.kinds[READER_COMPONENT], 1);
	assert_in_range(counted.kinds[READER_TICK], 8, 9);
	assert_int_equal(counted.last_ns, T0 + 103 * SEC);
	assert_int_equal(counted.returns, counted.kinds[READER_TICK]);
	assert_true(counted.complete);
	/* And another one, which has what came in between. */
	for (int i = 0; i < 2; i++)
		recorded_tick(&r);
	unlink(r.path);
	assert_int_equal(capture_begin(r.capture, r.path), 0);
	recorded_end(&r);
	assert_true(recorded_count(r.path, &counted));
	assert_int_equal(counted.last_ns, T0 + 105 * SEC);
	assert_in_range(counted.kinds[READER_TICK], 5, 6);
	capture_free(r.capture);
	recorded_remove(&r);
}

static void memory_is_bounded_by_size(void **state)
{
	struct recorded r;
	struct counted counted;

	(void)state;
	recorded_begin(&r, (struct capture_options){.keep_ns = 1000 * SEC, .queue_bytes = 1 << 20});
	for (int i = 0; i < 100; i++) {
		for (int j = 0; j < 1000; j++)
			recorded_sent(&r, MS), r.figures.n_buckets = 0;
		recorded_tick(&r);
	}
	assert_int_equal(capture_begin(r.capture, r.path), 0);
	recorded_end(&r);
	assert_true(recorded_count(r.path, &counted));
	assert_int_equal(counted.last_ns, T0 + 100 * SEC);
	assert_true(counted.kinds[READER_TICK] > 2 && counted.kinds[READER_TICK] < 20);
	/* Whole ticks are what is kept. */
	assert_int_equal(counted.kinds[READER_SPAN], 1000 * counted.kinds[READER_TICK]);
	assert_int_equal(counted.returns, counted.kinds[READER_SPAN]);
	capture_free(r.capture);
	recorded_remove(&r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_oldest_gives_way_by_time),
		cmocka_unit_test(the_oldest_gives_way_by_size),
		cmocka_unit_test(one_tick_that_is_too_large),
		cmocka_unit_test(a_full_queue_loses_and_counts),
		cmocka_unit_test(memory_reaches_back_so_far),
		cmocka_unit_test(memory_is_bounded_by_size),
	};

	return cmocka_run_group_tests(tests, recorded_quietly, NULL);
}
