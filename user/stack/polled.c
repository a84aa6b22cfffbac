// SPDX-License-Identifier: GPL-2.0-or-later
#include "stack/polled.h"

#include <asm/unistd.h>
#include <poll.h>
#include <stdio.h>
#include <sys/select.h>

#define READ_AT_ONCE 64

/* An array of struct pollfd at @at. */
static size_t of_poll(pid_t pid, uint64_t at, uint64_t n, int *fds, size_t max)
{
	struct pollfd polled[READ_AT_ONCE];
	size_t found = 0, got;

	for (uint64_t i = 0; i < n && found < max; i += got) {
		got = thread_memory(pid, at + i * sizeof(*polled), polled, sizeof(polled)) / sizeof(*polled);
		if (!got)
			break;
		for (size_t j = 0; j < got && i + j < n && found < max; j++)
			if (polled[j].fd >= 0)
				fds[found++] = polled[j].fd;
	}
	return found;
}

/* Three sets at @sets, of which some may be missing. */
static size_t of_select(pid_t pid, uint64_t n, const uint64_t sets[3], int *fds, size_t max)
{
	fd_set set[3] = {0};
	size_t found = 0;

	for (int i = 0; i < 3; i++)
		if (sets[i])
			thread_memory(pid, sets[i], &set[i], sizeof(set[i]));
	for (int fd = 0; fd < FD_SETSIZE && (uint64_t)fd < n && found < max; fd++)
		if (FD_ISSET(fd, &set[0]) || FD_ISSET(fd, &set[1]) || FD_ISSET(fd, &set[2]))
			fds[found++] = fd;
	return found;
}

/* "tfd:        5 events:       19 data: ..." of what the descriptor @epoll holds. */
static size_t of_epoll(pid_t pid, uint64_t epoll, int *fds, size_t max)
{
	char path[64], line[256];
	size_t found = 0;
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%d/fdinfo/%d", pid, (int)epoll);
	file = fopen(path, "re");
	while (file && found < max && fgets(line, sizeof(line), file))
		if (sscanf(line, "tfd: %d", &fds[found]) == 1)
			found++;
	if (file)
		fclose(file);
	return found;
}

size_t polled_by_call(pid_t pid, long number, const uint64_t arguments[THREAD_ARGUMENTS], int *fds,
		      size_t max)
{
	switch (number) {
	case __NR_poll:
	case __NR_ppoll:
		return of_poll(pid, arguments[0], arguments[1], fds, max);
	case __NR_select:
	case __NR_pselect6:
		return of_select(pid, arguments[0], arguments + 1, fds, max);
	case __NR_epoll_wait:
	case __NR_epoll_pwait:
	case __NR_epoll_pwait2:
		return of_epoll(pid, arguments[0], fds, max);
	default:
		return 0;
	}
}

size_t polled_now(pid_t pid, pid_t tid, int *fds, size_t max)
{
	uint64_t arguments[THREAD_ARGUMENTS];
	long number = thread_call(pid, tid, arguments);

	return number < 0 ? 0 : polled_by_call(pid, number, arguments, fds, max);
}
