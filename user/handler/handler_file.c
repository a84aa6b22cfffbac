// SPDX-License-Identifier: GPL-2.0-or-later
/* Appends each alert to a file as one line of JSON, in one write. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/diag.h"
#include "handler/handler_kind.h"

/* Not blocking, so that a pipe without a reader stops neither the start nor the loop that judges. */
#define OPEN_FLAGS (O_WRONLY | O_APPEND | O_CREAT | O_NOFOLLOW | O_CLOEXEC | O_NOCTTY | O_NONBLOCK)

static int check(const struct config_handler *config, char *why, size_t size)
{
	const char *name = strrchr(config->path, '/');
	char *folder =
		strndup(config->path, name && name != config->path ? (size_t)(name - config->path) : 1);
	int err = folder && name && access(folder, F_OK) ? -errno : 0;

	if (err)
		snprintf(why, size, "handler file %s: %s", config->path, strerror(-err));
	free(folder);
	return err;
}

static int start(struct handler *handler)
{
	const char *path = handler->config->path;
	int err;

	handler->fd = open(path, OPEN_FLAGS, 0600);
	if (handler->fd >= 0)
		return 0;
	err = -errno;
	return handler_bad(handler, err, "handler file %s: %s", path,
			   err == -ELOOP ? "is a symbolic link, which is not followed" : strerror(-err));
}

static void fail(struct handler *handler, const char *why)
{
	handler->stats.failures++;
	handler_say(handler, TROUBLE_WRITE, "handler file %s: %s", handler->config->path, why);
}

static void tell(struct handler *handler, const struct handler_event *event)
{
	char *line;
	int length = asprintf(&line, "%s%s\n", handler->torn ? "\n" : "", event->json);
	ssize_t written;

	handler->stats.runs++;
	if (length < 0) {
		fail(handler, "out of memory");
		return;
	}
	written = write(handler->fd, line, (size_t)length);
	if (written < 0)
		fail(handler, strerror(errno));
	else if (written < length)
		fail(handler, "an alert was written in part");
	if (written > 0)
		handler->torn = written < length;
	free(line);
}

static void stop(struct handler *handler)
{
	if (handler->fd >= 0)
		close(handler->fd);
}

const struct handler_kind handler_file = {.check = check, .start = start, .tell = tell, .stop = stop};
