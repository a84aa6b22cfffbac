// SPDX-License-Identifier: GPL-2.0-or-later
/* When a thread that runs ahead goes to another processor, and which. */
#include "fixture.h"

#include "base/units.h"
#include "kernel/out_of_way.h"

#define OWN   1
#define OTHER 0

/* A thread of processor OWN that may use the first @cpus; nobody has woken it. */
static struct out_of_way thread_of(const __u32 *waker, int cpus)
{
	struct out_of_way self = {.waker = waker, .possible = true};

	for (int cpu = 0; cpu < cpus; cpu++)
		CPU_SET(cpu, &self.allowed);
	return self;
}

static void only_after_it_has_met_the_waker_a_few_times(void **state)
{
	__u32 waker = OWN;
	struct out_of_way self = thread_of(&waker, 2);

	(void)state;
	assert_false(out_of_way_meets(&self, OWN, 1));
	assert_false(out_of_way_meets(&self, OWN, 2));
	assert_true(out_of_way_meets(&self, OWN, 3));
}

static void not_where_it_meets_another_as_often_as_not(void **state)
{
	__u32 waker;
	struct out_of_way self = thread_of(&waker, 2);

	(void)state;
	for (uint64_t i = 0; i < 1000; i++) {
		waker = i % 2 ? OTHER : OWN;
		assert_false(out_of_way_meets(&self, OWN, 1 + i * NSEC_PER_SEC));
	}
}

static void seldom(void **state)
{
	__u32 waker = OWN;
	struct out_of_way self = thread_of(&waker, 2);
	uint64_t ms = NSEC_PER_MSEC, moved = 0;

	(void)state;
	for (uint64_t i = 1; i <= 1000; i++)
		moved += out_of_way_meets(&self, OWN, i * ms);
	assert_int_equal(moved, 10);
}

static void to_any_processor_but_the_waker_s(void **state)
{
	__u32 waker = 2;
	struct out_of_way self = thread_of(&waker, 4);
	cpu_set_t left;

	(void)state;
	assert_int_equal(out_of_way_choose(&self, &left), 3);
	assert_false(CPU_ISSET(2, &left));
	assert_true(CPU_ISSET(0, &left) && CPU_ISSET(1, &left) && CPU_ISSET(3, &left));
	/* What it was kept off once, it may use again. */
	waker = 0;
	assert_int_equal(out_of_way_choose(&self, &left), 3);
	assert_true(CPU_ISSET(2, &left));
	waker = CPU_SETSIZE;
	assert_int_equal(out_of_way_choose(&self, &left), 4);
}

static void nowhere_from_the_only_processor(void **state)
{
	__u32 waker = 0;
	struct out_of_way self = thread_of(&waker, 1);
	cpu_set_t left;

	(void)state;
	assert_int_equal(out_of_way_choose(&self, &left), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(only_after_it_has_met_the_waker_a_few_times),
		cmocka_unit_test(not_where_it_meets_another_as_often_as_not),
		cmocka_unit_test(seldom),
		cmocka_unit_test(to_any_processor_but_the_waker_s),
		cmocka_unit_test(nowhere_from_the_only_processor),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
