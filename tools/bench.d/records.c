// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What it takes this machine to hand records from one processor to another through memory, with nothing traced and
 * nothing done with them: the floor under reading spans. Ring and pauses are those of ring.c, and the reader has
 * what lies ahead brought over as lapse's has.
 *
 *     records RECORDS PER_SECOND    prints the processor time in nanoseconds that reading them all took
 */
#include <pthread.h>
#include <sched.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sysinfo.h>
#include <time.h>

#include "bpf/event.h"
#include "user/kernel/ring_view.h"

#define RING_BYTES (4U << 20)
#define POLL_NS	   10000000
#define HEADER	   8 /* of the kernel's ring: the length */
#define RECORD	   (HEADER + sizeof(struct lapse_brief))
#define NSEC	   1000000000ULL

static char ring[RING_BYTES + RECORD];
static volatile uint64_t written, read_so_far;
static uint64_t records, per_second;

static uint64_t now_ns(clockid_t clock)
{
	struct timespec time;

	clock_gettime(clock, &time);
	return (uint64_t)time.tv_sec * NSEC + (uint64_t)time.tv_nsec;
}

/* On the @n-th processor alone, where there are so many. */
static void stay_on(int n)
{
	cpu_set_t one;

	CPU_ZERO(&one);
	CPU_SET(n % get_nprocs(), &one);
	sched_setaffinity(0, sizeof(one), &one);
}

static void write_one(uint64_t number)
{
	char *record = ring + written % RING_BYTES;
	uint64_t length = sizeof(struct lapse_brief);

	memcpy(record, &length, HEADER);
	memset(record + HEADER, (int)number, sizeof(struct lapse_brief));
	__atomic_store_n(&written, written + RECORD, __ATOMIC_RELEASE);
}

static void *write_all(void *unused)
{
	uint64_t start = now_ns(CLOCK_MONOTONIC);

	(void)unused;
	stay_on(1);
	for (uint64_t i = 0; i < records; i++) {
		while (now_ns(CLOCK_MONOTONIC) - start < i * NSEC / per_second ||
		       written - read_so_far > RING_BYTES - RECORD)
			;
		write_one(i);
	}
	return NULL;
}

/* What has been written by now; the sum keeps a compiler from leaving it out. */
static uint64_t read_some(void)
{
	uint64_t until = __atomic_load_n(&written, __ATOMIC_ACQUIRE), at = read_so_far, sum = 0, length;

	for (; at < until; at += HEADER + length) {
		__builtin_prefetch(ring + (at + RING_AHEAD_BYTES) % RING_BYTES);
		memcpy(&length, ring + at % RING_BYTES, HEADER);
		sum += (unsigned char)ring[at % RING_BYTES + HEADER];
	}
	__atomic_store_n(&read_so_far, at, __ATOMIC_RELEASE);
	return sum;
}

int main(int argc, char **argv)
{
	const struct timespec pause = {.tv_nsec = POLL_NS};
	volatile uint64_t sum = 0;
	uint64_t before;
	pthread_t writer;

	if (argc != 3)
		return 2;
	records = strtoull(argv[1], NULL, 10);
	per_second = strtoull(argv[2], NULL, 10);
	memset(ring, 0, sizeof(ring));
	stay_on(0);
	if (!per_second || pthread_create(&writer, NULL, write_all, NULL))
		return 1;
	before = now_ns(CLOCK_THREAD_CPUTIME_ID);
	while (read_so_far < records * RECORD) {
		nanosleep(&pause, NULL);
		sum += read_some();
	}
	printf("%llu\n", (unsigned long long)(now_ns(CLOCK_THREAD_CPUTIME_ID) - before));
	pthread_join(writer, NULL);
	(void)sum; /* it is there so that what was read is used */
	return 0;
}
