// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Two threads on one processor that hand a byte to one another, the first one measured or not: reads "KIND N"
 * and answers "round R KIND NS" with what a switch took of N.
 *
 *     outside   in no measured call; it has had one before
 *     inside    in a call of inside(): each switch is a wait of it
 */
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static int there[2], back[2];

static long long now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000000000LL + ts.tv_nsec;
}

static void *answer(void *none)
{
	char byte;

	while (read(there[0], &byte, 1) == 1 && write(back[1], &byte, 1) == 1)
		;
	return none;
}

/* Two switches each. */
static void hand_over(long n)
{
	char byte = 0;

	while (n-- > 0)
		if (write(there[1], &byte, 1) != 1 || read(back[0], &byte, 1) != 1)
			_exit(2);
}

__attribute__((noinline)) void inside(long n)
{
	hand_over(n);
	__asm__ volatile("");
}

static void serve(void)
{
	char line[64], kind[16];
	long long start;
	long n;

	for (int done = 1; fgets(line, sizeof(line), stdin); done++) {
		if (sscanf(line, "%15s %ld", kind, &n) != 2)
			_exit(2);
		inside(0);
		start = now_ns();
		if (strcmp(kind, "inside"))
			hand_over(n);
		else
			inside(n);
		printf("round %d %s %.1f\n", done, kind, (double)(now_ns() - start) / (2.0 * (double)n));
		fflush(stdout);
	}
}

int main(void)
{
	pthread_t thread;
	cpu_set_t one;

	CPU_ZERO(&one);
	CPU_SET(sched_getcpu(), &one);
	if (sched_setaffinity(0, sizeof(one), &one) || pipe(there) || pipe(back) ||
	    pthread_create(&thread, NULL, answer, NULL))
		return 2;
	printf("ready %d\n", (int)getpid());
	fflush(stdout);
	serve();
	return 0;
}
