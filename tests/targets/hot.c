// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * An almost empty function, called a million times a second from two threads:
 *
 *     hot [--calls N] [--threads N] [--rate PER_SECOND]
 *
 * Every 50,000th call is followed by one of hot_cool, which no probe makes dear. Where the machine does not
 * reach the rate, the calls take longer; there are as many.
 */
#include "common.h"

#include <getopt.h>
#include <pthread.h>

#define BATCH 100

static long total_calls = 1000000, n_threads = 2, rate = 1000000;
static long made[64], made_cool[64];

PROBED void hot(long i)
{
	__asm__ volatile("" : : "r"(i) : "memory");
}

/* Called so seldom that its probe costs nothing. */
PROBED void hot_cool(long i)
{
	__asm__ volatile("" : : "r"(i) : "memory");
}

static void sleep_until(uint64_t ns)
{
	struct timespec ts = {.tv_sec = (time_t)(ns / 1000000000), .tv_nsec = (long)(ns % 1000000000)};

	clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &ts, NULL);
}

static void *run(void *arg)
{
	long me = (long)arg;
	long calls = total_calls / n_threads + (me < total_calls % n_threads);
	uint64_t start = now_ns(), due;
	long i;

	for (i = 0; i < calls; i++) {
		hot(i);
		if (i % 50000 == 49999) {
			hot_cool(i);
			made_cool[me]++;
		}
		if (i % BATCH != BATCH - 1)
			continue;
		due = start + (uint64_t)((double)i * 1e9 * (double)n_threads / (double)rate);
		/* Shorter sleeps would mostly be the price of sleeping. */
		if (due > now_ns() + 200000)
			sleep_until(due);
	}
	made[me] = i;
	return NULL;
}

static void parse_options(int argc, char **argv)
{
	static const struct option longs[] = {
		{"calls", 1, NULL, 'c'},
		{"threads", 1, NULL, 't'},
		{"rate", 1, NULL, 'r'},
		{NULL, 0, NULL, 0},
	};
	int c;

	while ((c = getopt_long(argc, argv, "", longs, NULL)) != -1) {
		if (c == 'c')
			total_calls = atol(optarg);
		else if (c == 't')
			n_threads = atol(optarg);
		else if (c == 'r')
			rate = atol(optarg);
		else
			exit(2);
	}
	if (total_calls < 0 || n_threads < 1 || n_threads > 64 || rate < 1)
		exit(2);
}

int main(int argc, char **argv)
{
	pthread_t threads[64];
	uint64_t start, took;
	long i, sum = 0, cool = 0;

	parse_options(argc, argv);
	target_ready();
	start = now_ns();
	for (i = 0; i < n_threads; i++)
		if (pthread_create(&threads[i], NULL, run, (void *)i))
			return 2;
	for (i = 0; i < n_threads; i++) {
		pthread_join(threads[i], NULL);
		sum += made[i];
		cool += made_cool[i];
	}
	took = now_ns() - start;
	target_done("calls=%ld cool=%ld took_ns=%llu", sum, cool, (unsigned long long)took);
	return 0;
}
