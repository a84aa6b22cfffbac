// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Threads cancelled inside a probed function:
 *
 *     canceller [ROUNDS]
 *
 * Each thread returns from blocked() once as usual and is cancelled the second time. Its
 * clean-up handler must run; built with -DPLAIN there is none.
 */
#include "common.h"

#include <pthread.h>
#include <semaphore.h>

static sem_t inside;
static int never[2]; /* a pipe that nobody writes to */
static long cleanups, entered;

#ifndef PLAIN
static void clean_up(void *arg)
{
	(void)arg;
	cleanups++;
}
#endif

PROBED long blocked(int block)
{
	volatile long result = 0;
	char byte;

	entered++;
#ifndef PLAIN
	pthread_cleanup_push(clean_up, NULL);
#endif
	if (block) {
		sem_post(&inside);
		result = read(never[0], &byte, 1);
	}
#ifndef PLAIN
	pthread_cleanup_pop(0);
#endif
	return result;
}

static void *run(void *arg)
{
	blocked(0);
	blocked(1);
	return arg;
}

int main(int argc, char **argv)
{
	long rounds = argc > 1 ? atol(argv[1]) : 100, cancelled = 0, i;
	void *result;

	if (pipe(never) || sem_init(&inside, 0, 0))
		return 2;
	target_ready();
	for (i = 0; i < rounds; i++) {
		pthread_t thread;

		if (pthread_create(&thread, NULL, run, NULL))
			return 2;
		sem_wait(&inside);
		pthread_cancel(thread);
		pthread_join(thread, &result);
		cancelled += result == PTHREAD_CANCELED;
	}
	target_done("calls=%ld returned=%ld cancelled=%ld cleanups=%ld", entered, rounds, cancelled,
		    cleanups);
	return 0;
}
