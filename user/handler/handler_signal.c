// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Sends the measured processes a signal, if they catch it: of one that does not, most signals are the end.
 * Each is reached by its pidfd, which no other process can come to have.
 */
#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/diag.h"
#include "handler/handler_kind.h"

#define PATH_SIZE 64

/* The mask of signals that @pid catches; 0 if that cannot be read. */
static uint64_t caught_by(pid_t pid)
{
	char path[PATH_SIZE], line[256];
	uint64_t mask = 0;
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%d/status", pid);
	file = fopen(path, "re");
	if (!file)
		return 0;
	while (fgets(line, sizeof(line), file))
		if (sscanf(line, "SigCgt: %" SCNx64, &mask) == 1)
			break;
	fclose(file);
	return mask;
}

static const char *base_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

static bool is_named_node(pid_t pid)
{
	char path[PATH_SIZE], exe[4096];
	const char *name;
	ssize_t n;

	snprintf(path, sizeof(path), "/proc/%d/exe", pid);
	n = readlink(path, exe, sizeof(exe) - 1);
	exe[n > 0 ? n : 0] = '\0';
	name = base_name(exe);
	return strcmp(name, "node") == 0 || strcmp(name, "nodejs") == 0 || strncmp(name, "node (", 6) == 0;
}

/* Programs that are something else by their name may have Node in a library. */
static bool maps_node(pid_t pid)
{
	char path[PATH_SIZE], *line = NULL;
	bool found = false;
	size_t size = 0;
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%d/maps", pid);
	file = fopen(path, "re");
	if (!file)
		return false;
	while (!found && getline(&line, &size, file) >= 0)
		found = strncmp(base_name(line), "libnode.so", 10) == 0;
	free(line);
	fclose(file);
	return found;
}

/* To Node this signal means that a debugger is to be let in. */
static bool opens_debugger(pid_t pid, int number)
{
	return number == SIGUSR1 && (is_named_node(pid) || maps_node(pid));
}

static int find_targets(const struct handler *handler, struct handler_target **list, size_t *n)
{
	*list = NULL;
	*n = 0;
	return handler->targets->open ? handler->targets->open(handler->targets->context, list, n) : 0;
}

static void close_targets(struct handler_target *list, size_t n)
{
	for (size_t i = 0; i < n; i++)
		close(list[i].pidfd);
	free(list);
}

static int start(struct handler *handler)
{
	struct handler_target *list;
	int err;
	size_t n;

	handler->stats.target = sigabbrev_np(handler->config->signal);
	err = find_targets(handler, &list, &n);
	for (size_t i = 0; !err && i < n; i++)
		if (opens_debugger(list[i].pid, handler->config->signal))
			err = handler_bad(handler, -EPERM,
					  "process %d is Node, whose debugger USR1 opens: choose USR2",
					  list[i].pid);
	close_targets(list, n);
	return err;
}

/* Why it is not sent; NULL: it has been. */
static const char *send_one(const struct handler *handler, const struct handler_target *target)
{
	int number = handler->config->signal;

	if (opens_debugger(target->pid, number))
		return "is Node, whose debugger USR1 opens";
	if (!(caught_by(target->pid) & 1ULL << (number - 1)))
		return "does not catch it";
	/* If what was read was another's, who has its number now, this one has ended. */
	if (syscall(SYS_pidfd_send_signal, target->pidfd, number, NULL, 0))
		return errno == ESRCH ? "has ended" : strerror(errno);
	return NULL;
}

static void tell(struct handler *handler, const struct handler_event *event)
{
	struct handler_target *list;
	size_t n, sent = 0;

	(void)event;
	handler->stats.runs++;
	find_targets(handler, &list, &n);
	for (size_t i = 0; i < n; i++) {
		const char *why = send_one(handler, &list[i]);

		sent += !why;
		if (why)
			handler_say(handler, TROUBLE_SIGNAL, "process %d is not sent SIG%s: it %s",
				    list[i].pid, handler->stats.target, why);
	}
	close_targets(list, n);
	handler->stats.failures += !sent;
}

const struct handler_kind handler_signal = {.start = start, .tell = tell};
