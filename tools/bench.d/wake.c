// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What it takes this machine to wake a thread that runs ahead of all usual ones (SCHED_FIFO), on a processor that has
 * nothing else to do: the floor under anything that tells of a slow call. Nothing is traced.
 *
 *     wake      prints the median and the 99th percentile of 1,000 wake-ups, in nanoseconds
 */
#include <pthread.h>
#include <sched.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <time.h>

#define WAKES 1000

static int event, ends;
static volatile uint64_t sent;
static volatile bool over;
static uint64_t took[WAKES];
static size_t n;

static uint64_t now_ns(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return (uint64_t)time.tv_sec * 1000000000 + (uint64_t)time.tv_nsec;
}

static void *wait_for(void *unused)
{
	const struct sched_param lowest = {.sched_priority = 1};
	struct epoll_event come = {.events = EPOLLIN};
	eventfd_t value;

	(void)unused;
	sched_setscheduler(0, SCHED_FIFO, &lowest);
	epoll_ctl(ends, EPOLL_CTL_ADD, event, &come);
	while (epoll_wait(ends, &come, 1, -1) == 1 && !over) {
		took[n++] = now_ns() - sent;
		eventfd_read(event, &value);
	}
	return NULL;
}

static int by_value(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

/* As the calls of the bench's target: 1.5 ms of work, and a pause. */
int main(void)
{
	const struct timespec pause = {.tv_nsec = 3000000};
	pthread_t thread;

	event = eventfd(0, EFD_NONBLOCK);
	ends = epoll_create1(0);
	if (event < 0 || ends < 0 || pthread_create(&thread, NULL, wait_for, NULL))
		return 1;
	for (int i = 0; i < WAKES; i++) {
		uint64_t begin;

		nanosleep(&pause, NULL);
		begin = now_ns();
		while (now_ns() - begin < 1500000)
			;
		sent = now_ns();
		eventfd_write(event, 1);
	}
	nanosleep(&pause, NULL);
	over = true;
	eventfd_write(event, 1);
	pthread_join(thread, NULL);
	qsort(took, n, sizeof(*took), by_value);
	printf("%llu %llu\n", (unsigned long long)took[n / 2], (unsigned long long)took[n * 99 / 100]);
	return 0;
}
