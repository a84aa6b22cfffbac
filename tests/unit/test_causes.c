// SPDX-License-Identifier: GPL-2.0-or-later
/* Causes of windows: each span counts in the stretch of time in which it ended, and nothing else is kept of
 * it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "monitor/causes.h"
#include "why.h"

#define MS    1000000ULL
#define TICKS 40

static struct lapse_why_row rows[LAPSE_WHY_ROWS];

static void begin(struct causes *causes)
{
	memset(rows, 0, sizeof(rows));
	*causes = (struct causes){0};
	assert_int_equal(causes_watch_windows(causes, 0), 0);
}

/* The kernel counts @n spans of @duration_ns, half of that a wait for @cause. */
static void ends(uint64_t duration_ns, enum lapse_cause cause, uint64_t n)
{
	const struct lapse_why_span span = why_span(0, 0, duration_ns, cause, duration_ns / 2);

	why_count(rows, &span, n);
}

static void tick(struct causes *causes, uint64_t number)
{
	const struct why_rows now = why_rows_of(rows);

	assert_int_equal(causes_take(causes, &now, number), 0);
}

/* Tick @i has i spans, and is the only one with its cause; each window has those of its ticks. */
static void a_window_has_the_spans_of_its_ticks(void **state)
{
	struct causes causes;
	struct cause_band band;

	(void)state;
	begin(&causes);
	for (uint64_t i = 1; i <= TICKS; i++) {
		ends(i % 2 ? 5 * MS : 700 * MS, i % 3 ? LAPSE_LOCK : LAPSE_NET, i);
		tick(&causes, i);
		/* Three ticks are fewer than there are marks: none is counted with them. */
		assert_true(causes_of_window(&causes, 1, i > 2 ? i - 2 : 1, i, &band));
		assert_int_equal(band.count, i > 2 ? 3 * i - 3 : i * (i + 1) / 2);
		assert_true(causes_of_window(&causes, 1, i, i, &band));
		assert_int_equal(band.count, i);
		assert_float_equal(band.part[i % 3 ? LAPSE_LOCK : LAPSE_NET], 0.5, 1e-6);
		assert_float_equal(band.mean_ns, (i % 2 ? 5 : 700) * MS, 1);
	}
	causes_free(&causes);
}

static void one_that_is_counted_before_its_times_are(void **state)
{
	const uint32_t at = lapse_bucket(5 * MS, LAPSE_WHY_BITS);
	struct causes causes;
	struct cause_band band;

	(void)state;
	begin(&causes);
	rows[at].count = 1;
	tick(&causes, 1);
	rows[at].sum_ns = 5 * MS;
	tick(&causes, 2);
	rows[at].ns[LAPSE_LOCK] = 4 * MS;
	tick(&causes, 3);
	tick(&causes, 4);
	assert_true(causes_of_window(&causes, 1, 1, 4, &band));
	assert_int_equal(band.count, 1);
	assert_float_equal(band.mean_ns, 5 * MS, 1);
	assert_float_equal(band.part[LAPSE_LOCK], 0.8, 1e-6);
	causes_free(&causes);
}

/* Rows that are kept in all marks together. */
static size_t kept(const struct causes *causes)
{
	size_t n = 0;

	for (size_t i = 0; i < causes->n_marks; i++)
		n += causes->mark[i].rows.n;
	return n;
}

static void what_was_once_slow_takes_no_room_in_later_windows(void **state)
{
	struct causes causes;

	(void)state;
	begin(&causes);
	ends(1, LAPSE_LOCK, 1);
	ends(9000 * MS, LAPSE_LOCK, 1);
	tick(&causes, 1);
	for (uint64_t i = 2; i <= TICKS; i++) {
		ends(5 * MS, LAPSE_LOCK, 10);
		tick(&causes, i);
	}
	assert_true(kept(&causes) <= CAUSES_MARKS);
	causes_free(&causes);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_window_has_the_spans_of_its_ticks),
		cmocka_unit_test(one_that_is_counted_before_its_times_are),
		cmocka_unit_test(what_was_once_slow_takes_no_room_in_later_windows),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
