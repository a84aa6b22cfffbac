// SPDX-License-Identifier: GPL-2.0-or-later
/* Where a thread stands by /proc: one that is blocked at a known place, one that runs, one that is gone. */
#include "blocked.h"

#include "stack/thread.h"

/* It was stopped for its copy, and is on its way back. */
static void await_block(const struct blocked *child, uint64_t *ip, uint64_t *sp)
{
	int blocked;

	while (!(blocked = thread_registers(child->pid, child->tid, ip, sp)))
		sched_yield();
	assert_int_equal(blocked, 1);
}

static void one_that_is_blocked(void **state)
{
	struct blocked child;
	uint64_t ip = 0, sp = 0;
	char bytes[256];

	(void)state;
	blocked_open(&child, "chain", "main");
	await_block(&child, &ip, &sp);
	assert_int_equal(ip, child.piece.ip);
	assert_int_equal(sp, child.piece.sp);
	assert_int_equal(thread_memory(child.pid, sp, bytes, sizeof(bytes)), sizeof(bytes));
	assert_memory_equal(bytes, child.piece.bytes, sizeof(bytes));
	blocked_end(&child);
	assert_true(thread_registers(child.pid, child.tid, &ip, &sp) < 0);
	assert_int_equal(thread_memory(child.pid, sp, bytes, sizeof(bytes)), 0);
}

static void what_the_kernel_is_at(void **state)
{
	static char names[64][THREAD_NAME];
	struct blocked child;
	uint64_t ip, sp;
	size_t n;

	(void)state;
	blocked_open(&child, "chain", "main");
	await_block(&child, &ip, &sp);
	n = thread_kernel_stack(child.pid, child.tid, names, 64);
	blocked_end(&child);
	if (geteuid() || access("/proc/self/stack", R_OK))
		skip();
	assert_true(n > 0);
	assert_non_null(strchr(names[0], '+'));
	assert_null(strchr(names[0], '/'));
	assert_int_equal(thread_kernel_stack(child.pid, child.tid, names, 64), 0);
}

static void one_that_runs(void **state)
{
	pid_t pid = fork();
	uint64_t ip, sp;

	(void)state;
	if (!pid)
		for (;;)
			__asm__ volatile("");
	/* It may not have begun. */
	while (thread_registers(pid, pid, &ip, &sp))
		sched_yield();
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_that_is_blocked),
		cmocka_unit_test(what_the_kernel_is_at),
		cmocka_unit_test(one_that_runs),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
