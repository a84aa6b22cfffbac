// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Recursion, D deep, R times, in N threads; also beyond the 64 return probes that the kernel
 * keeps for a thread:
 *
 *     deep [--depth D] [--rounds R] [--threads N] [--pause D]
 *
 * With a pause at the bottom.
 */
#include "common.h"

#include <getopt.h>
#include <pthread.h>

static long depth = 40, rounds = 100, n_threads = 1;
static uint64_t pause_ns;

static void pause_at_bottom(void)
{
	struct timespec left = {(time_t)(pause_ns / 1000000000), (long)(pause_ns % 1000000000)};

	if (pause_ns)
		nanosleep(&left, NULL);
}

/* The addition after the inner call keeps the compiler from making a loop of it. */
PROBED long deep(long n)
{
	long below = 0;

	if (n > 1)
		below = deep(n - 1);
	else
		pause_at_bottom();
	__asm__ volatile("" : "+r"(below) : : "memory");
	return below + 1;
}

static void *run(void *arg)
{
	long sum = 0, i;

	(void)arg;
	for (i = 0; i < rounds; i++)
		sum += deep(depth);
	return (void *)sum;
}

static void parse_options(int argc, char **argv)
{
	static const struct option longs[] = {
		{"depth", 1, NULL, 'd'}, {"rounds", 1, NULL, 'r'}, {"threads", 1, NULL, 't'},
		{"pause", 1, NULL, 'p'}, {NULL, 0, NULL, 0},
	};
	int c;

	while ((c = getopt_long(argc, argv, "", longs, NULL)) != -1) {
		if (c == 'd')
			depth = atol(optarg);
		else if (c == 'r')
			rounds = atol(optarg);
		else if (c == 't')
			n_threads = atol(optarg);
		else if (c == 'p')
			pause_ns = parse_duration(optarg);
		else
			exit(2);
	}
	if (depth < 1 || rounds < 1 || n_threads < 1 || n_threads > 64)
		exit(2);
}

int main(int argc, char **argv)
{
	pthread_t threads[64];
	long calls = 0, i;
	void *sum;

	parse_options(argc, argv);
	target_ready();
	for (i = 0; i < n_threads; i++)
		if (pthread_create(&threads[i], NULL, run, NULL))
			return 2;
	for (i = 0; i < n_threads; i++) {
		pthread_join(threads[i], &sum);
		calls += (long)sum;
	}
	target_done("calls=%ld", calls);
	return 0;
}
