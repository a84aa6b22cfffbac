// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A program that waits at the end of a known chain of calls: main, handle_order, check_risk, await_answer,
 * read(2). It says "ready TID" before it does, and ends when its standard input does.
 *
 *     chain [thread | signal]
 *
 * In a thread of its own, or in the handler of a signal that check_risk raises. Built without frame
 * pointers, and with the register for them in other use, so that whoever follows them is led astray.
 */
#include "common.h"

#include <pthread.h>
#include <signal.h>
#include <stdbool.h>

#ifdef FRAME_POINTERS
#define SPOIL_FRAME_POINTER()
#else
#define SPOIL_FRAME_POINTER() __asm__ volatile("mov $0x7eadbeef, %%ebp" : : : "rbp")
#endif

static bool by_signal;

PROBED long await_answer(long order)
{
	char byte;

	SPOIL_FRAME_POINTER();
	printf("ready %ld\n", (long)syscall(SYS_gettid));
	fflush(stdout);
	return read(0, &byte, 1) + order;
}

static void on_signal(int number)
{
	/* What follows keeps it from being a jump. */
	by_signal = await_answer(number) < 0;
}

PROBED long check_risk(long order)
{
	long answer;

	SPOIL_FRAME_POINTER();
	answer = by_signal ? raise(SIGUSR1) : await_answer(order);
	return answer * 3 + order;
}

PROBED long handle_order(long order)
{
	char book[512];

	SPOIL_FRAME_POINTER();
	memset(book, (int)order, sizeof(book));
	__asm__ volatile("" : : "r"(book) : "memory");
	return check_risk(order) + book[order];
}

static void *work(void *order)
{
	handle_order((long)order);
	return NULL;
}

int main(int argc, char **argv)
{
	const char *mode = argc > 1 ? argv[1] : "";
	pthread_t thread;

	by_signal = strcmp(mode, "signal") == 0;
	signal(SIGUSR1, on_signal);
	if (strcmp(mode, "thread") == 0) {
		pthread_create(&thread, NULL, work, (void *)7L);
		pthread_join(thread, NULL);
		return 0;
	}
	return handle_order(7) == 0;
}
