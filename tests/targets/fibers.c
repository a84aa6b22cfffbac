// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Two fibers that switch inside one probed function, so that its calls on one thread do not
 * nest:
 *
 *     fibers [ROUNDS]
 *
 * Each round: A enters, B enters, A returns, B returns.
 */
#include "common.h"

#include <ucontext.h>

#define STACK_SIZE (256 * 1024)

static ucontext_t main_context, fiber_context[2];
static char stacks[2][STACK_SIZE];
static long rounds = 500, returned[2];

PROBED long switching(int me, long round)
{
	swapcontext(&fiber_context[me], &fiber_context[!me]);
	return round * 2 + me;
}

static void fiber(int me)
{
	long i;

	for (i = 0; i < rounds; i++)
		returned[me] += switching(me, i) == i * 2 + me;
	if (!me) /* B is still inside its last call */
		swapcontext(&fiber_context[0], &fiber_context[1]);
}

static void make_fiber(int me)
{
	getcontext(&fiber_context[me]);
	fiber_context[me].uc_stack.ss_sp = stacks[me];
	fiber_context[me].uc_stack.ss_size = STACK_SIZE;
	fiber_context[me].uc_link = &main_context;
	makecontext(&fiber_context[me], (void (*)(void))fiber, 1, me);
}

int main(int argc, char **argv)
{
	if (argc > 1)
		rounds = atol(argv[1]);
	make_fiber(0);
	make_fiber(1);
	target_ready();
	swapcontext(&main_context, &fiber_context[0]);
	target_done("calls=%ld returned=%ld", 2 * rounds, returned[0] + returned[1]);
	return returned[0] + returned[1] == 2 * rounds ? 0 : 1;
}
