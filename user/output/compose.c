// SPDX-License-Identifier: GPL-2.0-or-later
#include "output/compose.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <unistd.h>

/* How soon a signal is seen while nobody reads the output. */
#define ROOM_MS	    100
/* How long a reader may take nothing once a signal asks for the end: it may only be slow. */
#define PATIENCE_MS 3000

int compose_open(struct compose *compose)
{
	*compose = (struct compose){0};
	compose->file = open_memstream(&compose->text, &compose->length);
	return compose->file ? 0 : -ENOMEM;
}

/* Signals are blocked and wait for the loop: one that is pending ends the wait for a reader who takes
 * nothing. */
static bool is_to_end(void)
{
	sigset_t pending;

	return !sigpending(&pending) && (sigismember(&pending, SIGINT) || sigismember(&pending, SIGTERM) ||
					 sigismember(&pending, SIGHUP));
}

static int wait_for_room(int fd)
{
	struct pollfd room = {.fd = fd, .events = POLLOUT};
	int ready, waited_ms = 0;

	while ((ready = poll(&room, 1, ROOM_MS)) == 0) {
		waited_ms = is_to_end() ? waited_ms + ROOM_MS : 0;
		if (waited_ms >= PATIENCE_MS)
			return -ETIMEDOUT;
	}
	return ready < 0 ? -errno : 0;
}

/* So much at once as a pipe takes without a wait when it says that there is room. */
static int write_whole(int fd, const char *text, size_t length)
{
	while (length) {
		int err = wait_for_room(fd);
		ssize_t n = err ? 0 : write(fd, text, length < PIPE_BUF ? length : PIPE_BUF);

		if (err)
			return err;
		if (n < 0 && errno != EINTR)
			return -errno;
		if (n > 0) {
			text += n;
			length -= (size_t)n;
		}
	}
	return 0;
}

/* A stream with a descriptor is bypassed: stdio would cut a long text at its buffer's size. */
static int send(FILE *stream, const char *text, size_t length)
{
	int fd;

	if (fflush(stream))
		return -errno;
	fd = fileno(stream);
	if (fd >= 0)
		return write_whole(fd, text, length);
	if (fwrite(text, 1, length, stream) != length || fflush(stream))
		return errno ? -errno : -EIO;
	return 0;
}

char *compose_take(struct compose *compose)
{
	int bad = ferror(compose->file);

	if (fclose(compose->file) || bad) {
		free(compose->text);
		return NULL;
	}
	if (compose->length && compose->text[compose->length - 1] == '\n')
		compose->text[compose->length - 1] = '\0';
	return compose->text;
}

int compose_write(struct compose *compose, FILE *stream)
{
	int bad = ferror(compose->file);
	int err = fclose(compose->file) || bad ? -ENOMEM : 0;

	if (!err && compose->length)
		err = send(stream, compose->text, compose->length);
	free(compose->text);
	return err;
}
