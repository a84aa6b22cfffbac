// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Functions that someone may declare to be waits, and what is blocked for inside and beside them:
 *
 *     waiting WHAT [--rounds N] [--ns D]
 *
 * Each round calls whole(), which naps for --ns in the ways of WHAT:
 *
 * nested    in outer_wait() before and behind its call of inner_wait(), in that, and beside them
 * again     in inner_wait(), which calls itself twice; then beside it
 * jump      in left_wait(), which longjmp() or, as C++, an exception leaves; then, at a depth where its frame
 *           was, and at one where it was not, beside it
 * tail      in tail_nap(), which tail_wait() ends by a jump to; then beside it
 * outside   beside all waits; before that outer_wait() is called outside of whole()
 * busy      nowhere, but hot_wait() is called HOT times
 *
 * "done" tells what the naps in outer waits, in inner_wait() and beside all waits took by the program's
 * clock.
 */
#include "common.h"

#include <getopt.h>
#include <setjmp.h>

#ifdef __cplusplus
extern "C" {
#endif
long tail_wait(void);
long tail_nap(void);
#ifdef __cplusplus
}
#endif

#define HOT   400
#define BELOW 4096
#define AGAIN 2

#ifndef __cplusplus
static jmp_buf way_out;
#endif
static uint64_t nap_ns = 1000000;
static volatile long sink;

/* Where a nap is, as the truth tells it. */
static enum where { OUTER, INNER, BESIDE, PLACES } where = BESIDE;
static uint64_t slept_ns[PLACES];

static void nap(void)
{
	struct timespec left = {(time_t)(nap_ns / 1000000000), (long)(nap_ns % 1000000000)};
	uint64_t start = now_ns();

	while (nanosleep(&left, &left))
		;
	slept_ns[where] += now_ns() - start;
}

static void nap_in(enum where place)
{
	enum where before = where;

	where = place;
	nap();
	where = before;
}

PROBED void inner_wait(long again)
{
	if (again)
		inner_wait(again - 1);
	nap_in(INNER);
	sink++;
}

PROBED void outer_wait(void)
{
	nap_in(OUTER);
	inner_wait(0);
	nap_in(OUTER);
	sink++;
}

PROBED void left_wait(void)
{
	nap_in(OUTER);
	if (sink < 0)
		return;
#ifdef __cplusplus
	throw 1;
#else
	longjmp(way_out, 1);
#endif
}

/* Begins with what a probe costs least at. */
PROBED void hot_wait(void)
{
	__asm__ volatile("" ::: "rbx");
}

PROBED long tail_nap(void)
{
	nap_in(OUTER);
	return ++sink;
}

#ifdef __x86_64__
__asm__(".text\n"
	".p2align 4\n"
	".globl tail_wait\n"
	".type tail_wait, @function\n"
	"tail_wait:\n"
	".cfi_startproc\n"
	"push %rbp\n"
	".cfi_adjust_cfa_offset 8\n"
	"pop %rbp\n"
	".cfi_adjust_cfa_offset -8\n"
	"jmp tail_nap\n"
	".cfi_endproc\n"
	".size tail_wait, . - tail_wait\n");
#else
PROBED long tail_wait(void)
{
	return tail_nap() + 1;
}
#endif

/* Overwrites where the frame of what was left lay, and stands below it. */
__attribute__((noinline)) static void nap_below(void)
{
	volatile char room[BELOW];

	for (long i = 0; i < BELOW; i++)
		room[i] = 0;
	nap_in(BESIDE);
	sink += room[0];
}

static void leave(void)
{
#ifdef __cplusplus
	try {
		left_wait();
	} catch (int) {
		sink++;
	}
#else
	if (!setjmp(way_out))
		left_wait();
#endif
}

static void do_nested(void)
{
	outer_wait();
	nap();
}

static void do_again(void)
{
	inner_wait(AGAIN);
	nap();
}

static void do_jump(void)
{
	leave();
	nap();
	nap_below();
}

static void do_tail(void)
{
	sink += tail_wait();
	nap();
}

static void do_outside(void)
{
	nap();
}

static void do_busy(void)
{
	for (long i = 0; i < HOT; i++)
		hot_wait();
}

PROBED void whole(void (*what)(void))
{
	what();
	sink++;
}

static const struct what {
	const char *name;
	void (*act)(void);
} whats[] = {
	{"nested", do_nested}, {"again", do_again},	{"jump", do_jump},
	{"tail", do_tail},     {"outside", do_outside}, {"busy", do_busy},
};

static const struct what *find(const char *name)
{
	for (size_t i = 0; name && i < sizeof(whats) / sizeof(*whats); i++)
		if (!strcmp(whats[i].name, name))
			return &whats[i];
	fprintf(stderr, "waiting: no %s\n", name ? name : "WHAT given");
	exit(2);
}

int main(int argc, char **argv)
{
	static const struct option options[] = {{"rounds", required_argument, NULL, 'r'},
						{"ns", required_argument, NULL, 'n'},
						{NULL, 0, NULL, 0}};
	const struct what *what;
	long rounds = 50;
	int key;

	while ((key = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (key == 'r')
			rounds = atol(optarg);
		else if (key == 'n')
			nap_ns = parse_duration(optarg);
		else
			exit(2);
	}
	what = find(argv[optind]);
	target_ready();
	for (long i = 0; i < rounds; i++) {
		if (what->act == do_outside)
			outer_wait();
		whole(what->act);
	}
	target_done("rounds=%ld outer_ns=%llu inner_ns=%llu beside_ns=%llu", rounds,
		    (unsigned long long)slept_ns[OUTER], (unsigned long long)slept_ns[INNER],
		    (unsigned long long)slept_ns[BESIDE]);
	return 0;
}
