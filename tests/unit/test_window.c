// SPDX-License-Identifier: GPL-2.0-or-later
/* Duration windows that slide and reach back, count windows, and memory that stays bounded. */
#include "rig.h"

#include "monitor/state.h"

static void slides_by_a_tick(void **state)
{
	struct rig rig;
	struct rig_component *c = rig_with(&rig, NULL, 0);
	int i;

	(void)state;
	for (i = 1; i <= 30; i++) {
		rig_many(c, (size_t)i, MS);
		rig_tick(&rig);
		assert_int_equal(rig_shown(&rig, 0)->window.covered_ns, (i < 10 ? i : 10) * SEC);
		assert_int_equal(rig_shown(&rig, 0)->window.count, i <= 10 ? i * (i + 1) / 2 : 10 * i - 45);
	}
	assert_near(rig_shown(&rig, 0)->window.rate_per_s, 25.5);
	rig_ticks(&rig, 9);
	assert_int_equal(rig_shown(&rig, 0)->window.count, 30);
	rig_tick(&rig);
	assert_int_equal(rig_shown(&rig, 0)->window.count, 0);
	assert_false(rig_shown(&rig, 0)->window.has_percentiles);
	assert_false(rig_shown(&rig, 0)->window.has_extremes);
	assert_int_equal(rig_shown(&rig, 0)->total.count, 465);
	rig_end(&rig);
}

static void extremes_leave_with_their_tick(void **state)
{
	struct rig rig;
	struct rig_component *c = rig_with(&rig, NULL, 0);

	(void)state;
	rig_ended(c, 77 * MS + 1, false);
	rig_tick(&rig);
	rig_ended(c, 5 * MS + 1, false);
	rig_ticks(&rig, 9);
	assert_int_equal(rig_shown(&rig, 0)->window.max_ns, 77 * MS + 1);
	rig_tick(&rig);
	assert_int_equal(rig_shown(&rig, 0)->window.max_ns, 5 * MS + 1);
	assert_int_equal(rig_shown(&rig, 0)->total.max_ns, 77 * MS + 1);
	rig_end(&rig);
}

/* Two a second and a p99, which needs 100: the window is 50 s long. */
static void reaches_back(void **state)
{
	struct objective o = {.kind = OBJ_MAX_P99, .limit = 30 * MS};
	struct rig rig;
	struct rig_component *c = rig_with(&rig, &o, 1);
	int i;

	(void)state;
	for (i = 0; i < 120; i++) {
		rig_many(c, 2, MS);
		rig_tick(&rig);
		assert_int_equal(rig_shown(&rig, 0)->window.covered_ns, (i < 50 ? i + 1 : 50) * SEC);
		assert_int_equal(rig_shown(&rig, 0)->objectives[0].verdict,
				 i < 49 ? VERDICT_UNKNOWN : VERDICT_HELD);
	}
	rig_many(c, 100, MS);
	rig_ticks(&rig, 10);
	assert_int_equal(rig_shown(&rig, 0)->window.covered_ns, 10 * SEC);
	rig_end(&rig);
}

static void reaches_back_no_further_than_allowed(void **state)
{
	struct objective o = {.kind = OBJ_MAX_P50, .limit = 30 * MS, .min_samples = 1000};
	struct contract contract = rig_contract(&o, 1);
	struct window_spec spec = {.duration_ns = 10 * SEC, .max_ns = 60 * SEC};
	struct rig rig;
	struct rig_component *c;

	(void)state;
	rig_begin(&rig);
	c = rig_add(&rig, &contract, spec);
	rig_many(c, 5, MS);
	rig_ticks(&rig, 60);
	assert_int_equal(rig_shown(&rig, 0)->window.count, 5);
	assert_int_equal(rig_shown(&rig, 0)->window.covered_ns, 60 * SEC);
	rig_ticks(&rig, 40);
	assert_int_equal(rig_shown(&rig, 0)->window.count, 0);
	assert_int_equal(rig_shown(&rig, 0)->window.covered_ns, 60 * SEC);
	rig_end(&rig);
}

/* An objective's own period, next to the component's. */
static void over(void **state)
{
	struct objective o[] = {
		{.kind = OBJ_MAX_P50, .limit = 30 * MS, .over_ns = 2 * SEC, .min_samples = 10},
		{.kind = OBJ_MAX_P90, .limit = 30 * MS, .min_samples = 10}};
	struct rig rig;
	struct rig_component *c = rig_with(&rig, o, 2);

	(void)state;
	rig_many(c, 100, 50 * MS);
	rig_tick(&rig);
	rig_many(c, 10, MS);
	rig_tick(&rig);
	rig_many(c, 10, MS);
	rig_tick(&rig);
	assert_true(rig_shown(&rig, 0)->objectives[0].measured < 2 * MS);
	assert_true(rig_shown(&rig, 0)->objectives[1].measured > 49 * MS);
	assert_int_equal(rig_shown(&rig, 0)->window.count, 120);
	rig_end(&rig);
}

static struct rig_component *count_window(struct rig *rig, struct objective *o, size_t n, uint32_t last)
{
	struct contract contract = rig_contract(o, n);
	struct window_spec spec = {.last = last, .max_ns = 600 * SEC};

	rig_begin(rig);
	return rig_add(rig, &contract, spec);
}

static void counts_exactly(void **state)
{
	struct objective o = {.kind = OBJ_MAX_P99, .limit = 100007};
	struct rig *rig = malloc(sizeof(*rig));
	struct rig_component *c = count_window(rig, &o, 1, 100);
	const struct component_snapshot *shown;
	uint64_t i;

	(void)state;
	for (i = 1; i <= 99; i++)
		rig_ended(c, 1000000 - i * 1001, false);
	rig_tick(rig);
	assert_int_equal(rig_shown(rig, 0)->objectives[0].verdict, VERDICT_UNKNOWN);
	for (i = 1; i <= 100; i++)
		rig_ended(c, (101 - i) * 1009 + 116, i % 4 == 0);
	rig_tick(rig);
	shown = rig_shown(rig, 0);
	assert_int_equal(shown->window.count, 100);
	assert_int_equal(shown->window.errors, 25);
	assert_int_equal(shown->window.p50_ns, 50 * 1009 + 116);
	assert_int_equal(shown->window.p95_ns, 95 * 1009 + 116);
	assert_int_equal(shown->window.p99_ns, 99 * 1009 + 116);
	assert_int_equal(shown->window.p999_ns, 100 * 1009 + 116);
	assert_int_equal(shown->window.min_ns, 1125);
	assert_int_equal(shown->window.max_ns, 101016);
	assert_near(shown->window.avg_ns, 50.5 * 1009 + 116);
	/* Exactly at the limit is no breach. */
	assert_true(shown->objectives[0].measured == 100007);
	assert_int_equal(shown->objectives[0].verdict, VERDICT_HELD);
	assert_int_equal(shown->total.count, 199);
	rig_end(rig);
	free(rig);
}

static void count_window_shows_what_it_covers(void **state)
{
	struct rig *rig = malloc(sizeof(*rig));
	struct rig_component *c = count_window(rig, NULL, 0, 10);

	(void)state;
	rig_many(c, 4, MS);
	rig_tick(rig);
	rig_many(c, 4, MS);
	rig_tick(rig);
	rig_many(c, 4, MS);
	rig_ticks(rig, 3);
	assert_int_equal(rig_shown(rig, 0)->window.count, 10);
	assert_int_equal(rig_shown(rig, 0)->window.covered_ns, 5 * SEC);
	assert_near(rig_shown(rig, 0)->window.rate_per_s, 12.0 / 5);
	rig_end(rig);
	free(rig);
}

static void idle_ticks_take_no_memory(void **state)
{
	struct objective o = {.kind = OBJ_MAX_P999, .limit = 30 * MS};
	struct rig rig;
	struct rig_component *c = rig_with(&rig, &o, 1);
	int i;

	(void)state;
	for (i = 0; i < 2000; i++) {
		if (i % 100 == 0)
			rig_ended(c, MS, false);
		rig_tick(&rig);
	}
	assert_int_equal(rig.monitor->components[0]->window.size, 8);
	assert_int_equal(rig_shown(&rig, 0)->window.count, 6);
	assert_int_equal(rig_shown(&rig, 0)->window.covered_ns, 600 * SEC);
	rig_end(&rig);
}

static void added_later(void **state)
{
	struct rig rig;

	(void)state;
	rig_begin(&rig);
	rig_ticks(&rig, 700);
	rig_add(&rig, NULL, window_spec_default());
	assert_int_equal(rig_shown(&rig, 0)->window.covered_ns, 0);
	rig_many(&rig.component[0], 3, MS);
	rig_ticks(&rig, 2);
	rig_add(&rig, NULL, (struct window_spec){.duration_ns = 1800 * SEC});
	rig_ticks(&rig, 2);
	assert_int_equal(rig_shown(&rig, 0)->window.covered_ns, 4 * SEC);
	assert_int_equal(rig_shown(&rig, 0)->window.count, 3);
	assert_int_equal(rig_shown(&rig, 1)->window.covered_ns, 2 * SEC);
	rig_end(&rig);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(slides_by_a_tick),
		cmocka_unit_test(extremes_leave_with_their_tick),
		cmocka_unit_test(reaches_back),
		cmocka_unit_test(reaches_back_no_further_than_allowed),
		cmocka_unit_test(over),
		cmocka_unit_test(counts_exactly),
		cmocka_unit_test(count_window_shows_what_it_covers),
		cmocka_unit_test(idle_ticks_take_no_memory),
		cmocka_unit_test(added_later),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
