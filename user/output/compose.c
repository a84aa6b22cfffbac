// SPDX-License-Identifier: GPL-2.0-or-later
#include "output/compose.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

int compose_open(struct compose *compose)
{
	*compose = (struct compose){0};
	compose->file = open_memstream(&compose->text, &compose->length);
	return compose->file ? 0 : -ENOMEM;
}

static int write_whole(int fd, const char *text, size_t length)
{
	while (length) {
		ssize_t n = write(fd, text, length);

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

int compose_write(struct compose *compose, FILE *stream)
{
	int bad = ferror(compose->file);
	int err = fclose(compose->file) || bad ? -ENOMEM : 0;

	if (!err && compose->length)
		err = send(stream, compose->text, compose->length);
	free(compose->text);
	return err;
}
