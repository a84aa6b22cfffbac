// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A program that lives in system calls: it opens files, of which every third is not there, naps, and
 * turns an event loop whose turns last as long as it is told:
 *
 *     turner [--calls N] [--ns DURATION]
 *
 * The truth: how many of each, and the medians of the naps and of the turns by its own clock.
 */
#include "common.h"

#include <fcntl.h>
#include <getopt.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>

static long n_calls = 200;
static uint64_t work_ns = 1000000;

static int by_value(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

static unsigned long long median(uint64_t *values, long n)
{
	qsort(values, (size_t)n, sizeof(*values), by_value);
	return n ? values[(n - 1) / 2] : 0;
}

static long open_files(void)
{
	long failed = 0;

	for (long i = 0; i < n_calls; i++) {
		int fd = open(i % 3 ? "/dev/null" : "/dev/null/there is none", O_RDONLY | O_CLOEXEC);

		failed += fd < 0;
		if (fd >= 0)
			close(fd);
	}
	return failed;
}

static void nap(uint64_t *took)
{
	struct timespec ts = {.tv_nsec = (long)work_ns};

	for (long i = 0; i < n_calls; i++) {
		uint64_t start = now_ns();

		nanosleep(&ts, NULL);
		took[i] = now_ns() - start;
	}
}

/* The event is always there: the loop never waits, and works in each turn. */
static void turn(uint64_t *took)
{
	int loop = epoll_create1(EPOLL_CLOEXEC), event = eventfd(1, EFD_CLOEXEC);
	struct epoll_event wanted = {.events = EPOLLIN}, got;
	uint64_t start = 0;

	if (loop < 0 || event < 0 || epoll_ctl(loop, EPOLL_CTL_ADD, event, &wanted))
		exit(2);
	for (long i = 0; i <= n_calls; i++) {
		if (i)
			took[i - 1] = now_ns() - start;
		if (epoll_wait(loop, &got, 1, -1) != 1)
			exit(2);
		start = now_ns();
		busy_wait(start, work_ns);
	}
	close(event);
	close(loop);
}

int main(int argc, char **argv)
{
	static const struct option longs[] = {
		{"calls", 1, NULL, 'c'}, {"ns", 1, NULL, 'n'}, {NULL, 0, NULL, 0}};
	uint64_t *naps, *turns;
	long failed;
	int c;

	while ((c = getopt_long(argc, argv, "", longs, NULL)) != -1) {
		if (c == 'c')
			n_calls = atol(optarg);
		else if (c == 'n')
			work_ns = parse_duration(optarg);
		else
			exit(2);
	}
	naps = calloc((size_t)n_calls + 1, sizeof(*naps));
	turns = calloc((size_t)n_calls + 1, sizeof(*turns));
	if (!naps || !turns)
		return 2;
	target_ready();
	failed = open_files();
	nap(naps);
	turn(turns);
	target_done("calls=%ld failed=%ld turns=%ld nap_ns=%llu turn_ns=%llu", n_calls, failed, n_calls,
		    median(naps, n_calls), median(turns, n_calls));
	return 0;
}
