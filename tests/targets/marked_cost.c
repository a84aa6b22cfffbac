// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What a marked call costs. After "go" a line "NAME CALLS" asks for a round, the end of input for the end:
 *
 *     test:   marked 20000
 *     target: round 1 marked 1.873      (nanoseconds of this thread's CPU a call)
 *
 * NAME: bare        an empty function
 *       marked      the same within LAPSE_BEGIN and LAPSE_END of cost_span
 *       named       the same by the name cost_named
 *       function    the empty function marked_function, for a probe of the usual kind
 */
#include "common.h"
#include "lapse.h"

/* So that the compiler neither sees through a call nor moves anything past it. */
#define OPAQUE() __asm__ volatile("" : : : "memory")

void marked_function(void);

__asm__(".text\n"
	".p2align 4\n"
	".globl marked_function\n"
	".type marked_function, @function\n"
	"marked_function:\n"
	".byte 0x0f, 0x1f, 0x44, 0x00, 0x00\n"
	"ret\n"
	".size marked_function, . - marked_function\n");

PROBED void bare(void)
{
	OPAQUE();
}

PROBED void marked(void)
{
	lapse_span_t span = LAPSE_BEGIN(cost_span);

	OPAQUE();
	LAPSE_END(cost_span, span, 1);
}

PROBED void named(void)
{
	lapse_span_t span = lapse_named_begin();

	OPAQUE();
	lapse_named_end("cost_named", span, 1);
}

static const struct {
	const char *name;
	void (*call)(void);
} functions[] = {
	{"bare", bare},
	{"marked", marked},
	{"named", named},
	{"function", marked_function},
};

static uint64_t cpu_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &ts);
	return (uint64_t)ts.tv_sec * 1000000000 + (uint64_t)ts.tv_nsec;
}

static double ns_per_call(void (*call)(void), long calls)
{
	uint64_t start = cpu_ns();
	long i;

	for (i = 0; i < calls; i++)
		call();
	return (double)(cpu_ns() - start) / (double)calls;
}

static void round_of(const char *name, long calls)
{
	static int rounds;
	size_t i;

	for (i = 0; i < sizeof(functions) / sizeof(*functions); i++)
		if (!strcmp(functions[i].name, name))
			printf("round %d %s %.3f\n", ++rounds, name, ns_per_call(functions[i].call, calls));
	fflush(stdout);
}

int main(void)
{
	char name[16];
	long calls;

	target_ready();
	while (scanf("%15s %ld", name, &calls) == 2)
		round_of(name, calls);
	return 0;
}
