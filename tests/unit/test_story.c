// SPDX-License-Identifier: GPL-2.0-or-later
/* What a report makes of recordings from the bench: sentences, and the forms that are text. */
#include "recorded.h"

#include <math.h>

#include "report/compare.h"
#include "report/formats.h"

static void recorded_slow(struct recorded *r, uint64_t ns)
{
	struct lapse_span span = recorded_span(r, ns);

	for (int i = 0; i < 5; i++)
		capture_span(r->capture, &span, NULL);
	recorded_calls(r, 5, ns);
}

/* Ten seconds, of which the seventh and the eighth have calls of @slow_ns among others of a millisecond. */
static void record(struct recorded *r, uint64_t slow_ns, const char *contract)
{
	recorded_begin(r, (struct capture_options){0});
	if (contract)
		capture_contract(r->capture, &(struct capture_contract){"c.yaml", contract});
	for (int second = 0; second < 10; second++) {
		recorded_calls(r, 100, MS);
		if (slow_ns && (second == 6 || second == 7))
			recorded_slow(r, slow_ns);
		recorded_tick(r);
	}
}

static struct report *report_of(struct recorded *r)
{
	struct report *report;

	capture_free(r->capture);
	assert_int_equal(report_make(r->path, &report), 0);
	return report;
}

static bool tells(const struct report *report, const char *part)
{
	for (size_t i = 0; i < report->n_story; i++)
		if (strstr(report->story[i], part))
			return true;
	return false;
}

static void a_stretch_stands_out(void **state)
{
	struct recorded r;
	struct report *report;

	(void)state;
	record(&r, 64 * MS, NULL);
	recorded_end(&r);
	report = report_of(&r);
	assert_true(tells(report, "Nothing was promised"));
	assert_true(tells(report, "orders was slowest at"));
	/* Both seconds are as slow: the first is named, and it began there. */
	assert_true(tells(report, "where 999 us is usual") || tells(report, "where 1.00 ms is usual"));
	assert_false(tells(report, "not ended in peace"));
	assert_int_equal(report->head.spans, 10);
	assert_int_equal(report->slowest.n_sorted, REPORT_SLOWEST);
	assert_int_equal(report->heat.n, 10);
	report_free(report);
	recorded_remove(&r);
}

static void nothing_stands_out(void **state)
{
	struct recorded r;
	struct report *report;

	(void)state;
	record(&r, 0, NULL);
	report = report_of(&r);
	assert_true(tells(report, "No stretch of time stands out"));
	report_free(report);
	recorded_remove(&r);
}

static void nothing_was_called(void **state)
{
	struct recorded r;
	struct report *report;

	(void)state;
	recorded_begin(&r, (struct capture_options){0});
	for (int second = 0; second < 3; second++)
		recorded_tick(&r);
	recorded_end(&r);
	report = report_of(&r);
	assert_true(tells(report, "No call ended while it was recorded"));
	assert_false(tells(report, "No stretch of time"));
	report_free(report);
	recorded_remove(&r);
}

static void a_promise_is_broken(void **state)
{
	static const char contract[] =
		"lapse: 1\ncomponents:\n  orders:\n    measure: handle_order\n    contract: "
		"{max_p99: {limit: 20ms, min_samples: 20}}\n";
	struct recorded r;
	struct report *report;

	(void)state;
	record(&r, 64 * MS, contract);
	recorded_end(&r);
	report = report_of(&r);
	assert_true(tells(report, "orders broke max_p99 (20.0 ms)"));
	assert_true(tells(report, "into the recording"));
	assert_false(tells(report, "Nothing was promised"));
	assert_true(report->n_violations > 0);
	report_free(report);
	recorded_remove(&r);
}

/* The newest five seconds of forty. */
static void a_beginning_that_gave_way_is_told(void **state)
{
	struct recorded r;
	struct report *report;

	(void)state;
	recorded_begin(&r, (struct capture_options){.max_time_ns = 5 * SEC});
	for (int second = 0; second < 40; second++) {
		recorded_calls(&r, 100, MS);
		recorded_tick(&r);
	}
	recorded_end(&r);
	report = report_of(&r);
	assert_true(tells(report, "Tracing had begun 34.0 s before the recording does"));
	report_free(report);
	recorded_remove(&r);
	record(&r, 0, NULL);
	recorded_end(&r);
	report = report_of(&r);
	assert_false(tells(report, "Tracing had begun"));
	report_free(report);
	recorded_remove(&r);
}

/* The folder is of a recording that is empty but for its tables. */
static void nothing_was_measured(void **state)
{
	struct recorded r;
	struct report *report;

	(void)state;
	recorded_begin(&r, (struct capture_options){0});
	report = report_of(&r);
	assert_true(tells(report, "Nothing that was measured can be read"));
	for (size_t i = 0; i < report_n_formats; i++) {
		char *text = NULL;
		size_t size = 0;
		struct output_options show = {.stream = open_memstream(&text, &size)};

		assert_int_equal(report_formats[i].render(report, &show), 0);
		fclose(show.stream);
		assert_true(size > 0 || !strcmp(report_formats[i].name, "folded"));
		free(text);
	}
	report_free(report);
	recorded_remove(&r);
}

static void shifted(void **state)
{
	struct recorded before, after;
	struct report *was, *is;
	struct report_shift shift;

	(void)state;
	record(&before, 0, NULL);
	record(&after, 64 * MS, NULL);
	was = report_of(&before);
	is = report_of(&after);
	shift = compare_shift(&was->snapshot->components[0], &is->snapshot->components[0], 500);
	assert_false(shift.shifted);
	assert_true(shift.shift_ns == 0);
	shift = compare_shift(&was->snapshot->components[0], &is->snapshot->components[0], 995);
	assert_true(shift.shift_ns > 60e6 && shift.before_count == 1000 && shift.after_count == 1010);
	assert_null(compare_partner(was, "no such"));
	report_free(was);
	report_free(is);
	recorded_remove(&before);
	recorded_remove(&after);
}

/* As the final report has them: within the shortest and the longest call. */
static void compared_percentiles_keep_to_the_extremes(void **state)
{
	struct histogram_row rows[] = {{1000, 1016, 50}, {4000, 4064, 50}};
	struct component_snapshot c = {
		.name = "orders",
		.total = {.count = 100, .has_extremes = true, .min_ns = 1012, .max_ns = 4001},
		.histogram = rows,
		.n_histogram = 2};
	struct report_shift shift = compare_shift(&c, &c, 999);

	(void)state;
	assert_float_equal(shift.before_ns, 4001, 0);
	assert_float_equal(shift.after_ns, 4001, 0);
	shift = compare_shift(&c, &c, 500);
	assert_float_equal(shift.after_ns, 1012, 0);
	assert_true(shift.low_ns <= 0 && shift.high_ns >= 0 && !shift.shifted);
	c.total.has_extremes = false;
	assert_float_equal(compare_shift(&c, &c, 999).after_ns, 4032, 0);
	c.n_histogram = 0;
	c.total.has_extremes = true;
	assert_true(isnan(compare_shift(&c, &c, 999).after_ns));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_stretch_stands_out),
		cmocka_unit_test(nothing_stands_out),
		cmocka_unit_test(nothing_was_called),
		cmocka_unit_test(a_promise_is_broken),
		cmocka_unit_test(a_beginning_that_gave_way_is_told),
		cmocka_unit_test(nothing_was_measured),
		cmocka_unit_test(shifted),
		cmocka_unit_test(compared_percentiles_keep_to_the_extremes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
