// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Jobs that one thread begins and another ends, joined by an address:
 *
 *     keyed [--jobs N] [--ns DURATION] [--lose EVERY] [--again EVERY] [--extra N] [--threads N]
 *           [--late DURATION] [--wait DURATION]
 *
 * Each job takes about DURATION, those that are lost are ended after --late, all of them overlap. Of those
 * that --lose and --again choose some are never ended, or begun a second time; --extra ends come without a
 * job. The truth is told with "done".
 */
#include "common.h"

#include <getopt.h>
#include <pthread.h>
#include <stdbool.h>

struct job {
	long id;
	uint64_t begun_ns;
	int size;
};

static long n_jobs = 100, lose_every, again_every, extra, n_threads = 2;
static uint64_t work_ns = 2000000, late_ns; /* 0: lost for good */
static uint64_t wait_ns;		    /* before a second beginning */
static struct job *jobs;
static uint64_t *durations;
static long n_begun, n_again, n_lost, n_failed, sum_size;
static long n_ended, n_late;

/* Its result is the job's number. */
PROBED long job_begin(struct job *job, int size)
{
	job->begun_ns = now_ns();
	job->size = size;
	return job->id;
}

/* Negative: the job has failed. */
PROBED int job_end(struct job *job, int status)
{
	uint64_t now = now_ns();

	if (job->begun_ns)
		durations[__atomic_fetch_add(&n_ended, 1, __ATOMIC_RELAXED)] = now - job->begun_ns;
	return status;
}

static void rest(uint64_t ns)
{
	struct timespec time = {.tv_sec = (time_t)(ns / 1000000000), .tv_nsec = (long)(ns % 1000000000)};

	nanosleep(&time, NULL);
}

/* Those that are begun again in begin_all(). */
static void begin_some(void)
{
	for (long i = 0; i < n_jobs && again_every; i += again_every) {
		job_begin(&jobs[i], 0);
		n_again++;
	}
	rest(wait_ns);
}

static void begin_all(void)
{
	for (long i = 0; i < n_jobs; i++) {
		jobs[i].id = i;
		job_begin(&jobs[i], (int)(i % 10));
		n_begun++;
		sum_size += i % 10;
	}
}

static void end_one(long i)
{
	uint64_t age = now_ns() - jobs[i].begun_ns;

	rest(age < work_ns ? work_ns - age : 0);
	job_end(&jobs[i], i % 4 ? 0 : -5);
}

static void *end_some(void *argument)
{
	for (long i = (long)argument; i < n_jobs; i += n_threads)
		if (!lose_every || i % lose_every)
			end_one(i);
	return NULL;
}

static void end_all(void)
{
	pthread_t threads[16];

	for (long i = 0; i < n_threads; i++)
		if (pthread_create(&threads[i], NULL, end_some, (void *)i))
			exit(2);
	for (long i = 0; i < n_threads; i++)
		pthread_join(threads[i], NULL);
	for (long i = 0; i < n_jobs; i++) {
		bool lost = lose_every && i % lose_every == 0;

		n_lost += lost;
		n_failed += !lost && i % 4 == 0;
	}
}

static void end_lost(void)
{
	work_ns = late_ns;
	for (long i = 0; i < n_jobs && lose_every; i += lose_every)
		end_one(i);
	n_late = n_lost;
}

static void end_extra(void)
{
	static struct job nobody;

	for (long i = 0; i < extra; i++)
		job_end(&nobody, 0);
}

static int by_value(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

static uint64_t median(void)
{
	qsort(durations, (size_t)n_ended, sizeof(*durations), by_value);
	return n_ended ? durations[(n_ended - 1) / 2] : 0;
}

static void parse_options(int argc, char **argv)
{
	static const struct option longs[] = {
		{"jobs", 1, NULL, 'j'},	 {"ns", 1, NULL, 'n'},	  {"lose", 1, NULL, 'l'},
		{"again", 1, NULL, 'a'}, {"extra", 1, NULL, 'e'}, {"threads", 1, NULL, 't'},
		{"late", 1, NULL, 'L'},	 {"wait", 1, NULL, 'w'},  {NULL, 0, NULL, 0},
	};
	int c;

	while ((c = getopt_long(argc, argv, "", longs, NULL)) != -1) {
		if (c == 'j')
			n_jobs = atol(optarg);
		else if (c == 'n')
			work_ns = parse_duration(optarg);
		else if (c == 'l')
			lose_every = atol(optarg);
		else if (c == 'a')
			again_every = atol(optarg);
		else if (c == 'e')
			extra = atol(optarg);
		else if (c == 't')
			n_threads = atol(optarg);
		else if (c == 'w')
			wait_ns = parse_duration(optarg);
		else if (c == 'L')
			late_ns = parse_duration(optarg);
		else
			exit(2);
	}
	if (n_jobs < 1 || n_threads < 1 || n_threads > 16)
		exit(2);
}

int main(int argc, char **argv)
{
	parse_options(argc, argv);
	jobs = calloc((size_t)n_jobs, sizeof(*jobs));
	durations = calloc((size_t)n_jobs + 1, sizeof(*durations));
	if (!jobs || !durations)
		return 2;
	target_ready();
	begin_some();
	begin_all();
	end_all();
	if (late_ns)
		end_lost();
	end_extra();
	target_done("begun=%ld again=%ld ended=%ld lost=%ld late=%ld failed=%ld sum_size=%ld median_ns=%llu",
		    n_begun, n_again, n_ended, n_lost, n_late, n_failed, sum_size,
		    (unsigned long long)median());
	return 0;
}
