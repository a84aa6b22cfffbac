// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Waits of as many stacks as there are calls:
 *
 *     paths N
 *
 * Call number I of path() takes the left or the right way at each level as the bits of I say, from the lowest
 * on, and sleeps at the end of it.
 */
#include "common.h"

#define LEVELS 16

void go_on(long way, int level);

PROBED void left(long way, int level)
{
	go_on(way, level);
	__asm__ volatile("");
}

PROBED void right(long way, int level)
{
	go_on(way, level);
	__asm__ volatile("");
}

PROBED void go_on(long way, int level)
{
	static const struct timespec soon = {.tv_nsec = 1};

	if (level == LEVELS)
		nanosleep(&soon, NULL);
	else if (way >> level & 1)
		right(way, level + 1);
	else
		left(way, level + 1);
	__asm__ volatile("");
}

PROBED void path(long way)
{
	go_on(way, 0);
	__asm__ volatile("");
}

int main(int argc, char **argv)
{
	long n = argc > 1 ? atol(argv[1]) : 1;

	target_ready();
	for (long i = 0; i < n; i++)
		path(i);
	target_done("calls=%ld", n);
	return 0;
}
