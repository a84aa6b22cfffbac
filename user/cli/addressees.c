// SPDX-License-Identifier: GPL-2.0-or-later
/* The measured processes, as handlers reach them: each by a descriptor that is surely of it. */
#include "cli/session_parts.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

static int add(struct handler_target *list, size_t *n, pid_t pid, int pidfd)
{
	if (pidfd < 0)
		return errno == ESRCH ? 0 : -errno;
	list[(*n)++] = (struct handler_target){pid, pidfd};
	return 0;
}

static bool is_among(pid_t pid, const pid_t *pids, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (pids[i] == pid)
			return true;
	return false;
}

static bool has_ended(int pidfd)
{
	struct pollfd ended = {.fd = pidfd, .events = POLLIN};

	return poll(&ended, 1, 0) != 0;
}

/* Keeps those that are meant still, now that nobody else can have come to their numbers. */
static void keep_meant(const struct session *session, struct handler_target *list, size_t *n)
{
	size_t n_pids, kept = 0;
	pid_t *pids;

	if (target_pids(&session->selection, &pids, &n_pids))
		n_pids = 0;
	for (size_t i = 0; i < *n; i++) {
		if (is_among(list[i].pid, pids, n_pids) && !has_ended(list[i].pidfd))
			list[kept++] = list[i];
		else
			close(list[i].pidfd);
	}
	*n = kept;
	free(pids);
}

static int open_found(const struct session *session, struct handler_target **list, size_t *n)
{
	size_t n_pids;
	pid_t *pids;
	int err = target_pids(&session->selection, &pids, &n_pids);

	if (err)
		return err;
	*list = calloc(n_pids + 1, sizeof(**list));
	if (!*list)
		err = -ENOMEM;
	for (size_t i = 0; i < n_pids && !err; i++)
		err = add(*list, n, pids[i], (int)syscall(SYS_pidfd_open, pids[i], 0));
	free(pids);
	keep_meant(session, *list, n);
	return err;
}

/* Those that were named are watched from the start on. */
static int open_watched(const struct session *session, struct handler_target **list, size_t *n)
{
	int err = 0;

	*list = calloc(session->selection.n_pids + 1, sizeof(**list));
	if (!*list)
		return -ENOMEM;
	for (size_t i = 0; i < session->selection.n_pids && !err; i++) {
		int pidfd = processes_pidfd(session, i);

		if (pidfd >= 0)
			err = add(*list, n, session->selection.pids[i], fcntl(pidfd, F_DUPFD_CLOEXEC, 3));
	}
	return err;
}

int addressees_open(void *context, struct handler_target **list, size_t *n)
{
	const struct session *session = context;

	*list = NULL;
	*n = 0;
	if (session->gone && session->selection.n_pids && !session->selection.follow)
		return open_watched(session, list, n);
	return open_found(session, list, n);
}
