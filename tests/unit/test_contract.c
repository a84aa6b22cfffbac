// SPDX-License-Identifier: GPL-2.0-or-later
/* The table of objectives, severities, and the limits given to the kernel. */
#include "rig.h"

#include "monitor/levels.h"

static const uint64_t NONE = UINT64_MAX;

static void table(void **state)
{
	int kind;

	(void)state;
	for (kind = 0; kind < OBJ_KINDS; kind++) {
		const struct objective_kind_info *info = objective_info(kind);

		assert_int_equal(info->kind, kind);
		if (info->by_burn)
			assert_ptr_equal(objective_by_budget(objective_by_key(info->key)->kind), info);
		else if (!info->of_system)
			assert_ptr_equal(objective_by_key(info->key), info);
		assert_true(info->help && info->violation);
		assert_int_equal(info->upper, !strncmp(info->key, "max_", 4));
	}
	assert_string_equal(objective_by_key("max_latency")->violation, "LATENCY_VIOLATION");
	assert_string_equal(objective_by_key("max_p999")->violation, "PERCENTILE_VIOLATION");
	assert_true(objective_by_key("max_p999")->quantile == 0.999);
	assert_null(objective_by_key("max_latancy"));
}

static void defaults(void **state)
{
	struct thresholds t = thresholds_default();

	(void)state;
	assert_true(t.warning_multiplier == 1.0 && t.critical_multiplier == 2.0);
	assert_true(t.critical_error_rate == 0.1 && t.warning_uptime == 0.995 && t.critical_uptime == 0.99);
	assert_int_equal(alert_policy_default().cooldown_ns, 60 * SEC);
	assert_int_equal(alert_policy_default().resolve_after_ns, 30 * SEC);
	assert_int_equal(window_spec_default().duration_ns, 10 * SEC);
	assert_int_equal(window_spec_default().max_ns, 600 * SEC);
	assert_int_equal(window_spec_default().last, 0);
}

static void expect_severity(double warning, double critical, double measured, enum severity wanted)
{
	struct objective o = {.kind = OBJ_MAX_LATENCY, .limit = 100};
	struct thresholds t = thresholds_default();

	t.warning_multiplier = warning;
	t.critical_multiplier = critical;
	assert_int_equal(severity_of(&o, &t, measured), wanted);
}

static void severities(void **state)
{
	struct objective fixed = {.limit = 100, .has_severity = true, .severity = SEV_NOTICE};
	struct thresholds t = thresholds_default();

	(void)state;
	expect_severity(1.0, 2.0, 101, SEV_WARNING);
	expect_severity(1.0, 2.0, 200, SEV_WARNING);
	expect_severity(1.0, 2.0, 201, SEV_CRITICAL);
	expect_severity(1.5, 2.0, 150, SEV_NOTICE);
	expect_severity(1.5, 2.0, 151, SEV_WARNING);
	expect_severity(1.5, 2.0, 201, SEV_CRITICAL);
	expect_severity(3.0, 2.0, 300, SEV_NOTICE);
	expect_severity(3.0, 2.0, 301, SEV_CRITICAL);
	expect_severity(0.8, 2.0, 101, SEV_WARNING);
	expect_severity(1.0, 2.3, 230, SEV_WARNING);
	expect_severity(1.0, 2.3, 231, SEV_CRITICAL);
	expect_severity(1.0, 0.5, 101, SEV_CRITICAL);
	assert_int_equal(severity_of(&fixed, &t, 1000), SEV_NOTICE);
}

struct levels_case {
	double warning, critical;
	int severity; /* -1: not fixed */
	uint64_t level[LAPSE_LEVELS];
};

static void expect_levels(const struct levels_case *wanted)
{
	struct objective o = {.kind = OBJ_MAX_LATENCY, .limit = 30 * MS};
	struct contract contract = rig_contract(&o, 1);
	struct rig_component *c;
	struct rig rig;
	int i;

	contract.thresholds.warning_multiplier = wanted->warning;
	contract.thresholds.critical_multiplier = wanted->critical;
	o.has_severity = wanted->severity >= 0;
	o.severity = o.has_severity ? (enum severity)wanted->severity : SEV_NOTICE;
	rig_begin(&rig);
	c = rig_add(&rig, &contract, window_spec_default());
	for (i = 0; i < LAPSE_LEVELS; i++)
		assert_int_equal(c->level_ns[i], wanted->level[i]);
	rig_end(&rig);
}

static void levels(void **state)
{
	static const struct levels_case cases[] = {
		{1.0, 2.0, -1, {NONE, 30 * MS, 60 * MS}},
		{1.5, 2.0, -1, {30 * MS, 45 * MS, 60 * MS}},
		{1.1, 2.0, -1, {30 * MS, 33 * MS, 60 * MS}},
		{3.0, 2.0, -1, {30 * MS, 90 * MS, 90 * MS}},
		{0.8, 2.0, -1, {24 * MS, 30 * MS, 60 * MS}},
		{1.0, 0.5, -1, {NONE, 30 * MS, 30 * MS}},
		{1.0, 2.0, SEV_NOTICE, {30 * MS, NONE, NONE}},
		{1.0, 2.0, SEV_WARNING, {NONE, 30 * MS, NONE}},
		{1.0, 2.0, SEV_CRITICAL, {NONE, 30 * MS, 30 * MS}},
		{0.8, 2.0, SEV_NOTICE, {24 * MS, 30 * MS, NONE}},
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(*cases); i++)
		expect_levels(&cases[i]);
}

/* Values may be limited at 0 and below: there smaller magnitudes lie above, and greater ones below. */
static void signed_limits(void **state)
{
	static const struct {
		enum objective_kind kind;
		double limit, warning;
		int64_t level[LAPSE_LEVELS];
	} cases[] = {
		{OBJ_MAX_VALUE, 10, 1.0, {INT64_MAX, 10, 20}},
		{OBJ_MIN_VALUE, 10, 1.0, {INT64_MIN, 10, 5}},
		{OBJ_MAX_VALUE, 0, 1.0, {INT64_MAX, 0, 0}},
		{OBJ_MIN_VALUE, 0, 1.0, {INT64_MIN, 0, 0}},
		{OBJ_MAX_VALUE, 0, 1.5, {0, 0, 0}},
		{OBJ_MIN_VALUE, 0, 0.8, {0, 0, 0}},
		{OBJ_MAX_VALUE, -10, 1.0, {INT64_MAX, -10, -5}},
		{OBJ_MIN_VALUE, -10, 1.0, {INT64_MIN, -10, -20}},
		{OBJ_MAX_VALUE, -8, 0.8, {-10, -8, -4}},
		{OBJ_MIN_VALUE, -10, 0.8, {-8, -10, -20}},
		{OBJ_MIN_VALUE, -10, 1.5, {-10, -15, -20}},
		{OBJ_MAX_VALUE, -1, 1.0, {INT64_MAX, -1, -1}},
	};
	struct thresholds t = thresholds_default();

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct objective o = {.kind = cases[i].kind, .limit = cases[i].limit, .value = "balance"};
		struct levels l;

		t.warning_multiplier = cases[i].warning;
		levels_set(&l, &o, &t);
		for (int level = 0; level < LAPSE_LEVELS; level++)
			assert_true(l.at[level] == cases[i].level[level]);
	}
}

static void values_of_a_contract(void **state)
{
	struct objective o[] = {{.kind = OBJ_MAX_VALUE, .limit = 1, .value = "depth"},
				{.kind = OBJ_MAX_LATENCY, .limit = 1},
				{.kind = OBJ_MIN_VALUE, .limit = 1, .value = "depth"},
				{.kind = OBJ_MIN_BATCH_SIZE, .limit = 1},
				{.kind = OBJ_MIN_VALUE, .limit = 1, .value = "width"}};
	struct contract contract = rig_contract(o, 5);
	const char *names[2];

	(void)state;
	assert_int_equal(contract_values(&contract, names, 2), 3);
	assert_string_equal(names[0], "depth");
	assert_string_equal(names[1], "batch_size");
}

static void no_latency_no_levels(void **state)
{
	struct objective o = {.kind = OBJ_MAX_P99, .limit = 30 * MS};
	struct rig rig;
	struct rig_component *c = rig_with(&rig, &o, 1);

	(void)state;
	assert_true(c->level_ns[0] == NONE && c->level_ns[1] == NONE && c->level_ns[2] == NONE);
	rig_end(&rig);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(table),
		cmocka_unit_test(defaults),
		cmocka_unit_test(severities),
		cmocka_unit_test(levels),
		cmocka_unit_test(signed_limits),
		cmocka_unit_test(values_of_a_contract),
		cmocka_unit_test(no_latency_no_levels),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
