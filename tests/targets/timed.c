// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Functions whose durations are known: each spins on the clock for the time it is given and
 * logs what it took in truth.
 *
 *     timed [--work NAME] [--threads N] [--calls N] [--ns LIST] [--gap D] [--log FILE]
 *
 * NAME: push endbr stepped nop5   by the function's first instructions
 *       parent                    calls child() K times (--children)
 *       jumped                    calls leaver() K times, which is left by longjmp()
 *       recurse                   recurse(DEPTH) (--depth), the innermost works
 * LIST: durations taken in turn (2us,50us,1ms), or LO..HI: anything between, the same in each run.
 */
#include "common.h"

#include <getopt.h>
#include <pthread.h>
#include <setjmp.h>

struct options {
	const char *work;
	const char *log_path;
	long threads, calls, children, depth;
	uint64_t gap_ns;
	uint64_t ns[32];
	int n_ns;
	int range;
};

struct worker {
	pthread_t thread;
	struct log log;
	uint64_t random;
};

static struct options opt = {
	.work = "push",
	.threads = 1,
	.calls = 1000,
	.children = 10,
	.depth = 40,
	.ns = {20000},
	.n_ns = 1,
};

static __thread struct log *my_log;
static pthread_barrier_t start_line;
static FILE *log_file;

/* The body of work_push, work_stepped and work_nop5, which differ in how they begin. */
__attribute__((used, noinline)) void timed_body(uint64_t ns, const char *name)
{
	uint64_t start = now_ns();

	log_add(my_log, name, start, busy_wait(start, ns) - start);
}

/* Compiled with -fcf-protection: the first instruction is endbr64, a push follows. */
PROBED void work_endbr(uint64_t ns)
{
	uint64_t start = now_ns();

	log_add(my_log, "work_endbr", start, busy_wait(start, ns) - start);
}

void work_push(uint64_t ns);
void work_stepped(uint64_t ns);
void work_nop5(uint64_t ns);

#ifdef __x86_64__
#define ASM_FUNCTION(name, first)                                              \
	__asm__(".text\n"                                                      \
		".p2align 4\n"                                                 \
		".globl " #name "\n"                                           \
		".type " #name ", @function\n" #name ":\n"                     \
		".cfi_startproc\n" first "lea name_of_" #name "(%rip), %rsi\n" \
		"sub $8, %rsp\n"                                               \
		".cfi_adjust_cfa_offset 8\n"                                   \
		"call timed_body\n"                                            \
		"add $8, %rsp\n"                                               \
		".cfi_adjust_cfa_offset -8\n"                                  \
		"ret\n"                                                        \
		".cfi_endproc\n"                                               \
		".size " #name ", . - " #name "\n"                             \
		".section .rodata\n"                                           \
		"name_of_" #name ": .asciz \"" #name "\"\n"                    \
		".text\n")

/* The kernel emulates the push. */
__asm__(".text\n"
	".p2align 4\n"
	".globl work_push\n"
	".type work_push, @function\n"
	"work_push:\n"
	".cfi_startproc\n"
	"push %rbp\n"
	".cfi_adjust_cfa_offset 8\n"
	"lea name_of_work_push(%rip), %rsi\n"
	"call timed_body\n"
	"pop %rbp\n"
	".cfi_adjust_cfa_offset -8\n"
	"ret\n"
	".cfi_endproc\n"
	".size work_push, . - work_push\n"
	".section .rodata\n"
	"name_of_work_push: .asciz \"work_push\"\n"
	".text\n");

/* Longer than a tracer may move a probe, and not one instruction that the kernel emulates. */
ASM_FUNCTION(work_stepped, ".rept 16\n"
			   "lea 1(%rax), %rax\n"
			   ".endr\n");

/* The five-byte nop that newer kernels patch into a call. */
ASM_FUNCTION(work_nop5, ".byte 0x0f, 0x1f, 0x44, 0x00, 0x00\n");
#else
PROBED void work_push(uint64_t ns)
{
	timed_body(ns, "work_push");
}

PROBED void work_stepped(uint64_t ns)
{
	timed_body(ns, "work_stepped");
}

PROBED void work_nop5(uint64_t ns)
{
	timed_body(ns, "work_nop5");
}
#endif

PROBED uint64_t child(uint64_t ns)
{
	uint64_t start = now_ns();
	uint64_t took = busy_wait(start, ns) - start;

	log_add(my_log, "child", start, took);
	return took;
}

/*
 * "parent" is what the clock says, the price of the probes on child() included; "parent_net"
 * is the sum of what the children did themselves: what a tracer that knows its price reports.
 */
PROBED void parent(uint64_t ns, long children)
{
	uint64_t start = now_ns(), net = 0, took;
	long i;

	for (i = 0; i < children; i++)
		net += child(ns);
	took = now_ns() - start;
	log_add(my_log, "parent", start, took);
	log_add(my_log, "parent_net", start, net);
}

static __thread jmp_buf way_out;

PROBED void leaver(uint64_t ns)
{
	busy_wait(now_ns(), ns);
	longjmp(way_out, 1);
}

/* As parent(); leaver() has no clock of its own: it takes what it was told to. */
PROBED void jumped(uint64_t ns, long children)
{
	uint64_t start = now_ns();
	volatile long i;

	for (i = 0; i < children; i++)
		if (!setjmp(way_out))
			leaver(ns);
	log_add(my_log, "jumped", start, now_ns() - start);
	log_add(my_log, "jumped_net", start, ns * (uint64_t)children);
}

/* The work after the inner call keeps the compiler from making a loop of it. */
PROBED long recurse(long depth, uint64_t ns)
{
	uint64_t start = now_ns();
	long below = 0;

	if (depth > 1)
		below = recurse(depth - 1, ns);
	else
		busy_wait(start, ns);
	log_add(my_log, "recurse", start, now_ns() - start);
	return below + 1;
}

static void do_parent(uint64_t ns)
{
	parent(ns, opt.children);
}

static void do_jumped(uint64_t ns)
{
	jumped(ns, opt.children);
}

static void do_recurse(uint64_t ns)
{
	recurse(opt.depth, ns);
}

static const struct work {
	const char *name;
	void (*call)(uint64_t ns);
} works[] = {
	{"push", work_push},   {"endbr", work_endbr},	{"stepped", work_stepped}, {"nop5", work_nop5},
	{"parent", do_parent}, {"recurse", do_recurse}, {"jumped", do_jumped},
};

static const struct work *find_work(const char *name)
{
	size_t i;

	for (i = 0; i < sizeof(works) / sizeof(*works); i++)
		if (!strcmp(works[i].name, name))
			return &works[i];
	fprintf(stderr, "timed: no work %s\n", name);
	exit(2);
}

/* xorshift64: the same durations in each run. */
static uint64_t next_random(struct worker *me)
{
	me->random ^= me->random << 13;
	me->random ^= me->random >> 7;
	me->random ^= me->random << 17;
	return me->random;
}

static uint64_t next_duration(struct worker *me, long call)
{
	if (opt.range)
		return opt.ns[0] + next_random(me) % (opt.ns[1] - opt.ns[0] + 1);
	return opt.ns[call % opt.n_ns];
}

static size_t records_needed(void)
{
	size_t per_call = 1;

	if (!strcmp(opt.work, "parent"))
		per_call = (size_t)opt.children + 2;
	else if (!strcmp(opt.work, "recurse"))
		per_call = (size_t)opt.depth;
	return per_call * (size_t)opt.calls;
}

static void *run(void *arg)
{
	const struct work *work = find_work(opt.work);
	struct worker *me = arg;
	long i;

	log_reserve(&me->log, records_needed());
	my_log = &me->log;
	pthread_barrier_wait(&start_line); /* all are there: ready */
	pthread_barrier_wait(&start_line); /* go */
	for (i = 0; i < opt.calls; i++) {
		work->call(next_duration(me, i));
		if (opt.gap_ns)
			busy_wait(now_ns(), opt.gap_ns);
	}
	return NULL;
}

static uint64_t duration_or_die(const char *text)
{
	uint64_t ns = parse_duration(text);

	if (ns == ~0ULL) {
		fprintf(stderr, "timed: bad duration %s\n", text);
		exit(2);
	}
	return ns;
}

static void parse_durations(char *text)
{
	char *dots = strstr(text, "..");
	char *item;

	opt.n_ns = 0;
	if (dots) {
		*dots = '\0';
		opt.range = 1;
		opt.ns[0] = duration_or_die(text);
		opt.ns[1] = duration_or_die(dots + 2);
		opt.n_ns = 2;
		return;
	}
	for (item = strtok(text, ","); item && opt.n_ns < 32; item = strtok(NULL, ","))
		opt.ns[opt.n_ns++] = duration_or_die(item);
}

static void parse_options(int argc, char **argv)
{
	static const struct option longs[] = {
		{"work", 1, NULL, 'w'},	    {"threads", 1, NULL, 't'}, {"calls", 1, NULL, 'c'},
		{"children", 1, NULL, 'k'}, {"depth", 1, NULL, 'd'},   {"ns", 1, NULL, 'n'},
		{"gap", 1, NULL, 'g'},	    {"log", 1, NULL, 'l'},     {NULL, 0, NULL, 0},
	};
	int c;

	while ((c = getopt_long(argc, argv, "", longs, NULL)) != -1) {
		switch (c) {
		case 'w':
			opt.work = optarg;
			break;
		case 't':
			opt.threads = atol(optarg);
			break;
		case 'c':
			opt.calls = atol(optarg);
			break;
		case 'k':
			opt.children = atol(optarg);
			break;
		case 'd':
			opt.depth = atol(optarg);
			break;
		case 'n':
			parse_durations(optarg);
			break;
		case 'g':
			opt.gap_ns = duration_or_die(optarg);
			break;
		case 'l':
			opt.log_path = optarg;
			break;
		default:
			exit(2);
		}
	}
	find_work(opt.work);
}

int main(int argc, char **argv)
{
	struct worker *workers;
	long i;

	parse_options(argc, argv);
	workers = calloc((size_t)opt.threads, sizeof(*workers));
	if (!workers || pthread_barrier_init(&start_line, NULL, (unsigned int)opt.threads + 1))
		return 2;
	if (opt.log_path)
		log_file = log_open(opt.log_path);
	for (i = 0; i < opt.threads; i++) {
		workers[i].random = 0x9e3779b97f4a7c15ULL * (uint64_t)(i + 1);
		if (pthread_create(&workers[i].thread, NULL, run, &workers[i]))
			return 2;
	}
	pthread_barrier_wait(&start_line);
	target_ready();
	pthread_barrier_wait(&start_line);
	for (i = 0; i < opt.threads; i++) {
		pthread_join(workers[i].thread, NULL);
		if (log_file)
			log_write(&workers[i].log, log_file);
		free(workers[i].log.records);
	}
	if (log_file)
		log_close(log_file);
	free(workers);
	target_done("calls=%ld", opt.calls * opt.threads);
	return 0;
}
