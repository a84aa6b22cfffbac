// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Empty functions that differ in how they begin, and what a call of each costs. After "go" a line
 * "NAME CALLS" asks for a round, the end of input for the end:
 *
 *     test:   push 20000
 *     target: round 1 push 1.873        (nanoseconds of this thread's CPU a call)
 */
#include "common.h"

typedef void (*empty_function)(void);

void empty_push(void);
void empty_nop5(void);
void empty_endbr(void);
void empty_mov(void);
void empty_stepped(void);

#ifdef __x86_64__
#define EMPTY(name, first)                                 \
	__asm__(".text\n"                                  \
		".p2align 4\n"                             \
		".globl " #name "\n"                       \
		".type " #name ", @function\n" #name ":\n" \
		".cfi_startproc\n" first "ret\n"           \
		".cfi_endproc\n"                           \
		".size " #name ", . - " #name "\n")
#define SAVE_RBP                     \
	"push %rbp\n"                \
	".cfi_adjust_cfa_offset 8\n" \
	"pop %rbp\n"                 \
	".cfi_adjust_cfa_offset -8\n"

EMPTY(empty_push, SAVE_RBP);
EMPTY(empty_nop5, ".byte 0x0f, 0x1f, 0x44, 0x00, 0x00\n");
EMPTY(empty_endbr, "endbr64\n" SAVE_RBP);
EMPTY(empty_mov, "mov %edi, %eax\n" SAVE_RBP);
/* Longer than a tracer may move a probe, and not one instruction that the kernel emulates. */
EMPTY(empty_stepped, ".rept 16\n"
		     "lea 1(%rax), %rax\n"
		     ".endr\n");
#else
#define EMPTY(name)                   \
	PROBED void name(void)        \
	{                             \
		__asm__ volatile(""); \
	}

EMPTY(empty_push)
EMPTY(empty_nop5)
EMPTY(empty_endbr)
EMPTY(empty_mov)
EMPTY(empty_stepped)
#endif

static const struct {
	const char *name;
	empty_function call;
} functions[] = {
	{"push", empty_push}, {"nop5", empty_nop5},	  {"endbr", empty_endbr},
	{"mov", empty_mov},   {"stepped", empty_stepped},
};

static empty_function find_function(const char *name)
{
	size_t i;

	for (i = 0; i < sizeof(functions) / sizeof(*functions); i++)
		if (!strcmp(functions[i].name, name))
			return functions[i].call;
	fprintf(stderr, "cost: no function %s\n", name);
	exit(2);
}

/* Not the clock on the wall: what runs beside this does not count. */
static uint64_t cpu_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &ts);
	return (uint64_t)ts.tv_sec * 1000000000 + (uint64_t)ts.tv_nsec;
}

static double round_of(empty_function call, long calls)
{
	uint64_t start = cpu_ns();
	long i;

	for (i = 0; i < calls; i++)
		call();
	return (double)(cpu_ns() - start) / (double)calls;
}

int main(void)
{
	char line[64], name[16];
	long calls, round = 0;

	target_ready();
	while (fgets(line, sizeof(line), stdin)) {
		if (sscanf(line, "%15s %ld", name, &calls) != 2 || calls < 1)
			return 2;
		printf("round %ld %s %.3f\n", ++round, name, round_of(find_function(name), calls));
		fflush(stdout);
	}
	return 0;
}
