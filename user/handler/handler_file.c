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

static int start(struct handler *handler)
{
	const struct config_handler *config = handler->config;
	int err;

	handler->fd = open(config->path, OPEN_FLAGS, 0600);
	if (handler->fd >= 0)
		return 0;
	err = -errno;
	diag_at(handler->file, config->mark.line, config->mark.column, "handler file %s: %s", config->path,
		err == -ELOOP ? "is a symbolic link, which is not followed" : strerror(-err));
	return err;
}

static void tell(struct handler *handler, const struct handler_event *event)
{
	char *line;
	int length = asprintf(&line, "%s%s\n", handler->torn ? "\n" : "", event->json);
	ssize_t written;

	if (length < 0) {
		handler_say(handler, TROUBLE_WRITE, "handler file %s: out of memory", handler->config->path);
		return;
	}
	written = write(handler->fd, line, (size_t)length);
	if (written < 0)
		handler_say(handler, TROUBLE_WRITE, "handler file %s: %s", handler->config->path,
			    strerror(errno));
	else if (written < length)
		handler_say(handler, TROUBLE_WRITE, "handler file %s: an alert was written in part",
			    handler->config->path);
	if (written > 0)
		handler->torn = written < length;
	free(line);
}

static void stop(struct handler *handler)
{
	close(handler->fd);
}

const struct handler_kind handler_file = {.start = start, .tell = tell, .stop = stop};
