// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What it takes this machine to wake a thread that runs ahead of all usual ones (SCHED_FIFO), with nothing else to do:
 * the floor under anything that tells of a slow call. Nothing is traced.
 *
 *     wake other    on another processor than who wakes it
 *     wake same     on the same one, whose place it takes then
 *
 * prints the median and the 99th percentile of 300 wake-ups, and the median of what each takes from who makes it, in
 * nanoseconds.
 */
#include <pthread.h>
#include <sched.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <time.h>

#define WAKES 300

static int event, ends;
static volatile uint64_t sent;
static volatile bool over;
static uint64_t took[WAKES], waker_took[WAKES];
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

/* The first or the last of those allowed. */
static int choose_cpu(const cpu_set_t *allowed, bool last)
{
	int found = -1;

	for (int cpu = 0; cpu < CPU_SETSIZE && (last || found < 0); cpu++)
		if (CPU_ISSET(cpu, allowed))
			found = cpu;
	return found;
}

static int put_on(pthread_t thread, const cpu_set_t *allowed, bool last)
{
	cpu_set_t one;

	CPU_ZERO(&one);
	CPU_SET(choose_cpu(allowed, last), &one);
	return pthread_setaffinity_np(thread, sizeof(one), &one);
}

/* Until the clock says so: what runs meanwhile on this processor is part of it. */
static void work(uint64_t until)
{
	while (now_ns() < until)
		;
}

/* As the calls of the bench's target: 1.5 ms of work, and a pause of 3 ms, which is no sleep. */
static void wake_all(void)
{
	for (int i = 0; i < WAKES; i++) {
		uint64_t begin = now_ns();

		work(begin + 1500000);
		sent = now_ns();
		eventfd_write(event, 1);
		waker_took[i] = now_ns() - sent;
		work(begin + 4500000);
	}
}

int main(int argc, char **argv)
{
	bool same = argc == 2 && !strcmp(argv[1], "same");
	cpu_set_t allowed;
	pthread_t thread;

	if (argc != 2 || sched_getaffinity(0, sizeof(allowed), &allowed) || (!same && CPU_COUNT(&allowed) < 2))
		return 2;
	event = eventfd(0, EFD_NONBLOCK);
	ends = epoll_create1(0);
	if (event < 0 || ends < 0 || pthread_create(&thread, NULL, wait_for, NULL))
		return 1;
	if (put_on(pthread_self(), &allowed, true) || put_on(thread, &allowed, same))
		return 1;
	wake_all();
	over = true;
	eventfd_write(event, 1);
	pthread_join(thread, NULL);
	qsort(took, n, sizeof(*took), by_value);
	qsort(waker_took, WAKES, sizeof(*waker_took), by_value);
	printf("%llu %llu %llu\n", (unsigned long long)took[n / 2], (unsigned long long)took[n * 99 / 100],
	       (unsigned long long)waker_took[WAKES / 2]);
	return 0;
}
