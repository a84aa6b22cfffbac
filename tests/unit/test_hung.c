// SPDX-License-Identifier: GPL-2.0-or-later
/* What a span that hangs has spent until now: its thread's totals and the wait that it is in. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "bpf/blocks.h"
#include "kernel/hung.h"

#define MS    1000000ULL
#define START (5000 * MS)
#define NOW   (8000 * MS)

struct fixture {
	struct hung_span hung;
	struct lapse_open_waits open;
	struct lapse_block before, within;
};

/* A span of three seconds. Before it the thread had waited a second for a lock, and since 200 ms for the
 * disk. */
static struct fixture running(void)
{
	struct fixture f = {.hung = {.now.cause = LAPSE_CAUSES, .kernel_stack = -1, .user_stack = -1}};

	f.hung.head.span.start_ns = START;
	f.hung.head.span.duration_ns = NOW - START;
	f.hung.head.span.flags = LAPSE_SPAN_OPEN | LAPSE_SPAN_HUNG;
	f.open.at_entry.waited.ns[LAPSE_LOCK] = 1000 * MS;
	f.open.waits.total.ns[LAPSE_LOCK] = 1000 * MS;
	f.open.waits.total.ns[LAPSE_DISK] = 200 * MS;
	f.before = (struct lapse_block){
		.end_ns = START - MS, .duration_ns = 1000 * MS, .cause = LAPSE_LOCK, .kernel_stack = 3};
	f.within = (struct lapse_block){
		.end_ns = START + 300 * MS, .duration_ns = 200 * MS, .cause = LAPSE_DISK, .kernel_stack = 4};
	block_put(&f.open.waits.blocks, 0, &f.before);
	block_put(&f.open.waits.blocks, 1, &f.within);
	f.open.ip = 0x1000;
	f.open.sp = 0x2000;
	return f;
}

static void leaves_at(struct fixture *f, uint64_t off_ns, uint32_t cause)
{
	f->open.off_before = f->open.off_after = f->open.waits.off_ns = off_ns;
	f->open.waits.now =
		(struct lapse_block){.cause = cause, .kernel_stack = 7, .user_stack = 8, .peer.port = 80};
}

static const __u64 *explained(struct fixture *f)
{
	hung_explain(&f->hung, &f->open, NOW);
	assert_true(f->hung.head.span.flags & LAPSE_SPAN_WHY);
	return f->hung.head.why.ns;
}

static void one_that_runs(void **state)
{
	struct fixture f = running();
	const __u64 *ns = explained(&f);

	(void)state;
	assert_int_equal(f.hung.now.state, THREAD_RUNNING);
	assert_int_equal(f.hung.now.for_ns, 0);
	assert_int_equal(ns[LAPSE_DISK], 200 * MS);
	assert_int_equal(ns[LAPSE_LOCK], 0);
	assert_int_equal(f.hung.head.why.longest.kernel_stack, 4);
	assert_true(f.hung.has_registers);
	assert_int_equal(f.hung.ip, 0x1000);
}

static void one_that_is_blocked(void **state)
{
	struct fixture f = running();
	const __u64 *ns;

	(void)state;
	leaves_at(&f, NOW - 2500 * MS, LAPSE_LOCK);
	ns = explained(&f);
	assert_int_equal(f.hung.now.state, THREAD_BLOCKED);
	assert_int_equal(f.hung.now.cause, LAPSE_LOCK);
	assert_int_equal(f.hung.now.for_ns, 2500 * MS);
	assert_int_equal(f.hung.now.peer.port, 80);
	assert_int_equal(f.hung.kernel_stack, 7);
	assert_int_equal(f.hung.user_stack, 8);
	assert_int_equal(ns[LAPSE_LOCK], 2500 * MS);
	assert_int_equal(ns[LAPSE_DISK], 200 * MS);
	/* The present wait is the longest one so far, and has not ended. */
	assert_int_equal(f.hung.head.why.longest.duration_ns, 2500 * MS);
	assert_int_equal(f.hung.head.why.longest.end_ns, 0);
	assert_int_equal(f.hung.head.other.kernel_stack, 4);
}

/* In a poll, in a function that is said to wait for locks. */
static void one_in_a_declared_wait(void **state)
{
	struct fixture f = running();
	const __u64 *ns;

	(void)state;
	leaves_at(&f, NOW - 2500 * MS, LAPSE_POLL);
	f.open.waits.now.declared = LAPSE_LOCK;
	ns = explained(&f);
	assert_int_equal(f.hung.now.cause, LAPSE_LOCK);
	assert_int_equal(ns[LAPSE_LOCK], 2500 * MS);
	assert_int_equal(ns[LAPSE_POLL], 0);
	assert_int_equal(f.hung.head.why.longest.cause, LAPSE_LOCK);
}

static void a_longer_wait_before(void **state)
{
	struct fixture f = running();

	(void)state;
	leaves_at(&f, NOW - 100 * MS, LAPSE_NET);
	explained(&f);
	assert_int_equal(f.hung.head.why.longest.cause, LAPSE_DISK);
	assert_int_equal(f.hung.now.cause, LAPSE_NET);
}

static void one_that_was_woken(void **state)
{
	struct fixture f = running();
	const __u64 *ns;

	(void)state;
	leaves_at(&f, NOW - 1000 * MS, LAPSE_SLEEP);
	f.open.waits.woken_ns = NOW - 400 * MS;
	ns = explained(&f);
	assert_int_equal(f.hung.now.state, THREAD_RUNNABLE);
	assert_int_equal(f.hung.now.for_ns, 400 * MS);
	assert_int_equal(ns[LAPSE_SLEEP], 600 * MS);
	assert_int_equal(ns[LAPSE_RUNQ], 400 * MS);
}

static void one_that_was_preempted(void **state)
{
	struct fixture f = running();
	const __u64 *ns;

	(void)state;
	leaves_at(&f, NOW - 1000 * MS, LAPSE_RUNQ);
	f.open.waits.woken_ns = NOW - 1000 * MS;
	ns = explained(&f);
	assert_int_equal(f.hung.now.state, THREAD_RUNNABLE);
	assert_int_equal(ns[LAPSE_RUNQ], 1000 * MS);
}

/* It was copied a little after the tick's own time. */
static void no_more_than_its_age(void **state)
{
	struct fixture f = running();
	const __u64 *ns;
	uint64_t sum = 0;

	(void)state;
	f.open.waits.total.ns[LAPSE_DISK] = 10 * MS;
	f.open.waits.total.ns[LAPSE_NET] = NOW - START;
	ns = explained(&f);
	for (int cause = 0; cause < LAPSE_CAUSES; cause++)
		sum += ns[cause];
	assert_int_equal(sum, NOW - START);
	assert_int_equal(ns[LAPSE_DISK], 10 * MS);
	leaves_at(&f, NOW + MS, LAPSE_LOCK);
	assert_int_equal(explained(&f)[LAPSE_LOCK], 0);
	assert_int_equal(f.hung.now.for_ns, 0);
}

static void copied_in_a_switch(void **state)
{
	struct fixture f = running();

	(void)state;
	leaves_at(&f, NOW - 1000 * MS, LAPSE_LOCK);
	f.open.off_after = 0;
	hung_explain(&f.hung, &f.open, NOW);
	assert_false(f.hung.head.span.flags & LAPSE_SPAN_WHY);
	assert_int_equal(f.hung.now.state, THREAD_UNKNOWN);
	f.open.off_after = f.open.off_before;
	f.open.off_before = 0;
	hung_explain(&f.hung, &f.open, NOW);
	assert_false(f.hung.head.span.flags & LAPSE_SPAN_WHY);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_that_runs),	  cmocka_unit_test(one_that_is_blocked),
		cmocka_unit_test(one_in_a_declared_wait), cmocka_unit_test(a_longer_wait_before),
		cmocka_unit_test(one_that_was_woken),	  cmocka_unit_test(one_that_was_preempted),
		cmocka_unit_test(no_more_than_its_age),	  cmocka_unit_test(copied_in_a_switch),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
