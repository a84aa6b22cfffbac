// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Listens on a Unix stream socket; every reader gets each alert as a line of JSON from when it has connected.
 * A reader that does not read keeps what its socket's buffer holds and is dropped with the next line, so
 * nobody is waited for. Readers are taken in when there is an alert for them, and at each tick.
 */
#include <errno.h>
#include <grp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/diag.h"
#include "handler/handler_kind.h"

#define READERS_MAX 64

struct readers {
	int fd[READERS_MAX];
	size_t n;
	ino_t inode; /* of the path, so that only lapse's own is removed */
};

/* ---- the socket ---------------------------------------------------------------------------------- */

static struct sockaddr_un address_of(const struct handler *handler)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};

	strncpy(address.sun_path, handler->config->path, sizeof(address.sun_path) - 1);
	return address;
}

/* Removes a socket that nobody listens on any more; anything else is left to make bind() fail. */
static int clear_path(const struct handler *handler)
{
	struct sockaddr_un address = address_of(handler);
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0), err = 0;
	struct stat st;

	if (fd < 0)
		return -errno;
	if (!lstat(address.sun_path, &st) && S_ISSOCK(st.st_mode)) {
		if (!connect(fd, (struct sockaddr *)&address, sizeof(address)) || errno == EAGAIN)
			err = -EADDRINUSE;
		else if (errno == ECONNREFUSED && unlink(address.sun_path))
			err = -errno;
	}
	close(fd);
	return err;
}

static int find_group(const char *name, gid_t *group)
{
	const struct group *entry = getgrnam(name);
	char *end;

	if (entry) {
		*group = entry->gr_gid;
		return 0;
	}
	errno = 0;
	*group = (gid_t)strtoul(name, &end, 10);
	return *end || !*name || errno ? -ENOENT : 0;
}

/* For lapse alone until its group is set. */
static int bind_path(struct handler *handler)
{
	struct sockaddr_un address = address_of(handler);
	mode_t before = umask(0177);
	int err = bind(handler->fd, (struct sockaddr *)&address, sizeof(address)) ? -errno : 0;

	umask(before);
	return err;
}

static int open_to_readers(struct handler *handler)
{
	const struct config_handler *config = handler->config;
	struct readers *readers = handler->state;
	gid_t group = (gid_t)-1;
	struct stat st;

	if (config->group && find_group(config->group, &group))
		return -ENOENT;
	if (config->group && chown(config->path, (uid_t)-1, group))
		return -errno;
	if (chmod(config->path, config->mode) || lstat(config->path, &st) || listen(handler->fd, READERS_MAX))
		return -errno;
	readers->inode = st.st_ino;
	return 0;
}

static int listen_on(struct handler *handler)
{
	int err = clear_path(handler);

	if (err)
		return err;
	handler->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (handler->fd < 0)
		return -errno;
	err = bind_path(handler);
	if (err)
		return err;
	err = open_to_readers(handler);
	if (err)
		unlink(handler->config->path);
	return err;
}

static bool same_access(const struct config_handler *a, const struct config_handler *b)
{
	return a->mode == b->mode && !a->group == !b->group && (!a->group || strcmp(a->group, b->group) == 0);
}

/* What another handler listens on is taken over once all have started. */
static int start(struct handler *handler)
{
	const struct handler *before = handler->before;
	int err;

	if (before && !same_access(before->config, handler->config))
		return handler_bad(handler, -EBUSY,
				   "socket %s: its mode and group stay until lapse is restarted",
				   handler->config->path);
	handler->state = calloc(1, sizeof(struct readers));
	if (!handler->state)
		return -ENOMEM;
	err = before ? 0 : listen_on(handler);
	if (!err)
		return 0;
	return handler_bad(handler, err, "socket %s: %s", handler->config->path,
			   err == -EADDRINUSE ? "somebody listens there, or it is no socket"
			   : err == -ENOENT && handler->config->group
				   ? "there is no such group, or no such folder"
				   : strerror(-err));
}

/* ---- readers ------------------------------------------------------------------------------------------ */

static void take_in(struct handler *handler)
{
	struct readers *readers = handler->state;
	int fd;

	while ((fd = accept4(handler->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK)) >= 0) {
		if (readers->n < READERS_MAX) {
			readers->fd[readers->n++] = fd;
			continue;
		}
		close(fd);
		handler->stats.drops++;
		handler_say(handler, TROUBLE_START, "socket %s: %d readers are the most there can be",
			    handler->config->path, READERS_MAX);
	}
}

static void drop(struct readers *readers, size_t i)
{
	close(readers->fd[i]);
	readers->fd[i] = readers->fd[--readers->n];
}

/* Nothing is expected from readers but that they go; what they say is thrown away. */
static bool has_gone(int fd)
{
	char text[512];
	ssize_t n = recv(fd, text, sizeof(text), MSG_DONTWAIT);

	return n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR);
}

static void drop_gone(struct readers *readers)
{
	for (size_t i = readers->n; i-- > 0;)
		if (has_gone(readers->fd[i]))
			drop(readers, i);
}

static void write_to(struct handler *handler, size_t i, const char *line, size_t length)
{
	struct readers *readers = handler->state;
	ssize_t written = send(readers->fd[i], line, length, MSG_DONTWAIT | MSG_NOSIGNAL);

	if (written == (ssize_t)length)
		return;
	if (written >= 0 || errno == EAGAIN) {
		handler->stats.drops++;
		handler_say(handler, TROUBLE_DROPPED, "socket %s: a reader that did not read was dropped",
			    handler->config->path);
	}
	drop(readers, i);
}

static void tell(struct handler *handler, const struct handler_event *event)
{
	struct readers *readers = handler->state;
	char *line;
	int length;

	handler->stats.runs++;
	take_in(handler);
	length = asprintf(&line, "%s\n", event->json);
	if (length < 0) {
		handler->stats.failures++;
		return;
	}
	for (size_t i = readers->n; i-- > 0;)
		write_to(handler, i, line, (size_t)length);
	free(line);
}

static void tick(struct handler *handler, uint64_t now_ns)
{
	(void)now_ns;
	/* Its place may have been taken. */
	if (handler->fd < 0)
		return;
	take_in(handler);
	drop_gone(handler->state);
}

static void inherit(struct handler *handler)
{
	struct handler *before = handler->before;
	struct readers *old = before->state;

	*(struct readers *)handler->state = *old;
	handler->fd = before->fd;
	handler->stats = before->stats;
	handler->stats.target = handler->config->path;
	before->fd = -1;
	old->n = 0;
}

static void stop(struct handler *handler)
{
	struct readers *readers = handler->state;
	struct stat st;

	while (readers && readers->n)
		drop(readers, readers->n - 1);
	if (handler->fd >= 0) {
		close(handler->fd);
		if (readers->inode && !lstat(handler->config->path, &st) && st.st_ino == readers->inode)
			unlink(handler->config->path);
	}
	free(readers);
}

const struct handler_kind handler_socket = {
	.start = start,
	.tell = tell,
	.tick = tick,
	.inherit = inherit,
	.stop = stop,
};
