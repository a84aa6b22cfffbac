// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What a probe costs, measured on this machine, with this attachment, a moment before it is used.
 *
 * A child of lapse calls functions of its own whose first instruction is of each class, once bare and
 * once probed. Each function reads the time-stamp counter in its middle, so that a probed call gives
 *
 *     total = after - before          entry and return probe together
 *     enter = middle - before         the entry's share
 *
 * less the same of a bare call; and the span that the kernel recorded for a call that does nothing is
 * `inside`: what the probe puts into every span. Of some hundred calls on several CPUs the mean of the
 * middle half counts.
 */
#include "kernel/tracer_parts.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include <x86intrin.h>

#include "base/diag.h"
#include "bpf/buckets.h"
#include "bpf/config.h"
#include "kernel/self_offset.h"

#define WARM_UP	    32
#define CALLS_A_CPU 32
#define CALLS	    128
#define ELSE_TICKS  50000 /* some 20 us */
#define ELSE_BYTES  (64 << 10)
#define ELSE_LINES  64 /* between two looks at the counter, which are dear where they are emulated */

typedef uint64_t (*sample_function)(void);

#define SAMPLE(name, first)                                                                       \
	uint64_t name(void);                                                                      \
	extern const char name##_ret[];                                                           \
	asm(".text\n.p2align 4\n.globl " #name "\n.type " #name ", @function\n" #name ":\n" first \
	    "rdtsc\nshl $32, %rdx\nor %rdx, %rax\n.globl " #name "_ret\n" #name "_ret:\nret\n"    \
	    ".size " #name ", . - " #name "\n")

#define PUSH "push %rbp\npop %rbp\n"
#define NOP5 ".byte 0x0f, 0x1f, 0x44, 0x00, 0x00\n"
#define MOVE "mov %rdi, %rcx\n"

/* Each gives the counter as it stands in its middle; *_ret is its return instruction. One a class:
 * the probes of all stay until the end, since taking them away costs 30 ms each. */
SAMPLE(lapse_sample_emulated, PUSH);
SAMPLE(lapse_sample_nop5, NOP5);
SAMPLE(lapse_sample_stepped, MOVE);
SAMPLE(lapse_sample_emulated_retins, PUSH);
SAMPLE(lapse_sample_nop5_retins, NOP5);
SAMPLE(lapse_sample_stepped_retins, MOVE);

/* A system call that does next to nothing, and that nobody makes often. */
#define SAMPLE_SYSCALL SYS_getpgrp

/* The entry's share cannot be told apart from outside: the counter is read behind the call. */
static uint64_t lapse_sample_syscall(void)
{
	syscall(SAMPLE_SYSCALL);
	return __rdtsc();
}

struct sample {
	sample_function call;
	const char *ret;
	int role;
};

static const struct sample samples[LAPSE_CLASSES] = {
	{lapse_sample_emulated, lapse_sample_emulated_ret, LAPSE_ROLE_ENTRY},
	{lapse_sample_nop5, lapse_sample_nop5_ret, LAPSE_ROLE_ENTRY},
	{lapse_sample_stepped, lapse_sample_stepped_ret, LAPSE_ROLE_ENTRY},
	{lapse_sample_emulated_retins, lapse_sample_emulated_retins_ret, LAPSE_ROLE_ENTRY_RETINS},
	{lapse_sample_nop5_retins, lapse_sample_nop5_retins_ret, LAPSE_ROLE_ENTRY_RETINS},
	{lapse_sample_stepped_retins, lapse_sample_stepped_retins_ret, LAPSE_ROLE_ENTRY_RETINS},
	{lapse_sample_syscall, NULL, LAPSE_ROLE_HERE},
};

/* A run's figures, in nanoseconds. */
struct measured {
	double enter_ns, total_ns;
};

static int by_value(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

/* The mean of the middle half: a machine whose speed has two levels gives what lies between. */
static double middle(uint64_t *values, size_t n)
{
	double sum = 0;

	qsort(values, n, sizeof(*values), by_value);
	for (size_t i = n / 4; i < n - n / 4; i++)
		sum += (double)values[i];
	return sum / (double)(n - 2 * (n / 4));
}

/* ---- the child ------------------------------------------------------------------------------------ */

/*
 * Between two calls a program does something of its own, and the kernel's path is no longer where the
 * call before has left it, in the caches and the predictors: in a tight loop a probe costs half.
 */
static void do_something_else(void)
{
	static volatile uint8_t memory[ELSE_BYTES];
	uint64_t until = __rdtsc() + ELSE_TICKS;

	for (size_t i = 0; i < sizeof(memory); i += 64)
		memory[i]++;
	for (size_t i = 0; i % ELSE_LINES || __rdtsc() < until; i++)
		memory[i * 64 % sizeof(memory)]++;
}

static cpu_set_t cpus_allowed;

/* Goes on on the @n-th of the CPUs that lapse may use, counted around. */
static void change_cpu(int n)
{
	cpu_set_t allowed = cpus_allowed, one;
	int cpu = -1;

	for (n %= CPU_COUNT(&allowed); n >= 0; n--)
		do
			cpu++;
		while (!CPU_ISSET(cpu, &allowed));
	CPU_ZERO(&one);
	CPU_SET(cpu, &one);
	sched_setaffinity(0, sizeof(one), &one);
}

static struct measured measure(sample_function call)
{
	static uint64_t enter[CALLS], total[CALLS];
	uint64_t before, inside, begin_ns, begin_tsc;
	double ns_per_tick;

	for (int i = 0; i < WARM_UP; i++)
		call();
	begin_ns = clock_now_ns();
	begin_tsc = __rdtsc();
	for (int i = 0; i < CALLS; i++) {
		if (i % CALLS_A_CPU == 0)
			change_cpu(i / CALLS_A_CPU);
		do_something_else();
		before = __rdtsc();
		inside = call();
		total[i] = __rdtsc() - before;
		enter[i] = inside - before;
	}
	ns_per_tick = (double)(clock_now_ns() - begin_ns) / (double)(__rdtsc() - begin_tsc);
	return (struct measured){middle(enter, CALLS) * ns_per_tick, middle(total, CALLS) * ns_per_tick};
}

struct child_pipes {
	int commands, answers;
};

/* A thread beside the first one: a link for a process has to take its threads too, which not every
 * kernel that has multi links does. */
static void *serve(void *argument)
{
	const struct child_pipes *pipes = argument;
	struct measured measured;
	int cls;

	if (sched_getaffinity(0, sizeof(cpus_allowed), &cpus_allowed))
		return NULL;
	while (read(pipes->commands, &cls, sizeof(cls)) == sizeof(cls)) {
		measured = measure(samples[cls].call);
		if (write(pipes->answers, &measured, sizeof(measured)) != sizeof(measured))
			break;
	}
	return NULL;
}

static void run_child(int commands, int answers)
{
	struct child_pipes pipes = {commands, answers};
	pthread_t thread;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	/* Its few milliseconds are what a start waits for, and on a busy machine it would wait for all
	 * others. */
	setpriority(PRIO_PROCESS, 0, -20);
	if (!pthread_create(&thread, NULL, serve, &pipes))
		pthread_join(thread, NULL);
	_exit(0);
}

/* ---- the parent ------------------------------------------------------------------------------------ */

static int child_start(struct child *child)
{
	int commands[2], answers[2];

	*child = (struct child){.pid = -1, .commands = -1, .answers = -1};

	if (pipe2(commands, O_CLOEXEC))
		return -errno;
	if (pipe2(answers, O_CLOEXEC)) {
		close(commands[0]);
		close(commands[1]);
		return -errno;
	}
	child->pid = fork();
	if (!child->pid) {
		close(commands[1]);
		close(answers[0]);
		run_child(commands[0], answers[1]);
	}
	close(commands[0]);
	close(answers[1]);
	child->commands = commands[1];
	child->answers = answers[0];
	return child->pid < 0 ? -EAGAIN : 0;
}

static void child_stop(struct child *child)
{
	if (child->commands >= 0)
		close(child->commands);
	if (child->answers >= 0)
		close(child->answers);
	if (child->pid > 0)
		waitpid(child->pid, NULL, 0);
}

static int child_ask(const struct child *child, int cls)
{
	return write(child->commands, &cls, sizeof(cls)) == sizeof(cls) ? 0 : -EIO;
}

static int child_answer(const struct child *child, struct measured *measured)
{
	return read(child->answers, measured, sizeof(*measured)) == sizeof(*measured) ? 0 : -EIO;
}

static int child_measure(const struct child *child, int cls, struct measured *measured)
{
	return child_ask(child, cls) ?: child_answer(child, measured);
}

/* What was asked for ahead is answered before all else, in the order of the classes. */
static int child_answer_asked(struct child *child, struct measured bare[LAPSE_CLASSES])
{
	int err = 0;

	for (int cls = 0; cls < LAPSE_CLASSES && !err; cls++)
		if (child->asked & 1U << cls)
			err = child_answer(child, &bare[cls]);
	child->asked = 0;
	return err;
}

static int attach_sample(struct tracer *tracer, int cls, pid_t pid)
{
	const struct sample *sample = &samples[cls];
	uint32_t component = tracer->n_components + cls;
	size_t from = tracer->n_links;
	uint64_t entry, ret;
	int err;

	if (cls == LAPSE_CLASS_SYSCALL)
		return syscalls_set(tracer, SAMPLE_SYSCALL, component, NO_COMPONENT)
			       ?: syscalls_attach(tracer);
	err = self_offset((const void *)sample->call, &entry) ?: self_offset(sample->ret, &ret);
	if (tracer->pid_filter_broken)
		pid = -1;
	if (!err && sample->role == LAPSE_ROLE_ENTRY_RETINS)
		err = attach_function(tracer, pid, "/proc/self/exe", ret,
				      LAPSE_COOKIE(component, 0, LAPSE_ROLE_RETINS, cls, 0));
	if (!err)
		err = attach_function(tracer, pid, "/proc/self/exe", entry,
				      LAPSE_COOKIE(component, 0, sample->role, cls, 0));
	links_mark(tracer, from, LINK_SAMPLES, NO_COMPONENT);
	return err;
}

static uint64_t bucket_count(const struct tracer *tracer, size_t component, size_t bucket)
{
	uint64_t count = 0;

	for (unsigned shard = 0; shard < 1U << tracer->shard_bits; shard++) {
		size_t index = component << tracer->shard_bits | shard;
		const char *buckets = tracer->histograms + index * tracer->histogram_stride;

		count += ((const uint32_t *)(const void *)buckets)[bucket];
	}
	return count;
}

static double bucket_middle(const struct tracer *tracer, size_t bucket)
{
	return (double)(lapse_bucket_low(bucket, tracer->bucket_bits) +
			lapse_bucket_low(bucket + 1, tracer->bucket_bits)) /
	       2;
}

/* The middle half's mean of what the kernel recorded for @component, and how many spans that are. */
static uint64_t recorded(const struct tracer *tracer, size_t component, double *inside_ns)
{
	size_t n = LAPSE_BUCKETS(tracer->bucket_bits);
	uint64_t spans = 0, seen = 0, first, last;
	double sum = 0;

	for (size_t bucket = 0; bucket < n; bucket++)
		spans += bucket_count(tracer, component, bucket);
	first = spans / 4;
	last = spans - spans / 4;
	for (size_t bucket = 0; bucket < n; bucket++) {
		uint64_t below = seen;

		seen += bucket_count(tracer, component, bucket);
		if (seen > first && below < last)
			sum += bucket_middle(tracer, bucket) *
			       (double)((seen < last ? seen : last) - (below > first ? below : first));
	}
	*inside_ns = spans ? sum / (double)(last - first) : 0;
	return spans;
}

static uint64_t positive(double value)
{
	return value > 0 ? (uint64_t)(value + 0.5) : 0;
}

/* -EAGAIN: the link for the child's pid has not seen its thread. */
static int calibrate_class(struct tracer *tracer, const struct child *child, int cls, struct measured bare,
			   struct lapse_cost *cost)
{
	struct measured probed;
	uint64_t spans;
	double inside;
	int err = attach_sample(tracer, cls, child->pid);

	if (!err)
		err = child_measure(child, cls, &probed);
	if (err)
		return err;
	spans = recorded(tracer, tracer->n_components + cls, &inside);
	if (!spans)
		return -EAGAIN;
	cost->inside_ns = positive(inside - bare.total_ns);
	cost->total_ns = positive(probed.total_ns - bare.total_ns);
	cost->enter_ns = positive(probed.enter_ns - bare.enter_ns);
	if (cls == LAPSE_CLASS_SYSCALL) {
		syscalls_set(tracer, SAMPLE_SYSCALL, NO_COMPONENT, NO_COMPONENT);
		cost->enter_ns = cost->total_ns / 2;
	}
	if (cost->enter_ns > cost->total_ns)
		cost->enter_ns = cost->total_ns;
	diag_debug("probe class %d: %llu ns a call, %llu of them inside its span", cls,
		   (unsigned long long)cost->total_ns, (unsigned long long)cost->inside_ns);
	return 0;
}

static int calibrate_all(struct tracer *tracer, struct child *child, unsigned classes)
{
	struct lapse_cost costs[LAPSE_CLASSES];
	struct measured bare[LAPSE_CLASSES];
	unsigned asked = child->asked;
	int err = child_answer_asked(child, bare);

	memcpy(costs, tracer->skel->bss->costs, sizeof(costs));
	for (int cls = 0; cls < LAPSE_CLASSES && !err; cls++) {
		if (!(classes & 1U << cls) || costs[cls].total_ns)
			continue;
		if (!(asked & 1U << cls))
			err = child_measure(child, cls, &bare[cls]);
		if (!err)
			err = calibrate_class(tracer, child, cls, bare[cls], &costs[cls]);
	}
	if (!err)
		memcpy(tracer->skel->bss->costs, costs, sizeof(costs));
	return err;
}

/* Once a filter is in force, the child has to be in it for a while. */
static int admit(struct tracer *tracer, pid_t pid)
{
	struct lapse_bpf__bss *shared = tracer->skel->bss;
	uint32_t key = pid;
	uint64_t targets = LAPSE_ALL_TARGETS;

	shared->sample_tgid = pid;
	if (!shared->filter)
		return 0;
	shared->filter |= LAPSE_FILTER_TGID;
	return bpf_map__update_elem(tracer->skel->maps.tgids, &key, sizeof(key), &targets, sizeof(targets),
				    BPF_ANY);
}

static void dismiss(struct tracer *tracer, pid_t pid)
{
	struct lapse_bpf__bss *shared = tracer->skel->bss;
	uint32_t key = pid;

	shared->sample_tgid = 0;
	if (!shared->filter)
		return;
	shared->filter = tracer->filter;
	bpf_map__delete_elem(tracer->skel->maps.tgids, &key, sizeof(key), 0);
}

void tracer_prepare(struct tracer *tracer, unsigned classes)
{
	struct child *child = &tracer->child;

	if (child_start(child))
		return;
	for (int cls = 0; cls < LAPSE_CLASSES; cls++)
		if (classes & 1U << cls && !child_ask(child, cls))
			child->asked |= 1U << cls;
}

void calibration_drop(struct tracer *tracer)
{
	child_stop(&tracer->child);
	tracer->child = (struct child){.commands = -1, .answers = -1};
}

int tracer_calibrate(struct tracer *tracer, unsigned classes)
{
	struct child child = tracer->child;
	size_t links = tracer->n_links;
	int err = 0;

	tracer->child = (struct child){.commands = -1, .answers = -1};
	if (child.pid <= 0)
		err = child_start(&child);
	if (!err)
		err = admit(tracer, child.pid);
	if (!err)
		err = calibrate_all(tracer, &child, classes);
	if (err == -EAGAIN && !tracer->pid_filter_broken) {
		links_release_from(tracer, links);
		tracer->pid_filter_broken = true;
		err = calibrate_all(tracer, &child, classes);
		tracer_filter_pids(tracer);
	}
	dismiss(tracer, child.pid);
	child_stop(&child);
	if (err)
		diag_error("cannot calibrate the probes on a process of lapse's own: %s", strerror(-err));
	return err;
}
