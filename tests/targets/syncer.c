// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Writes a file and syncs it, by its own clock:
 *
 *     syncer FILE [--calls N] [--threads N]
 *
 * Each thread writes to FILE.N and calls fsync N times, then fdatasync as often, and at the end fsync of
 * what is no file, which fails. The truth is told with "done".
 */
#include "common.h"

#include <fcntl.h>
#include <getopt.h>
#include <pthread.h>

struct worker {
	pthread_t thread;
	long number;
	uint64_t *synced, *data_synced; /* durations */
};

static const char *path;
static long n_calls = 50, n_threads = 1;
static pthread_barrier_t start_line;

static int open_own(long number)
{
	char own[4096];

	snprintf(own, sizeof(own), "%s.%ld", path, number);
	return open(own, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
}

static uint64_t timed(int sync(int fd), int fd)
{
	uint64_t start;

	if (write(fd, "something to sync\n", 18) != 18)
		exit(2);
	start = now_ns();
	if (sync(fd))
		exit(2);
	return now_ns() - start;
}

static void *run(void *arg)
{
	struct worker *me = arg;
	int fd = open_own(me->number);

	if (fd < 0)
		exit(2);
	pthread_barrier_wait(&start_line); /* all are there: ready */
	pthread_barrier_wait(&start_line); /* go */
	for (long i = 0; i < n_calls; i++)
		me->synced[i] = timed(fsync, fd);
	for (long i = 0; i < n_calls; i++)
		me->data_synced[i] = timed(fdatasync, fd);
	close(fd);
	if (!fsync(fd))
		exit(2);
	return NULL;
}

static int compare(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

/* Nearest rank. */
static unsigned long long median(uint64_t *durations)
{
	size_t n = (size_t)(n_calls * n_threads);

	qsort(durations, n, sizeof(*durations), compare);
	return durations[(n - 1) / 2];
}

static void work(struct worker *workers)
{
	for (long t = 0; t < n_threads; t++)
		if (pthread_create(&workers[t].thread, NULL, run, &workers[t]))
			exit(2);
	pthread_barrier_wait(&start_line);
	target_ready();
	pthread_barrier_wait(&start_line);
	for (long t = 0; t < n_threads; t++)
		pthread_join(workers[t].thread, NULL);
}

static void parse_options(int argc, char **argv)
{
	static const struct option longs[] = {
		{"calls", 1, NULL, 'c'}, {"threads", 1, NULL, 't'}, {NULL, 0, NULL, 0}};
	int c;

	while ((c = getopt_long(argc, argv, "", longs, NULL)) != -1) {
		if (c == 'c')
			n_calls = atol(optarg);
		else if (c == 't')
			n_threads = atol(optarg);
		else
			exit(2);
	}
	path = argv[optind];
	if (!path)
		exit(2);
}

int main(int argc, char **argv)
{
	struct worker *workers;
	uint64_t *synced, *data_synced;
	long calls;

	parse_options(argc, argv);
	calls = n_calls * n_threads;
	workers = calloc((size_t)n_threads, sizeof(*workers));
	synced = calloc((size_t)calls, sizeof(*synced));
	data_synced = calloc((size_t)calls, sizeof(*data_synced));
	if (!workers || !synced || !data_synced ||
	    pthread_barrier_init(&start_line, NULL, (unsigned int)n_threads + 1))
		return 2;
	for (long t = 0; t < n_threads; t++)
		workers[t] = (struct worker){.number = t,
					     .synced = synced + t * n_calls,
					     .data_synced = data_synced + t * n_calls};
	work(workers);
	target_done("calls=%ld failed=%ld fsync_ns=%llu fdatasync_ns=%llu", calls, n_threads, median(synced),
		    median(data_synced));
	return 0;
}
