// SPDX-License-Identifier: GPL-2.0-or-later
/* Error rates, failure rates, cache hit rates and backlog: thresholds, samples, losses, windows. */
#include "rig.h"

static void samples_needed(void **state)
{
	static const struct {
		enum objective_kind kind;
		double limit;
		uint64_t needed;
	} cases[] = {
		{OBJ_MAX_ERROR_RATE, 0.05, 20},
		{OBJ_MAX_ERROR_RATE, 0.5, 20},
		{OBJ_MAX_ERROR_RATE, 0.01, 100},
		{OBJ_MAX_ERROR_RATE, 0.1 / 100, 1000},
		{OBJ_MAX_ERROR_RATE, 0.007, 143},
		{OBJ_MAX_FAILURE_RATE, 0.001, 1000},
		{OBJ_MIN_CACHE_HIT_RATE, 0.95, 20},
		{OBJ_MIN_CACHE_HIT_RATE, 0.99, 100},
		{OBJ_MIN_CACHE_HIT_RATE, 0.975, 40},
		{OBJ_MIN_CACHE_HIT_RATE, 0.999, 1000},
		{OBJ_MIN_CACHE_HIT_RATE, 1, 20},
		{OBJ_MIN_BATCH_SIZE, 5, 20},
		{OBJ_MAX_BACKLOG, 50, 0},
		{OBJ_MAX_VALUE, 50, 0},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct objective o = {.kind = cases[i].kind, .limit = cases[i].limit};

		assert_int_equal(objective_samples_needed(&o), cases[i].needed);
		o.min_samples = 7;
		assert_int_equal(objective_samples_needed(&o), cases[i].needed ? 7 : 0);
	}
}

/* At the limit an objective holds, whichever way its limit was written. */
static void exact_limits(void **state)
{
	(void)state;
	for (unsigned permille = 1; permille < 1000; permille++) {
		double limits[] = {permille / 1000.0, permille / 10.0 / 100};

		for (int i = 0; i < 2; i++) {
			struct objective_input at = {.count = 100000, .errors = permille * 100};
			struct objective_input hits = {.hits = permille * 100,
						       .misses = 100000 - permille * 100};

			assert_int_equal(rig_judged(OBJ_MAX_ERROR_RATE, limits[i], at), JUDGED_HELD);
			assert_int_equal(rig_judged(OBJ_MIN_CACHE_HIT_RATE, limits[i], hits), JUDGED_HELD);
			at.errors++;
			hits.hits--;
			hits.misses++;
			assert_int_equal(rig_judged(OBJ_MAX_ERROR_RATE, limits[i], at), JUDGED_BREACHED);
			assert_int_equal(rig_judged(OBJ_MIN_CACHE_HIT_RATE, limits[i], hits),
					 JUDGED_BREACHED);
		}
	}
}

/* 5 % of 100: at most 5. */
static void lost_spans(void **state)
{
	(void)state;
	assert_int_equal(
		rig_judged(OBJ_MAX_ERROR_RATE, 0.05, (struct objective_input){.count = 99, .errors = 4}),
		JUDGED_HELD);
	assert_int_equal(rig_judged(OBJ_MAX_ERROR_RATE, 0.05,
				    (struct objective_input){.count = 99, .errors = 4, .lost = 1}),
			 JUDGED_HELD);
	assert_int_equal(rig_judged(OBJ_MAX_ERROR_RATE, 0.05,
				    (struct objective_input){.count = 98, .errors = 4, .lost = 2}),
			 JUDGED_UNSURE);
	assert_int_equal(rig_judged(OBJ_MAX_ERROR_RATE, 0.05,
				    (struct objective_input){.count = 99, .errors = 5, .lost = 1}),
			 JUDGED_UNSURE);
	assert_int_equal(rig_judged(OBJ_MAX_ERROR_RATE, 0.05,
				    (struct objective_input){.count = 99, .errors = 6, .lost = 1}),
			 JUDGED_BREACHED);
	assert_int_equal(rig_judged(OBJ_MAX_ERROR_RATE, 0.05, (struct objective_input){.count = 19}),
			 JUDGED_TOO_FEW);
}

/* 95 % of 100: at least 95. Lost spans are of no matter to a cache with a probe of its own. */
static void lost_lookups(void **state)
{
	const struct objective_input sure = {.hits = 95, .misses = 5, .lost = 1000};
	const struct objective_input held = {.hits = 95, .misses = 4, .cache_lost = 1};
	const struct objective_input unsure = {.hits = 94, .misses = 5, .cache_lost = 1};
	const struct objective_input breached = {.hits = 93, .misses = 6, .cache_lost = 1};

	(void)state;
	assert_int_equal(rig_judged(OBJ_MIN_CACHE_HIT_RATE, 0.95, sure), JUDGED_HELD);
	assert_int_equal(rig_judged(OBJ_MIN_CACHE_HIT_RATE, 0.95, held), JUDGED_HELD);
	assert_int_equal(rig_judged(OBJ_MIN_CACHE_HIT_RATE, 0.95, unsure), JUDGED_UNSURE);
	assert_int_equal(rig_judged(OBJ_MIN_CACHE_HIT_RATE, 0.95, breached), JUDGED_BREACHED);
}

static void lost_in_means_and_backlogs(void **state)
{
	(void)state;
	assert_int_equal(
		rig_judged(OBJ_MIN_BATCH_SIZE, 5, (struct objective_input){.n_values = 20, .value_sum = 100}),
		JUDGED_HELD);
	assert_int_equal(
		rig_judged(OBJ_MIN_BATCH_SIZE, 5, (struct objective_input){.n_values = 20, .value_sum = 99}),
		JUDGED_BREACHED);
	assert_int_equal(
		rig_judged(OBJ_MIN_BATCH_SIZE, 5, (struct objective_input){.n_values = 19, .value_sum = 1}),
		JUDGED_TOO_FEW);
	/* An empty batch more, or a huge one. */
	assert_int_equal(rig_judged(OBJ_MIN_BATCH_SIZE, 5,
				    (struct objective_input){.n_values = 20, .value_sum = 105, .lost = 1}),
			 JUDGED_HELD);
	assert_int_equal(rig_judged(OBJ_MIN_BATCH_SIZE, 5,
				    (struct objective_input){.n_values = 20, .value_sum = 104, .lost = 1}),
			 JUDGED_UNSURE);
	assert_int_equal(rig_judged(OBJ_MIN_BATCH_SIZE, 5,
				    (struct objective_input){.n_values = 20, .value_sum = 99, .lost = 1}),
			 JUDGED_UNSURE);
	assert_int_equal(rig_judged(OBJ_MAX_BACKLOG, 50, (struct objective_input){.in_flight = 50}),
			 JUDGED_HELD);
	assert_int_equal(
		rig_judged(OBJ_MAX_BACKLOG, 50, (struct objective_input){.in_flight = 51, .lost = 9}),
		JUDGED_BREACHED);
	assert_int_equal(
		rig_judged(OBJ_MAX_BACKLOG, 50, (struct objective_input){.in_flight = 50, .lost = 1}),
		JUDGED_UNSURE);
}

static void error_severities(void **state)
{
	struct thresholds t = thresholds_default();
	struct objective o = {.kind = OBJ_MAX_ERROR_RATE, .limit = 0.01};

	(void)state;
	assert_int_equal(severity_of(&o, &t, 0.02), SEV_WARNING);
	assert_int_equal(severity_of(&o, &t, 0.1), SEV_WARNING);
	assert_int_equal(severity_of(&o, &t, 0.1001), SEV_CRITICAL);
	t.critical_error_rate = 0.7 / 100;
	assert_int_equal(severity_of(&o, &t, 7.0 / 1000), SEV_WARNING);
	/* The multipliers are for the others. */
	t.warning_multiplier = 1.5;
	t.critical_error_rate = 0.5;
	assert_int_equal(severity_of(&o, &t, 0.011), SEV_WARNING);
	o = (struct objective){.kind = OBJ_MIN_CACHE_HIT_RATE, .limit = 0.9};
	assert_int_equal(severity_of(&o, &t, 0), SEV_WARNING);
	o = (struct objective){.kind = OBJ_MIN_BATCH_SIZE, .limit = 6};
	t = thresholds_default();
	assert_int_equal(severity_of(&o, &t, 3), SEV_WARNING);
	assert_int_equal(severity_of(&o, &t, 2.9), SEV_CRITICAL);
	assert_int_equal(severity_of(&o, &t, 0), SEV_CRITICAL);
	o = (struct objective){.kind = OBJ_MAX_BACKLOG, .limit = 50};
	assert_int_equal(severity_of(&o, &t, 100), SEV_WARNING);
	assert_int_equal(severity_of(&o, &t, 101), SEV_CRITICAL);
}

/* ---- through the monitor ------------------------------------------------------------------------ */

static void error_rate_slides(void **state)
{
	struct objective o = {.kind = OBJ_MAX_ERROR_RATE, .limit = 0.05};
	struct rig rig;
	struct rig_component *c = rig_with(&rig, &o, 1);

	(void)state;
	rig_failing(c, 95, 5);
	rig_tick(&rig);
	assert_int_equal(rig_state(&rig, 0, 0)->verdict, VERDICT_HELD);
	assert_near(rig_state(&rig, 0, 0)->measured, 0.05);
	rig_failing(c, 94, 6);
	rig_tick(&rig);
	assert_int_equal(rig.n_violations, 1);
	assert_near(rig.violation.measured, 0.055);
	assert_int_equal(rig.violation.severity, SEV_WARNING);
	assert_int_equal(rig.alert.window_ns, 2 * SEC);
	assert_string_equal(objective_info(rig.alert.kind)->violation, "ERROR_RATE_VIOLATION");
	/* The first tick leaves after ten, the second holds 6 of 100 then. */
	rig_ticks(&rig, 8);
	assert_near(rig_state(&rig, 0, 0)->measured, 0.055);
	rig_tick(&rig);
	assert_near(rig_state(&rig, 0, 0)->measured, 0.06);
	rig_failing(c, 100, 0);
	rig_tick(&rig);
	assert_true(rig_state(&rig, 0, 0)->measured == 0);
	rig_ticks(&rig, 40);
	assert_int_equal(rig.alert.event, ALERT_EVENT_RESOLVED);
	assert_int_equal(rig_state(&rig, 0, 0)->verdict, VERDICT_VIOLATED);
	rig_end(&rig);
}

static void critical_above_the_threshold(void **state)
{
	struct objective o = {.kind = OBJ_MAX_FAILURE_RATE, .limit = 0.05};
	struct rig rig;
	struct rig_component *c = rig_with(&rig, &o, 1);

	(void)state;
	rig_failing(c, 90, 10);
	rig_tick(&rig);
	assert_int_equal(rig.alert.severity, SEV_WARNING);
	rig_failing(c, 0, 1);
	rig_tick(&rig);
	assert_int_equal(rig.alert.event, ALERT_EVENT_ESCALATED);
	assert_int_equal(rig.alert.severity, SEV_CRITICAL);
	rig_end(&rig);
}

static void losses_leave_it_unknown(void **state)
{
	struct objective o = {.kind = OBJ_MAX_ERROR_RATE, .limit = 0.05};
	struct rig rig;
	struct rig_component *c = rig_with(&rig, &o, 1);

	(void)state;
	rig_failing(c, 94, 4);
	c->counters.too_deep = 2;
	rig_tick(&rig);
	assert_int_equal(rig_state(&rig, 0, 0)->verdict, VERDICT_UNKNOWN);
	assert_non_null(strstr(rig_state(&rig, 0, 0)->why_unknown, "lost"));
	assert_int_equal(rig.n_violations, 0);
	rig_end(&rig);
}

static void outcome_that_nothing_tells(void **state)
{
	struct objective o = {.kind = OBJ_MAX_ERROR_RATE, .limit = 0.05};
	struct contract contract = rig_contract(&o, 1);
	struct monitor_component wanted = rig_wanted(&contract, window_spec_default());
	struct rig rig;

	(void)state;
	rig_begin(&rig);
	wanted.outcome_unknown = true;
	rig_failing(rig_add_as(&rig, &wanted), 100, 0);
	rig_tick(&rig);
	assert_int_equal(rig_state(&rig, 0, 0)->verdict, VERDICT_UNKNOWN);
	assert_non_null(strstr(rig_state(&rig, 0, 0)->why_unknown, "nothing tells"));
	assert_int_equal(rig_shown(&rig, 0)->error_trend, TREND_UNKNOWN);
	assert_false(rig_shown(&rig, 0)->total.has_errors);
	rig_end(&rig);
}

static struct rig_component *count_window(struct rig *rig, struct objective *objectives, size_t n)
{
	struct contract contract = rig_contract(objectives, n);
	struct window_spec window = window_spec_default();

	window.last = 100;
	rig_begin(rig);
	return rig_add(rig, &contract, window);
}

/* The error bits of the newest hundred, wherever ticks fall. */
static void errors_of_the_newest(void **state)
{
	struct objective o = {.kind = OBJ_MAX_ERROR_RATE, .limit = 0.05};
	struct rig rig;
	struct rig_component *c = count_window(&rig, &o, 1);

	(void)state;
	rig_failing(c, 50, 6);
	rig_failing(c, 94, 0);
	rig_tick(&rig);
	assert_near(rig_state(&rig, 0, 0)->measured + 1, 1.06);
	assert_int_equal(rig.n_violations, 1);
	rig_failing(c, 1, 0);
	rig_tick(&rig);
	assert_near(rig_state(&rig, 0, 0)->measured, 0.05);
	assert_int_equal(rig.n_violations, 1);
	rig_end(&rig);
}

/* 0.1 % needs a thousand, which are not among the newest hundred: whole ticks, reaching back. */
static void rare_errors_reach_back(void **state)
{
	struct objective o = {.kind = OBJ_MAX_ERROR_RATE, .limit = 0.001};
	struct rig rig;
	struct rig_component *c = count_window(&rig, &o, 1);

	(void)state;
	for (int i = 0; i < 9; i++) {
		rig_failing(c, i ? 100 : 98, i ? 0 : 2);
		rig_tick(&rig);
		assert_int_equal(rig_state(&rig, 0, 0)->verdict, VERDICT_UNKNOWN);
	}
	rig_failing(c, 100, 0);
	rig_tick(&rig);
	assert_near(rig_state(&rig, 0, 0)->measured, 0.002);
	assert_int_equal(rig.n_violations, 1);
	rig_failing(c, 100, 0);
	rig_tick(&rig);
	assert_true(rig_state(&rig, 0, 0)->measured == 0);
	rig_end(&rig);
}

static void cache_hits(void **state)
{
	struct objective o = {.kind = OBJ_MIN_CACHE_HIT_RATE, .limit = 0.95};
	struct rig rig;
	struct rig_component *c = rig_with(&rig, &o, 1);

	(void)state;
	rig_failing(c, 5, 0);
	rig_tick(&rig);
	assert_non_null(strstr(rig_state(&rig, 0, 0)->why_unknown, "cache"));
	assert_true(isnan(rig_shown(&rig, 0)->total.cache_hit_rate));
	rig_lookups(c, 95, 5);
	rig_tick(&rig);
	assert_int_equal(rig_state(&rig, 0, 0)->verdict, VERDICT_HELD);
	assert_near(rig_shown(&rig, 0)->interval.cache_hit_rate, 0.95);
	assert_true(rig_shown(&rig, 0)->has_cache);
	rig_lookups(c, 0, 100);
	rig_tick(&rig);
	assert_int_equal(rig_state(&rig, 0, 0)->verdict, VERDICT_VIOLATED);
	assert_int_equal(rig.violation.severity, SEV_WARNING);
	assert_near(rig_shown(&rig, 0)->total.cache_hit_rate, 0.475);
	assert_true(rig_shown(&rig, 0)->interval.cache_hit_rate == 0);
	assert_int_equal(rig_shown(&rig, 0)->window.hits, 95);
	rig_end(&rig);
}

static void lost_lookups_leave_it_unknown(void **state)
{
	struct objective o = {.kind = OBJ_MIN_CACHE_HIT_RATE, .limit = 0.95};
	struct rig rig;
	struct rig_component *c = rig_with(&rig, &o, 1);

	(void)state;
	rig_lookups(c, 94, 5);
	c->cache_lost = 1;
	rig_tick(&rig);
	assert_int_equal(rig_state(&rig, 0, 0)->verdict, VERDICT_UNKNOWN);
	assert_int_equal(rig.n_violations, 0);
	rig_end(&rig);
	/* What the kernel missed may have been look-ups. */
	c = rig_with(&rig, &o, 1);
	rig_lookups(c, 95, 4);
	rig.self.kernel_missed = 2;
	rig_tick(&rig);
	assert_int_equal(rig_state(&rig, 0, 0)->verdict, VERDICT_UNKNOWN);
	rig_end(&rig);
}

/* Ten look-ups a tick: the newest hundred are ten ticks. */
static void cache_of_a_count_window(void **state)
{
	struct objective o = {.kind = OBJ_MIN_CACHE_HIT_RATE, .limit = 0.5};
	struct rig rig;
	struct rig_component *c = count_window(&rig, &o, 1);

	(void)state;
	rig_lookups(c, 0, 10);
	rig_tick(&rig);
	for (int i = 0; i < 9; i++) {
		rig_lookups(c, 10, 0);
		rig_tick(&rig);
	}
	assert_near(rig_state(&rig, 0, 0)->measured, 0.9);
	rig_ticks(&rig, 5);
	assert_near(rig_state(&rig, 0, 0)->measured, 0.9);
	rig_lookups(c, 10, 0);
	rig_tick(&rig);
	assert_near(rig_state(&rig, 0, 0)->measured, 1);
	rig_end(&rig);
}

static void backlog(void **state)
{
	struct objective o = {.kind = OBJ_MAX_BACKLOG, .limit = 2, .for_ns = 2 * SEC};
	struct rig rig;
	struct rig_component *c = rig_with(&rig, &o, 1);

	(void)state;
	rig_tick(&rig);
	assert_int_equal(rig_state(&rig, 0, 0)->verdict, VERDICT_UNKNOWN);
	c->counters.entries = 3;
	rig_open(&rig, 0, 1, rig.now_ns, SEC);
	rig_open(&rig, 0, 2, rig.now_ns, SEC);
	rig_tick(&rig);
	assert_int_equal(rig_state(&rig, 0, 0)->verdict, VERDICT_HELD);
	rig_open(&rig, 0, 3, rig.now_ns, SEC);
	rig_ticks(&rig, 2);
	assert_int_equal(rig.n_violations, 2);
	assert_int_equal(rig.n_alerts, 0);
	rig_tick(&rig);
	assert_int_equal(rig.n_alerts, 1);
	assert_int_equal(rig.alert.window_ns, 0);
	assert_near(rig.alert.measured, 3);
	rig.n_open = 0;
	rig_ticks(&rig, 31);
	assert_int_equal(rig.alert.event, ALERT_EVENT_RESOLVED);
	rig_end(&rig);
}

/* 100 less the error rate, as far as it is above the contract's limit. */
static void health_of_errors(void **state)
{
	struct objective o = {.kind = OBJ_MAX_ERROR_RATE, .limit = 0.2, .min_samples = 1000};
	struct rig rig;
	struct rig_component *c = rig_with(&rig, &o, 1);

	(void)state;
	rig_failing(c, 80, 20);
	rig_tick(&rig);
	assert_near(rig_shown(&rig, 0)->health, 100);
	rig_failing(c, 70, 30);
	rig_tick(&rig);
	assert_near(rig_shown(&rig, 0)->health, 75);
	rig_end(&rig);
}

static void events_have_no_durations(void **state)
{
	struct objective o = {.kind = OBJ_MAX_ERROR_RATE, .limit = 0.05};
	struct contract contract = rig_contract(&o, 1);
	struct monitor_component wanted = rig_wanted(&contract, window_spec_default());
	const struct component_snapshot *shown;
	struct rig_component *c;
	struct rig rig;

	(void)state;
	rig_begin(&rig);
	wanted.untimed = true;
	c = rig_add_as(&rig, &wanted);
	c->counters.entries = c->counters.returns = 100;
	c->counters.errors = 6;
	rig_tick(&rig);
	shown = rig_shown(&rig, 0);
	assert_true(shown->untimed && isnan(shown->total.avg_ns) && isnan(shown->interval.avg_ns));
	assert_false(shown->window.has_percentiles);
	assert_near(shown->interval.rate_per_s, 100);
	assert_true(isnan(shown->raw_avg_ns) && isnan(rig_snapshot(&rig)->system.avg_ns));
	assert_int_equal(shown->latency_trend, TREND_UNKNOWN);
	assert_int_equal(rig_state(&rig, 0, 0)->verdict, VERDICT_VIOLATED);
	rig_end(&rig);
}

/* Entries of keyed spans that were begun anew. */
static void restarted_spans(void **state)
{
	struct rig rig;
	struct rig_component *c = rig_with(&rig, NULL, 0);

	(void)state;
	rig_many(c, 10, MS);
	c->counters.entries += 5;
	c->counters.restarted = 3;
	c->counters.unmatched_end = 4;
	rig.open_unknown = true;
	rig_tick(&rig);
	assert_int_equal(rig_shown(&rig, 0)->in_flight, 2);
	assert_int_equal(rig_snapshot(&rig)->integrity.restarted, 3);
	assert_int_equal(rig_snapshot(&rig)->integrity.unmatched_end, 4);
	assert_int_equal(rig_snapshot(&rig)->integrity.unaccounted, 0);
	rig_end(&rig);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(samples_needed),
		cmocka_unit_test(exact_limits),
		cmocka_unit_test(lost_spans),
		cmocka_unit_test(lost_lookups),
		cmocka_unit_test(lost_in_means_and_backlogs),
		cmocka_unit_test(error_severities),
		cmocka_unit_test(error_rate_slides),
		cmocka_unit_test(critical_above_the_threshold),
		cmocka_unit_test(losses_leave_it_unknown),
		cmocka_unit_test(outcome_that_nothing_tells),
		cmocka_unit_test(errors_of_the_newest),
		cmocka_unit_test(rare_errors_reach_back),
		cmocka_unit_test(cache_hits),
		cmocka_unit_test(lost_lookups_leave_it_unknown),
		cmocka_unit_test(cache_of_a_count_window),
		cmocka_unit_test(backlog),
		cmocka_unit_test(health_of_errors),
		cmocka_unit_test(events_have_no_durations),
		cmocka_unit_test(restarted_spans),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
