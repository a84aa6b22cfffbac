// SPDX-License-Identifier: GPL-2.0-or-later
/* What is known of one component for a line about it: the same as a whole snapshot says, and made without a
 * look at the others. */
#include "rig.h"

#include <time.h>

#define FEW	2
#define MANY	2000
#define ROUNDS	200
/* What many may take of few: with a look at each it were a thousand. */
#define AT_MOST 30

static struct objective slow = {.kind = OBJ_MAX_LATENCY, .limit = 30 * MS};

static void two_components(struct rig *rig)
{
	struct contract contract = rig_contract(&slow, 1);
	struct monitor_component wanted = rig_wanted(&contract, window_spec_default());

	rig_begin(rig);
	rig->unobserved = true;
	wanted.value_name[0] = "items";
	rig_add_as(rig, &wanted);
	wanted.name = "quotes";
	rig_add_as(rig, &wanted);
}

static void violate(struct rig *rig, uint32_t id)
{
	rig_ended(&rig->component[id], 50 * MS, true);
	rig_record(rig, id, 1, 50 * MS);
}

static void same_component(const struct component_snapshot *a, const struct component_snapshot *b)
{
	assert_string_equal(a->name, b->name);
	assert_int_equal(a->violations, b->violations);
	assert_int_equal(a->verdict, b->verdict);
	assert_int_equal(a->entries, b->entries);
	assert_int_equal(a->total.has_errors, b->total.has_errors);
	assert_int_equal(a->value_name[0] != NULL, b->value_name[0] != NULL);
}

static void says_what_the_whole_one_says(void **state)
{
	struct component_snapshot one;
	struct rig rig;

	(void)state;
	two_components(&rig);
	rig_snapshot(&rig);
	violate(&rig, 0);
	rig_tick(&rig);
	violate(&rig, 0);
	one = monitor_snapshot_of(rig.monitor, 0)->components[0];
	assert_int_equal(one.violations, 2);
	same_component(&one, rig_shown(&rig, 0));
	rig_end(&rig);
}

static void has_no_lists(const struct component_snapshot *c)
{
	assert_null(c->newest);
	assert_int_equal(c->n_newest, 0);
	assert_null(c->histogram);
	assert_int_equal(c->n_histogram, 0);
}

static void lists_are_in_a_full_one_alone(void **state)
{
	struct rig rig;

	(void)state;
	two_components(&rig);
	violate(&rig, 0);
	rig_tick(&rig);
	has_no_lists(&monitor_snapshot(rig.monitor)->components[0]);
	assert_int_equal(rig_shown(&rig, 0)->n_histogram, 1);
	assert_int_equal(rig_shown(&rig, 0)->histogram[0].count, 1);
	assert_int_equal(rig_shown(&rig, 0)->n_newest, 1);
	has_no_lists(&monitor_snapshot_of(rig.monitor, 0)->components[0]);
	rig_shown(&rig, 0);
	has_no_lists(&monitor_snapshot(rig.monitor)->components[0]);
	rig_end(&rig);
}

static void knows_all_names_from_the_first_on(void **state)
{
	const struct snapshot *snapshot;
	struct rig rig;

	(void)state;
	two_components(&rig);
	snapshot = monitor_snapshot_of(rig.monitor, 1);
	assert_non_null(snapshot);
	assert_int_equal(snapshot->n_components, 2);
	assert_string_equal(snapshot->components[0].name, "orders");
	assert_string_equal(snapshot->components[1].name, "quotes");
	rig_end(&rig);
}

/* Two, of which there is a snapshot, and one that came after it. */
static void one_came_later(struct rig *rig)
{
	struct contract contract = rig_contract(&slow, 1);
	struct monitor_component late = rig_wanted(&contract, window_spec_default());

	two_components(rig);
	rig_snapshot(rig);
	late.name = "late";
	rig_add_as(rig, &late);
}

static void knows_one_that_was_added_later(void **state)
{
	const struct snapshot *snapshot;
	struct rig rig;

	(void)state;
	one_came_later(&rig);
	snapshot = monitor_snapshot_of(rig.monitor, 0);
	assert_int_equal(snapshot->n_components, 3);
	assert_string_equal(snapshot->components[2].name, "late");
	rig_end(&rig);
}

static void of_the_whole_is_all_of_it(void **state)
{
	const struct snapshot *snapshot;
	struct rig rig;

	(void)state;
	two_components(&rig);
	rig_snapshot(&rig);
	violate(&rig, 1);
	snapshot = monitor_snapshot_of(rig.monitor, 2);
	assert_int_equal(snapshot->components[1].violations, 1);
	assert_int_equal(snapshot->verdict, VERDICT_VIOLATED);
	rig_end(&rig);
}

static void names_alone_leave_the_figures_as_they_were(void **state)
{
	const struct snapshot *snapshot;
	struct rig rig;

	(void)state;
	two_components(&rig);
	rig_snapshot(&rig);
	violate(&rig, 0);
	rig_tick(&rig);
	snapshot = monitor_names_of(rig.monitor, 0);
	assert_string_equal(snapshot->components[0].name, "orders");
	assert_string_equal(snapshot->components[1].name, "quotes");
	assert_int_equal(snapshot->components[0].violations, 0);
	assert_int_equal(rig_shown(&rig, 0)->violations, 1);
	rig_end(&rig);
}

static void names_alone_know_one_that_was_added_later(void **state)
{
	struct rig rig;

	(void)state;
	one_came_later(&rig);
	assert_string_equal(monitor_names_of(rig.monitor, 2)->components[2].name, "late");
	rig_end(&rig);
}

/* Nanoseconds of the quickest of some, with @n components. */
static double quickest(int n)
{
	struct contract contract = rig_contract(&slow, 1);
	struct monitor_component wanted = rig_wanted(&contract, window_spec_default());
	struct timespec from, to;
	double least = 1e18;
	struct rig rig;

	rig_begin(&rig);
	for (int i = 0; i < n; i++)
		assert_int_equal(monitor_add(rig.monitor, &wanted), i);
	rig_snapshot(&rig);
	for (int i = 0; i < ROUNDS; i++) {
		clock_gettime(CLOCK_THREAD_CPUTIME_ID, &from);
		assert_non_null(monitor_snapshot_of(rig.monitor, 1));
		clock_gettime(CLOCK_THREAD_CPUTIME_ID, &to);
		least = fmin(least,
			     (double)(to.tv_sec - from.tv_sec) * 1e9 + (double)(to.tv_nsec - from.tv_nsec));
	}
	rig_end(&rig);
	return least;
}

static void how_many_others_there_are_is_no_matter(void **state)
{
	double few = quickest(FEW), many = quickest(MANY);

	(void)state;
	print_message("of %d: %.0f ns, of %d: %.0f ns\n", FEW, few, MANY, many);
	assert_true(many < AT_MOST * few);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(says_what_the_whole_one_says),
		cmocka_unit_test(lists_are_in_a_full_one_alone),
		cmocka_unit_test(knows_all_names_from_the_first_on),
		cmocka_unit_test(knows_one_that_was_added_later),
		cmocka_unit_test(names_alone_leave_the_figures_as_they_were),
		cmocka_unit_test(names_alone_know_one_that_was_added_later),
		cmocka_unit_test(of_the_whole_is_all_of_it),
		cmocka_unit_test(how_many_others_there_are_is_no_matter),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
