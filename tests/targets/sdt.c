// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Marks of SystemTap's sys/sdt.h, in a program and in its library (libsdt.c):
 *
 *     sdt [--jobs N] [--ns DURATION] [--threads N]
 *
 * The threads begin N jobs each (lapsetest:begin), and when all have been begun and DURATION has passed
 * each thread ends its neighbour's (lapsetest:end). Each job makes three ticks, at three copies of the
 * inlined mark, and tells values of many kinds (lapsetest:kinds). The truth is told with "done", and
 * what semaphores are left with when the pipe has been closed.
 */
#include "common.h"
#include "libsdt.h"

#include <getopt.h>
#include <pthread.h>
#include <sys/sdt.h>

struct worker {
	pthread_t thread;
	struct marked_job *jobs, *neighbours;
};

static long n_jobs = 100, n_threads = 2;
static uint64_t wait_ns = 2000000;
static pthread_barrier_t all_begun;
static long n_done;
static uint64_t *durations;

/* Wherever this is inlined is a mark of its own. */
static inline __attribute__((always_inline)) void tick(long job, int which)
{
	DTRACE_PROBE2(lapsetest, tick, job, which);
}

static void tell_kinds(long job)
{
	volatile int32_t in_memory = (int32_t)-job;
	signed char narrow = (signed char)(job % 100 - 50);
	uint16_t wide = (uint16_t)(65535 - job);

	DTRACE_PROBE4(lapsetest, kinds, narrow, wide, in_memory, 7);
}

static void begin(struct marked_job *job, long number)
{
	job->number = number;
	job->begun_ns = now_ns();
	job_mark_begin(job, (int)(number % 10));
	tick(number, 0);
	tell_kinds(number);
}

static void end(struct marked_job *job)
{
	tick(job->number, 1);
	job_mark_end(job, job->number % 4 == 3 ? -1 : 0);
	durations[__atomic_fetch_add(&n_done, 1, __ATOMIC_RELAXED)] = now_ns() - job->begun_ns;
	if (job->number % 2)
		tick(job->number, 2);
	else
		tick(-job->number, 2);
}

static void *run(void *arg)
{
	struct worker *me = arg;

	for (long i = 0; i < n_jobs; i++)
		begin(&me->jobs[i], i);
	pthread_barrier_wait(&all_begun);
	busy_wait(now_ns(), wait_ns);
	for (long i = 0; i < n_jobs; i++)
		end(&me->neighbours[i]);
	return NULL;
}

static int compare(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

/* Nearest rank. */
static unsigned long long median(void)
{
	qsort(durations, (size_t)n_done, sizeof(*durations), compare);
	return durations[(n_done - 1) / 2];
}

static void work(struct worker *workers)
{
	for (long t = 0; t < n_threads; t++)
		workers[t].jobs = calloc((size_t)n_jobs, sizeof(struct marked_job));
	for (long t = 0; t < n_threads; t++) {
		workers[t].neighbours = workers[(t + 1) % n_threads].jobs;
		if (!workers[t].jobs || pthread_create(&workers[t].thread, NULL, run, &workers[t]))
			exit(2);
	}
	for (long t = 0; t < n_threads; t++)
		pthread_join(workers[t].thread, NULL);
}

int main(int argc, char **argv)
{
	static const struct option longs[] = {
		{"jobs", 1, NULL, 'j'}, {"ns", 1, NULL, 'n'}, {"threads", 1, NULL, 't'}, {NULL, 0, NULL, 0}};
	struct worker *workers;
	int c;

	while ((c = getopt_long(argc, argv, "", longs, NULL)) != -1) {
		if (c == 'j')
			n_jobs = atol(optarg);
		else if (c == 'n')
			wait_ns = parse_duration(optarg);
		else if (c == 't')
			n_threads = atol(optarg);
		else
			exit(2);
	}
	workers = calloc((size_t)n_threads, sizeof(*workers));
	durations = calloc((size_t)(n_jobs * n_threads), sizeof(*durations));
	if (!workers || !durations || pthread_barrier_init(&all_begun, NULL, (unsigned)n_threads))
		return 2;
	target_ready();
	work(workers);
	target_done("jobs=%ld per_thread=%ld ticks=%ld failed=%ld listened=%ld median_ns=%llu", n_done,
		    n_jobs, 3 * n_done, n_jobs / 4 * n_threads, marks_listened(), median());
	printf("left %d\n", marks_semaphores());
	return 0;
}
