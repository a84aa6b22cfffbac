// SPDX-License-Identifier: GPL-2.0-or-later
/* Captured values: their figures, max_value and min_value out of counters and records, batch sizes. */
#include "rig.h"

struct bench {
	struct rig rig;
	struct rig_component *c;
};

/* One component that captures batch_size and depth. */
static void begin(struct bench *b, struct objective *objectives, size_t n)
{
	struct contract contract = rig_contract(objectives, n);
	struct monitor_component wanted = rig_wanted(&contract, window_spec_default());

	rig_begin(&b->rig);
	wanted.value_name[0] = "batch_size";
	wanted.value_name[1] = "depth";
	b->c = rig_add_as(&b->rig, &wanted);
}

static void ended(struct bench *b, int i, int64_t value)
{
	rig_ended(b->c, MS, false);
	rig_value(b->c, i, value);
}

static void record(struct bench *b, uint32_t tid, int i, int64_t value)
{
	struct lapse_span span = rig_span(&b->rig, 0, tid, b->rig.now_ns + SEC / 2, MS);

	span.flags = LAPSE_SPAN_VALUE;
	span.values = 1U << i;
	span.value[i] = value;
	assert_int_equal(monitor_span(b->rig.monitor, &span), 0);
}

static const struct value_stats *depth(const struct stats *stats)
{
	assert_int_equal(stats->n_values, 2);
	assert_string_equal(stats->values[1].name, "depth");
	return &stats->values[1];
}

static void figures(void **state)
{
	const struct component_snapshot *shown;
	struct bench b;

	(void)state;
	begin(&b, NULL, 0);
	ended(&b, 1, 7);
	ended(&b, 1, -3);
	rig_tick(&b.rig);
	shown = rig_shown(&b.rig, 0);
	/* Of two the sum tells the other one. */
	assert_true(depth(&shown->interval)->has_extremes);
	assert_int_equal(depth(&shown->interval)->min, -3);
	assert_int_equal(depth(&shown->interval)->max, 7);
	assert_int_equal(depth(&shown->interval)->last, -3);
	assert_near(depth(&shown->interval)->mean, 2);
	ended(&b, 1, 4);
	ended(&b, 1, 400);
	ended(&b, 1, 40);
	rig_tick(&b.rig);
	shown = rig_shown(&b.rig, 0);
	assert_false(depth(&shown->interval)->has_extremes);
	assert_false(depth(&shown->total)->has_extremes);
	assert_near(depth(&shown->interval)->mean, 148);
	assert_int_equal(depth(&shown->interval)->last, 40);
	rig_tick(&b.rig);
	shown = rig_shown(&b.rig, 0);
	assert_int_equal(depth(&shown->interval)->count, 0);
	assert_true(isnan(depth(&shown->interval)->mean));
	assert_int_equal(depth(&shown->total)->count, 5);
	assert_int_equal(depth(&shown->total)->min, -3);
	assert_int_equal(depth(&shown->total)->max, 400);
	assert_int_equal(depth(&shown->window)->max, 400);
	rig_ticks(&b.rig, 8);
	shown = rig_shown(&b.rig, 0);
	assert_int_equal(depth(&shown->window)->count, 3);
	assert_int_equal(depth(&shown->window)->min, 4);
	assert_int_equal(shown->total.values[0].count, 0);
	rig_end(&b.rig);
}

/* Look-ups and values alone feed a component, but not the look-ups of another probe. */
static void fed_without_spans(void **state)
{
	struct monitor_component wanted = rig_wanted(NULL, window_spec_default());
	struct rig rig;
	struct rig_component *own, *values, *apart;

	(void)state;
	rig_begin(&rig);
	wanted.has_cache = true;
	own = rig_add_as(&rig, &wanted);
	wanted.cache_apart = true;
	apart = rig_add_as(&rig, &wanted);
	wanted.value_name[0] = "depth";
	values = rig_add_as(&rig, &wanted);
	rig_tick(&rig);
	assert_int_equal(rig_snapshot(&rig)->system.components_fed, 0);
	rig_lookups(own, 0, 1);
	rig_lookups(apart, 1, 0);
	rig_value(values, 0, -1);
	rig_tick(&rig);
	assert_true(rig_shown(&rig, 0)->fed);
	assert_false(rig_shown(&rig, 1)->fed);
	assert_true(rig_shown(&rig, 2)->fed);
	assert_int_equal(rig_snapshot(&rig)->system.components_fed, 2);
	rig_end(&rig);
}

static void levels(void **state)
{
	struct objective o[] = {{.kind = OBJ_MAX_VALUE, .limit = 100, .value = "depth"},
				{.kind = OBJ_MIN_VALUE, .limit = 9, .value = "depth"},
				{.kind = OBJ_MAX_VALUE, .limit = 5, .value = "batch_size"}};
	const int64_t *above, *below;
	struct bench b;

	(void)state;
	begin(&b, o, 3);
	above = b.c->above[1];
	below = b.c->below[1];
	assert_true(above[0] == INT64_MAX && above[1] == 100 && above[2] == 200);
	/* Below 4.5 is below 5. */
	assert_true(below[0] == INT64_MIN && below[1] == 9 && below[2] == 5);
	assert_true(b.c->above[0][1] == 5 && b.c->below[0][1] == INT64_MIN);
	rig_end(&b.rig);
}

static void at_the_limits(void **state)
{
	struct objective o[] = {{.kind = OBJ_MAX_VALUE, .limit = 100, .value = "depth"},
				{.kind = OBJ_MIN_VALUE, .limit = 10, .value = "depth"}};
	struct bench b;

	(void)state;
	begin(&b, o, 2);
	ended(&b, 1, 100);
	ended(&b, 1, 10);
	rig_tick(&b.rig);
	assert_int_equal(rig_shown(&b.rig, 0)->verdict, VERDICT_HELD);
	ended(&b, 1, 101);
	record(&b, 7, 1, 101);
	assert_int_equal(b.rig.violation.severity, SEV_WARNING);
	assert_string_equal(b.rig.violation.value, "depth");
	assert_int_equal(b.rig.violation.tid, 7);
	ended(&b, 1, 4);
	record(&b, 7, 1, 4);
	assert_int_equal(b.rig.violation.severity, SEV_CRITICAL);
	assert_int_equal(b.rig.violation.kind, OBJ_MIN_VALUE);
	ended(&b, 1, 0);
	record(&b, 7, 1, 0);
	assert_int_equal(b.rig.violation.severity, SEV_CRITICAL);
	rig_ticks(&b.rig, 2);
	assert_int_equal(rig_state(&b.rig, 0, 0)->violations, 1);
	assert_int_equal(rig_state(&b.rig, 0, 1)->violations, 2);
	assert_near(rig_state(&b.rig, 0, 0)->worst, 101);
	assert_true(rig_state(&b.rig, 0, 1)->worst == 0);
	assert_int_equal(b.rig.n_violations, 3);
	rig_end(&b.rig);
}

/* Violations are the greater of counters and records, whatever of either is lost or late. */
static void counters_and_records(void **state)
{
	struct objective o = {.kind = OBJ_MAX_VALUE, .limit = 100, .value = "depth"};
	struct bench b;

	(void)state;
	begin(&b, &o, 1);
	/* Records that are ahead of the counters. */
	record(&b, 1, 1, 150);
	record(&b, 2, 1, 150);
	assert_int_equal(rig_state(&b.rig, 0, 0)->violations, 2);
	rig_tick(&b.rig);
	ended(&b, 1, 150);
	ended(&b, 1, 150);
	rig_tick(&b.rig);
	assert_int_equal(rig_state(&b.rig, 0, 0)->violations, 2);
	assert_int_equal(b.rig.n_violations, 2);
	/* Ten breaches, three records. */
	for (int i = 0; i < 10; i++)
		ended(&b, 1, 300);
	for (int i = 0; i < 3; i++)
		record(&b, 3, 1, 300);
	rig_tick(&b.rig);
	assert_int_equal(rig_state(&b.rig, 0, 0)->violations, 12);
	assert_int_equal(b.rig.violation.severity, SEV_CRITICAL);
	assert_near(b.rig.violation.measured, 300);
	rig_end(&b.rig);
}

/* Each of two objectives of one type counts its own. */
static void breaches_in_a_time(void **state)
{
	struct objective o[] = {{.kind = OBJ_MAX_VALUE,
				 .limit = 100,
				 .value = "depth",
				 .breaches = 3,
				 .breaches_ns = 10 * SEC},
				{.kind = OBJ_MAX_VALUE, .limit = 5, .value = "batch_size"}};
	struct bench b;

	(void)state;
	begin(&b, o, 2);
	record(&b, 1, 1, 101);
	record(&b, 2, 1, 101);
	assert_int_equal(b.rig.n_alerts, 0);
	record(&b, 3, 1, 101);
	assert_int_equal(b.rig.n_alerts, 1);
	assert_string_equal(b.rig.alert.value, "depth");
	rig_end(&b.rig);
	begin(&b, o, 2);
	record(&b, 1, 0, 6);
	assert_int_equal(b.rig.n_alerts, 1);
	assert_string_equal(b.rig.alert.value, "batch_size");
	rig_end(&b.rig);
}

/* A program names its value when it first has one. */
static void named_late(void **state)
{
	struct objective o[] = {{.kind = OBJ_MAX_VALUE, .limit = 100, .value = "depth"},
				{.kind = OBJ_MIN_BATCH_SIZE, .limit = 5}};
	struct contract contract = rig_contract(o, 2);
	struct bench b;

	(void)state;
	rig_begin(&b.rig);
	b.c = rig_add(&b.rig, &contract, window_spec_default());
	rig_tick(&b.rig);
	rig_many(b.c, 1, MS);
	rig_tick(&b.rig);
	assert_string_equal(rig_state(&b.rig, 0, 0)->why_unknown, "no such value captured");
	rig_name_value(&b.rig, 0, 2, "depth");
	rig_name_value(&b.rig, 0, 3, "batch_size");
	record(&b, 1, 2, 150);
	assert_int_equal(b.rig.n_violations, 0);
	ended(&b, 2, 150);
	for (int i = 0; i < 20; i++)
		ended(&b, 3, 4);
	rig_tick(&b.rig);
	assert_int_equal(rig_state(&b.rig, 0, 0)->violations, 1);
	assert_int_equal(rig_state(&b.rig, 0, 1)->verdict, VERDICT_VIOLATED);
	assert_near(rig_state(&b.rig, 0, 1)->measured, 4);
	rig_end(&b.rig);
}

/* Of the first ten ticks nothing is known; each of the others has one, the newest the least. */
static void extremes_of_a_long_window(void **state)
{
	struct window_spec half_a_minute = {.duration_ns = 30 * SEC};
	struct rig rig;
	struct rig_component *c;
	const struct value_stats *shown;

	(void)state;
	rig_begin(&rig);
	c = rig_add(&rig, NULL, half_a_minute);
	for (int i = 0; i < 10; i++) {
		rig_many(c, 1, MS);
		rig_tick(&rig);
	}
	rig_name_value(&rig, 0, 1, "depth");
	for (int i = 0; i < 50; i++) {
		rig_many(c, 1, MS);
		rig_value(c, 1, 1000 - i);
		rig_tick(&rig);
		shown = &rig_shown(&rig, 0)->window.values[0];
		assert_int_equal(shown->count, i < 30 ? i + 1 : 30);
		assert_int_equal(shown->min, 1000 - i);
		assert_int_equal(shown->max, i < 30 ? 1000 : 1000 - i + 29);
	}
	rig_end(&rig);
}

static void batch_size(void **state)
{
	struct objective o = {.kind = OBJ_MIN_BATCH_SIZE, .limit = 5};
	struct bench b;

	(void)state;
	begin(&b, &o, 1);
	/* Two a tick: it reaches back for twenty. */
	for (int i = 0; i < 12; i++) {
		ended(&b, 0, i < 2 ? 60 : 3);
		ended(&b, 0, 7);
		rig_tick(&b.rig);
		if (i < 9)
			assert_int_equal(rig_state(&b.rig, 0, 0)->verdict, VERDICT_UNKNOWN);
	}
	assert_near(rig_state(&b.rig, 0, 0)->measured, 5);
	assert_int_equal(rig_state(&b.rig, 0, 0)->verdict, VERDICT_HELD);
	ended(&b, 0, 3);
	ended(&b, 0, 6);
	rig_tick(&b.rig);
	assert_int_equal(rig_state(&b.rig, 0, 0)->verdict, VERDICT_VIOLATED);
	assert_near(b.rig.violation.measured, 4.95);
	rig_end(&b.rig);
}

static void a_lost_span_leaves_it_unknown(void **state)
{
	struct objective o = {.kind = OBJ_MAX_VALUE, .limit = 100, .value = "depth"};
	struct bench b;

	(void)state;
	begin(&b, &o, 1);
	ended(&b, 1, 5);
	b.c->counters.stray = 1;
	rig_tick(&b.rig);
	assert_int_equal(rig_state(&b.rig, 0, 0)->verdict, VERDICT_UNKNOWN);
	rig_end(&b.rig);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(figures),
		cmocka_unit_test(fed_without_spans),
		cmocka_unit_test(levels),
		cmocka_unit_test(at_the_limits),
		cmocka_unit_test(counters_and_records),
		cmocka_unit_test(breaches_in_a_time),
		cmocka_unit_test(named_late),
		cmocka_unit_test(extremes_of_a_long_window),
		cmocka_unit_test(batch_size),
		cmocka_unit_test(a_lost_span_leaves_it_unknown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
