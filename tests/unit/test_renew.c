// SPDX-License-Identifier: GPL-2.0-or-later
/* Another contract for a monitor that runs: what stays, what changes, and that nothing is counted twice. */
#include "monitor/state.h"
#include "tests/unit/rig.h"

#define CRITICAL (SEC * 1000) /* far away */

static struct objective latency(double limit)
{
	return (struct objective){.kind = OBJ_MAX_LATENCY, .limit = limit};
}

static int renew_as(struct rig *rig, struct contract *contract, struct window_spec window)
{
	struct monitor_promise promise = {window, contract};
	int err = monitor_renew(rig->monitor, &promise, NULL, false);

	monitor_kernel_levels(rig->monitor, 0, rig->component[0].level_ns);
	return err;
}

static void renew(struct rig *rig, struct objective *objectives, size_t n)
{
	struct contract contract = rig_contract(objectives, n);

	assert_int_equal(renew_as(rig, &contract, window_spec_default()), 0);
}

/* Violations by both limits, each once; the kernel counted by both in the tick of the change. */
static void lower_limit(void **state)
{
	struct objective objective = latency(10 * MS), lower = latency(5 * MS);
	struct rig_component *c;
	struct rig rig;

	(void)state;
	c = rig_with(&rig, &objective, 1);
	rig_breach(&rig, 0, 11 * MS);
	rig_tick(&rig);
	rig_breach(&rig, 0, 11 * MS);
	rig_many(c, 3, 7 * MS);
	renew(&rig, &lower, 1);
	assert_int_equal(rig_state(&rig, 0, 0)->violations, 2);
	rig_breach(&rig, 0, 7 * MS);
	rig_tick(&rig);
	assert_int_equal(rig_state(&rig, 0, 0)->violations, 3);
	rig_breach(&rig, 0, 7 * MS);
	rig_ticks(&rig, 2);
	assert_int_equal(rig_state(&rig, 0, 0)->violations, 4);
	assert_int_equal(rig.n_violations, 4);
	assert_int_equal(rig_shown(&rig, 0)->violations, 4);
	assert_int_equal(rig_shown(&rig, 0)->total.count, 7);
	assert_float_equal(rig_state(&rig, 0, 0)->objective.limit, 5.0 * MS, 0);
	/* Records that are lost are counted again from here on. */
	rig_many(c, 2, 7 * MS);
	rig_tick(&rig);
	assert_int_equal(rig_state(&rig, 0, 0)->violations, 6);
	rig_end(&rig);
}

/* What the kernel counts by the lower limit before it knows of the higher one is no violation. */
static void higher_limit(void **state)
{
	struct objective objective = latency(5 * MS), higher = latency(10 * MS);
	struct rig_component *c;
	struct rig rig;

	(void)state;
	c = rig_with(&rig, &objective, 1);
	rig_breach(&rig, 0, 7 * MS);
	rig_tick(&rig);
	rig_many(c, 2, 7 * MS);
	renew(&rig, &higher, 1);
	rig_record(&rig, 0, 7, 7 * MS);
	rig_record(&rig, 0, 7, 7 * MS);
	rig_many(c, 5, 8 * MS);
	rig_ticks(&rig, 3);
	assert_int_equal(rig_state(&rig, 0, 0)->violations, 1);
	assert_int_equal(rig.n_violations, 1);
	rig_end(&rig);
}

/* Counters go on where nothing has changed: lost records of the tick are violations all the same. */
static void same_limit(void **state)
{
	struct objective objective = latency(10 * MS);
	struct objective more[] = {{.kind = OBJ_MAX_P99, .limit = 1 * SEC}, latency(10 * MS)};
	struct rig_component *c;
	struct rig rig;

	(void)state;
	c = rig_with(&rig, &objective, 1);
	rig_breach(&rig, 0, 11 * MS);
	rig_many(c, 2, 11 * MS);
	renew(&rig, more, 2);
	rig_tick(&rig);
	assert_int_equal(rig_state(&rig, 0, 1)->violations, 3);
	rig_end(&rig);
}

/* A span in flight that was told of is not told of again; under another limit it is another violation. */
static void in_flight(void **state)
{
	struct objective objective = latency(10 * MS), other = latency(20 * MS);
	struct lapse_span ended;
	struct rig rig;

	(void)state;
	rig_with(&rig, &objective, 1);
	rig_open(&rig, 0, 9, rig.now_ns, SEC);
	rig_tick(&rig);
	assert_int_equal(rig.n_violations, 1);
	renew(&rig, &objective, 1);
	rig_open(&rig, 0, 9, rig.open[0].start_ns, 2 * SEC);
	rig_tick(&rig);
	assert_int_equal(rig.n_violations, 1);
	renew(&rig, &other, 1);
	rig_open(&rig, 0, 9, rig.open[0].start_ns, 3 * SEC);
	rig_tick(&rig);
	assert_int_equal(rig.n_violations, 2);
	assert_int_equal(rig_state(&rig, 0, 0)->violations, 2);
	rig.n_open = 0;
	rig_ended(&rig.component[0], 3 * SEC, false);
	ended = rig_span(&rig, 0, 9, rig.open[0].start_ns, 3 * SEC);
	assert_int_equal(monitor_span(rig.monitor, &ended), 0);
	rig_ticks(&rig, 3);
	assert_int_equal(rig_state(&rig, 0, 0)->violations, 2);
	rig_end(&rig);
}

/* An objective that was not there counts from when it is. */
static void new_objective(void **state)
{
	struct objective objective = {.kind = OBJ_MAX_BACKLOG, .limit = 100}, limit = latency(10 * MS);
	struct rig_component *c;
	struct rig rig;

	(void)state;
	c = rig_with(&rig, &objective, 1);
	rig_many(c, 5, 11 * MS);
	rig_tick(&rig);
	renew(&rig, &limit, 1);
	rig_ticks(&rig, 2);
	assert_int_equal(rig.n_violations, 0);
	rig_breach(&rig, 0, 11 * MS);
	rig_tick(&rig);
	assert_int_equal(rig_state(&rig, 0, 0)->violations, 1);
	rig_end(&rig);
}

/* What the window held before counts for an objective that comes now, as far back as it may. */
static void window_stays(void **state)
{
	struct objective objective = latency(1 * CRITICAL), p50 = {.kind = OBJ_MAX_P50, .limit = 1 * MS};
	struct rig_component *c;
	struct rig rig;

	(void)state;
	c = rig_with(&rig, &objective, 1);
	for (int i = 0; i < 5; i++) {
		rig_many(c, 4, 2 * MS);
		rig_tick(&rig);
	}
	renew(&rig, &p50, 1);
	assert_int_equal(rig_shown(&rig, 0)->window.count, 20);
	rig_tick(&rig);
	assert_int_equal(rig.n_violations, 1);
	assert_int_equal(rig.violation.kind, OBJ_MAX_P50);
	/* Ten seconds later nothing of it is left in the window of before. */
	rig_many(c, 100, MS / 2);
	rig_ticks(&rig, 10);
	assert_int_equal(rig_shown(&rig, 0)->window.count, 100);
	rig_end(&rig);
}

static void shorter_window(void **state)
{
	struct objective objective = latency(1 * CRITICAL);
	struct contract contract = rig_contract(&objective, 1);
	struct window_spec window = window_spec_default();
	struct rig_component *c;
	struct rig rig;

	(void)state;
	c = rig_with(&rig, &objective, 1);
	for (int i = 1; i <= 9; i++) {
		rig_many(c, (size_t)i, 2 * MS);
		rig_tick(&rig);
	}
	window.duration_ns = 2 * SEC;
	assert_int_equal(renew_as(&rig, &contract, window), 0);
	assert_int_equal(rig_shown(&rig, 0)->window.count, 8 + 9);
	assert_int_equal(rig_shown(&rig, 0)->window.covered_ns, 2 * SEC);
	rig_tick(&rig);
	assert_int_equal(rig_shown(&rig, 0)->window.count, 9);
	rig_end(&rig);
}

/* One alert all along, from its beginning to its end. */
static void alert_goes_on(void **state)
{
	struct objective objective = latency(10 * MS), lower = latency(9 * MS);
	uint64_t since;
	struct rig rig;

	(void)state;
	rig_with(&rig, &objective, 1);
	rig_breach(&rig, 0, 11 * MS);
	rig_tick(&rig);
	since = rig.alert.since_ns;
	renew(&rig, &lower, 1);
	rig_breach(&rig, 0, 11 * MS);
	rig_tick(&rig);
	assert_int_equal(rig.n_alerts, 1);
	assert_int_equal(rig_snapshot(&rig)->n_firing, 1);
	rig_ticks(&rig, 31);
	assert_int_equal(rig.n_alerts, 2);
	assert_int_equal(rig.alert.event, ALERT_EVENT_RESOLVED);
	assert_int_equal(rig.alert.since_ns, since);
	assert_int_equal(rig.alert.violations, 2);
	rig_end(&rig);
}

/* Of what is not promised any more the alert ends, and the verdict stays. */
static void promise_gone(void **state)
{
	struct objective objective = latency(10 * MS), other = {.kind = OBJ_MAX_P50, .limit = 1 * SEC};
	struct rig rig;

	(void)state;
	rig_with(&rig, &objective, 1);
	rig_breach(&rig, 0, 11 * MS);
	rig_tick(&rig);
	renew(&rig, &other, 1);
	assert_int_equal(rig.alert.event, ALERT_EVENT_RESOLVED);
	assert_int_equal(rig_snapshot(&rig)->n_firing, 0);
	rig_tick(&rig);
	assert_int_equal(rig_shown(&rig, 0)->n_objectives, 1);
	assert_int_equal(rig_shown(&rig, 0)->violations, 1);
	assert_int_equal(rig_snapshot(&rig)->verdict, VERDICT_VIOLATED);
	rig_end(&rig);
}

/* Of a verdict that stays it is known what was promised, and until when; of what held nothing is kept. */
static void withdrawn_is_kept(void **state)
{
	struct objective objective = latency(10 * MS), higher = latency(1 * SEC);
	struct objective held = {.kind = OBJ_MAX_BACKLOG, .limit = 5};
	const struct component_snapshot *shown;
	uint64_t first;
	struct rig rig;

	(void)state;
	rig_with(&rig, &objective, 1);
	rig_breach(&rig, 0, 11 * MS);
	rig_tick(&rig);
	first = rig.now_ns;
	renew(&rig, &objective, 1);
	assert_int_equal(rig_shown(&rig, 0)->n_withdrawn, 0);
	renew(&rig, &higher, 1);
	rig_ticks(&rig, 3);
	renew(&rig, &held, 1);
	renew(&rig, &higher, 1);
	shown = rig_shown(&rig, 0);
	assert_int_equal(shown->n_withdrawn, 2);
	assert_float_equal(shown->withdrawn[0].objective.limit, 10.0 * MS, 0);
	assert_float_equal(shown->withdrawn[0].worst, 11.0 * MS, 0);
	assert_int_equal(shown->withdrawn[0].violations, 1);
	assert_int_equal(shown->withdrawn[0].verdict, VERDICT_VIOLATED);
	assert_int_equal(shown->withdrawn[0].until_ns, first);
	assert_int_equal(shown->withdrawn[1].until_ns, first + 3 * SEC);
	assert_int_equal(shown->objectives[0].verdict, VERDICT_HELD);
	assert_int_equal(shown->verdict, VERDICT_VIOLATED);
	for (int i = 0; i < 20; i++) {
		struct objective next = latency((double)(MS * (uint64_t)(20 - i)));

		renew(&rig, &next, 1);
		rig_breach(&rig, 0, SEC);
		rig_tick(&rig);
	}
	shown = rig_shown(&rig, 0);
	assert_int_equal(shown->n_withdrawn, 16);
	assert_float_equal(shown->withdrawn[15].objective.limit, 2.0 * MS, 0);
	rig_end(&rig);
}

/* The log and alerts speak of values by names that outlive the objectives. */
static void values_keep_their_names(void **state)
{
	struct objective objective = {.kind = OBJ_MAX_VALUE, .limit = 5, .value = "queue"};
	struct contract contract = rig_contract(&objective, 1);
	struct monitor_component wanted = rig_wanted(&contract, window_spec_default());
	const struct snapshot *snapshot;
	struct lapse_span span;
	struct rig rig;

	(void)state;
	rig_begin(&rig);
	wanted.value_name[0] = "queue";
	rig_add_as(&rig, &wanted);
	span = rig_span(&rig, 0, 7, rig.now_ns, MS);
	span.values = 1;
	span.value[0] = 9;
	rig_value(&rig.component[0], 0, 9);
	assert_int_equal(monitor_span(rig.monitor, &span), 0);
	rig_tick(&rig);
	renew(&rig, &objective, 1);
	monitor_kernel_value_levels(rig.monitor, 0, "queue", rig.component[0].above[0],
				    rig.component[0].below[0]);
	snapshot = rig_snapshot(&rig);
	assert_string_equal(snapshot->firing[0].value, "queue");
	assert_string_equal(snapshot->components[0].newest[0].value, "queue");
	assert_ptr_equal(snapshot->components[0].newest[0].value, snapshot->firing[0].value);
	rig_value(&rig.component[0], 0, 9);
	assert_int_equal(monitor_span(rig.monitor, &span), 0);
	rig_tick(&rig);
	assert_int_equal(rig_state(&rig, 0, 0)->violations, 2);
	renew(&rig, NULL, 0);
	assert_null(rig_snapshot(&rig)->components[0].newest[0].value);
	rig_end(&rig);
}

/* Labels are the new contract's, and so is everything else of how alerts are told. */
static void policy_and_labels(void **state)
{
	struct label label = {(char *)"team", (char *)"x"};
	struct objective objective = latency(10 * MS);
	struct contract contract;
	struct rig rig;

	(void)state;
	rig_with(&rig, &objective, 1);
	rig_breach(&rig, 0, 11 * MS);
	rig_tick(&rig);
	contract = rig_contract(&objective, 1);
	contract.labels = (struct label_set){&label, 1};
	contract.alerts.resolve_after_ns = 2 * SEC;
	assert_int_equal(renew_as(&rig, &contract, window_spec_default()), 0);
	assert_int_equal(rig_shown(&rig, 0)->labels.n, 1);
	rig_ticks(&rig, 3);
	assert_int_equal(rig.alert.event, ALERT_EVENT_RESOLVED);
	rig_end(&rig);
}

/* The ticks that were up count on; over another stretch of time it is observed anew. */
static void uptime_goes_on(void **state)
{
	struct objective uptime = {.kind = OBJ_MIN_UPTIME, .limit = 0.9}, shorter = uptime;
	struct rig rig;

	(void)state;
	shorter.over_ns = 20 * SEC;
	rig_with(&rig, &uptime, 1);
	rig_ticks(&rig, 15);
	assert_int_equal(rig_state(&rig, 0, 0)->verdict, VERDICT_HELD);
	renew(&rig, &uptime, 1);
	rig_tick(&rig);
	assert_int_equal(rig_state(&rig, 0, 0)->verdict, VERDICT_HELD);
	assert_int_equal(uptime_observed(&rig.monitor->components[0]->objectives[0].uptime), 16);
	renew(&rig, &shorter, 1);
	rig_tick(&rig);
	assert_int_equal(uptime_observed(&rig.monitor->components[0]->objectives[0].uptime), 1);
	rig_end(&rig);
}

/* What has burnt is not forgotten; what was bad by another limit is. */
static void budgets_go_on(void **state)
{
	struct objective budget = {.kind = OBJ_LATENCY_BUDGET,
				   .limit = 1,
				   .span_limit = 30 * MS,
				   .budget = 0.01,
				   .target = 0.99,
				   .period_ns = 720ULL * 3600 * SEC},
			 other = budget;
	const struct burn_window *window;
	struct rig rig;

	(void)state;
	other.span_limit = 40 * MS;
	rig_with(&rig, &budget, 1);
	for (int i = 0; i < 100; i++) {
		rig_many(&rig.component[0], 95, MS);
		rig_many(&rig.component[0], 5, 31 * MS);
		rig_tick(&rig);
	}
	renew(&rig, &budget, 1);
	window = &rig.monitor->components[0]->objectives[0].burn->windows[0][BURN_LONG];
	assert_int_equal(window->sum.bad, 500);
	rig_tick(&rig);
	assert_int_equal(window->sum.total, 10000);
	renew(&rig, &other, 1);
	assert_int_equal(rig.monitor->components[0]->objectives[0].burn->windows[0][BURN_LONG].sum.bad, 0);
	rig_end(&rig);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(uptime_goes_on),
		cmocka_unit_test(budgets_go_on),
		cmocka_unit_test(lower_limit),
		cmocka_unit_test(higher_limit),
		cmocka_unit_test(same_limit),
		cmocka_unit_test(in_flight),
		cmocka_unit_test(new_objective),
		cmocka_unit_test(window_stays),
		cmocka_unit_test(shorter_window),
		cmocka_unit_test(alert_goes_on),
		cmocka_unit_test(withdrawn_is_kept),
		cmocka_unit_test(promise_gone),
		cmocka_unit_test(values_keep_their_names),
		cmocka_unit_test(policy_and_labels),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
