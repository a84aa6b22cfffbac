// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Waits in an emulated machine, where a shell that looks ten times a second costs more than what it waits
 * for:
 *
 *     await line FILE PATTERN PID SECONDS     until a line of the file matches
 *     await end PID SECONDS                   until the process has ended, be it waited for or not
 *
 * Exit code 0 if it came about, 1 if not: a line is not waited for when the process that writes it has ended.
 */
#include <errno.h>
#include <poll.h>
#include <regex.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define TURN_MS 20

static long long now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000LL + now.tv_nsec / 1000000;
}

/* Whether the process ends within the time. One that is not there any more has. */
static int ends_within(int process, int ms)
{
	struct pollfd fd = {.fd = process, .events = POLLIN};

	return process < 0 || poll(&fd, 1, ms) > 0;
}

/* Reads on where it was; a line whose end is not there yet is read again. */
static int has_line(FILE *file, const regex_t *pattern)
{
	static char *line;
	static size_t room;
	long start;

	for (;;) {
		start = ftell(file);
		if (getline(&line, &room, file) < 0 || !strchr(line, '\n'))
			break;
		if (!regexec(pattern, line, 0, NULL, 0))
			return 1;
	}
	clearerr(file);
	fseek(file, start, SEEK_SET);
	return 0;
}

/* The process may not have made its file yet. */
static int await_line(const char *path, const regex_t *pattern, int process, long long end)
{
	FILE *file = NULL;
	int ended;

	do {
		ended = ends_within(process, TURN_MS);
		if (!file)
			file = fopen(path, "r");
		if (file && has_line(file, pattern))
			return 0;
	} while (!ended && now_ms() < end);
	return 1;
}

int main(int argc, char **argv)
{
	int line = argc == 6 && !strcmp(argv[1], "line"), process;
	long long end = now_ms() + atoi(argv[argc - 1]) * 1000LL;
	regex_t pattern;

	if (!line && !(argc == 4 && !strcmp(argv[1], "end")))
		return 2;
	process = syscall(SYS_pidfd_open, atoi(argv[argc - 2]), 0);
	if (process < 0 && errno != ESRCH) {
		perror("await: pidfd_open");
		return 2;
	}
	if (!line)
		return !ends_within(process, atoi(argv[3]) * 1000);
	if (regcomp(&pattern, argv[3], REG_EXTENDED | REG_NOSUB | REG_NEWLINE)) {
		fprintf(stderr, "await: what pattern is '%s'?\n", argv[3]);
		return 2;
	}
	return await_line(argv[2], &pattern, process, end);
}
