// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Puts the moment of its coming before each piece of standard input: "NS\tTEXT". A piece in the middle of a line has
 * none: a long line comes in several. It runs realtime, so that what is seen is the delay of the writer, and writes when
 * all is over.
 */
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#define PIECES 65536

static char text[1 << 24];
static struct {
	long long ns;
	size_t len;
} piece[PIECES];

int main(void)
{
	struct sched_param priority = {.sched_priority = 50};
	struct timespec ts;
	size_t at = 0, n = 0;
	ssize_t got;

	memset(text, 1, sizeof(text));
	mlockall(MCL_CURRENT);
	sched_setscheduler(0, SCHED_FIFO, &priority);
	while (n < PIECES && at < sizeof(text) && (got = read(0, text + at, sizeof(text) - at)) > 0) {
		clock_gettime(CLOCK_MONOTONIC, &ts);
		piece[n].ns = (long long)ts.tv_sec * 1000000000 + ts.tv_nsec;
		piece[n++].len = (size_t)got;
		at += (size_t)got;
	}
	at = 0;
	for (size_t i = 0; i < n; at += piece[i++].len) {
		if (!at || text[at - 1] == '\n')
			printf("%lld\t", piece[i].ns);
		fwrite(text + at, 1, piece[i].len, stdout);
	}
	return 0;
}
