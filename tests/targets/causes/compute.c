// SPDX-License-Identifier: GPL-2.0-or-later
/* Computing, and who else wants the processor. */
#include "causes.h"

#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>

/* By the processor's time, however long that takes. */
void compute(void)
{
	uint64_t start = ran_ns();

	while (ran_ns() - start < part_ns)
		;
}

static void compute_alone(struct worker *me)
{
	now_of(me);
	compute();
	now_of(me);
}

PROBED void burn(struct worker *me)
{
	compute_alone(me);
}

PROBED void wait_runq(struct worker *me)
{
	compute_alone(me);
}

void pin(void)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(processor, &set);
	must(!sched_setaffinity(0, sizeof(set), &set), "sched_setaffinity");
}

static pid_t *rivals;

/* From here on they take no time until they go on. */
static void stop_rivals(void)
{
	for (long i = 0; i < n_rivals; i++) {
		kill(rivals[i], SIGSTOP);
		must(waitpid(rivals[i], NULL, WUNTRACED) == rivals[i], "waitpid");
	}
}

static void go_on_rivals(void)
{
	for (long i = 0; i < n_rivals; i++)
		kill(rivals[i], SIGCONT);
}

PROBED void crowded(struct worker *me)
{
	go_on_rivals();
	wait_runq(me);
	stop_rivals();
	burn(me);
}

static void *compute_on(void *unused)
{
	(void)unused;
	prctl(PR_SET_NAME, "not the process");
	for (;;)
		compute();
	return NULL;
}

/* In a thread with a name of its own. */
static void compute_beside(void)
{
	pthread_t thread;

	must(!pthread_create(&thread, NULL, compute_on, NULL), "pthread_create");
	pthread_join(thread, NULL);
}

void start_rivals(void)
{
	rivals = calloc((size_t)n_rivals + 1, sizeof(*rivals));
	must(rivals != NULL, "memory");
	for (long i = 0; i < n_rivals; i++) {
		rivals[i] = fork();
		must(rivals[i] >= 0, "fork");
		if (rivals[i])
			continue;
		prctl(PR_SET_NAME, "rival");
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		pin();
		if (i % 2)
			compute_beside();
		for (;;)
			compute();
	}
}

static uint64_t timeval_ns(struct timeval time)
{
	return (uint64_t)time.tv_sec * 1000000000 + (uint64_t)time.tv_usec * 1000;
}

uint64_t end_rivals(void)
{
	struct rusage usage;
	uint64_t ran = 0;

	for (long i = 0; i < n_rivals; i++) {
		kill(rivals[i], SIGKILL);
		if (wait4(rivals[i], NULL, 0, &usage) == rivals[i])
			ran += timeval_ns(usage.ru_utime) + timeval_ns(usage.ru_stime);
	}
	free(rivals);
	return ran;
}
