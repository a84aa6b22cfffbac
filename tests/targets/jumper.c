// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Ways out of a function, and into one, that are not call and return:
 *
 *     jumper [--rounds N] [--pause D]
 *
 * longjmp out of one to five nested functions nest_1 .. nest_5 (each fourth round returns as
 * usual), after each of which it sleeps for D; a tail call (tail_a jumps to tail_b) and a function that jumps
 * to its own entry.
 */
#include "common.h"

#include <getopt.h>
#include <setjmp.h>

#define LEVELS	   5
#define SELF_TURNS 3

static jmp_buf way_out;
static long entries[LEVELS + 1], returns[LEVELS + 1];
static volatile long sink;

#define NEST(level, inner)                            \
	PROBED void nest_##level(int depth, int jump) \
	{                                             \
		entries[level]++;                     \
		if (depth > 1)                        \
			inner(depth - 1, jump);       \
		else if (jump)                        \
			longjmp(way_out, 1);          \
		returns[level]++;                     \
	}

static void no_level(int depth, int jump)
{
	(void)depth;
	(void)jump;
}

NEST(5, no_level)
NEST(4, nest_5)
NEST(3, nest_4)
NEST(2, nest_3)
NEST(1, nest_2)

long tail_a(long x);
long self_jump(long turns);

PROBED long tail_b(long x)
{
	sink = x;
	return x + 1;
}

#ifdef __x86_64__
__asm__(".text\n"
	".p2align 4\n"
	".globl tail_a\n"
	".type tail_a, @function\n"
	"tail_a:\n"
	".cfi_startproc\n"
	"push %rbp\n"
	"add $1, %rdi\n"
	"pop %rbp\n"
	"jmp tail_b\n"
	".cfi_endproc\n"
	".size tail_a, . - tail_a\n"
	".p2align 4\n"
	".globl self_jump\n"
	".type self_jump, @function\n"
	"self_jump:\n"
	".cfi_startproc\n"
	"nop\n"
	"mov %rdi, %rax\n"
	"sub $1, %rdi\n"
	"jg self_jump\n"
	"ret\n"
	".cfi_endproc\n"
	".size self_jump, . - self_jump\n");
#else
PROBED long tail_a(long x)
{
	return tail_b(x + 1);
}

PROBED long self_jump(long turns)
{
	return turns > 1 ? self_jump(turns - 1) : turns;
}
#endif

static void nested_round(long round, uint64_t pause)
{
	struct timespec time = {.tv_sec = (time_t)(pause / 1000000000),
				.tv_nsec = (long)(pause % 1000000000)};

	if (!setjmp(way_out))
		nest_1((int)(round % LEVELS) + 1, round % 4 != 3);
	if (pause)
		nanosleep(&time, NULL);
}

int main(int argc, char **argv)
{
	static const struct option longs[] = {
		{"rounds", 1, NULL, 'r'}, {"pause", 1, NULL, 'p'}, {NULL, 0, NULL, 0}};
	long rounds = 1000, i;
	uint64_t pause = 0;
	int c;

	while ((c = getopt_long(argc, argv, "", longs, NULL)) != -1) {
		if (c == 'r')
			rounds = atol(optarg);
		else if (c == 'p')
			pause = parse_duration(optarg);
		else
			return 2;
	}
	target_ready();
	for (i = 0; i < rounds; i++)
		nested_round(i, pause);
	for (i = 0; i < rounds; i++) {
		tail_a(i);
		tail_b(i);
		self_jump(SELF_TURNS);
	}
	target_done("entries=%ld,%ld,%ld,%ld,%ld returns=%ld,%ld,%ld,%ld,%ld "
		    "tail_a=%ld tail_b=%ld self_jump=%ld self_turns=%ld",
		    entries[1], entries[2], entries[3], entries[4], entries[5], returns[1], returns[2],
		    returns[3], returns[4], returns[5], rounds, 2 * rounds, rounds, rounds * SELF_TURNS);
	return 0;
}
