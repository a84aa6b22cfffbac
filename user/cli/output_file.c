// SPDX-License-Identifier: GPL-2.0-or-later
#include "cli/output_file.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/diag.h"
#include "base/exit_code.h"
#include "base/stream.h"

/* Lines of some minutes; they are only there while nobody takes them. */
#define BOX_BYTES (8UL << 20)

/* What SQLite's files begin with, and so recordings. */
#define RECORDING_MAGIC "SQLite format 3"

static bool is_recording(const char *path)
{
	char begin[sizeof(RECORDING_MAGIC)] = {0};
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	ssize_t n = fd < 0 ? 0 : read(fd, begin, sizeof(begin));

	if (fd >= 0)
		close(fd);
	return n == sizeof(begin) && !memcmp(begin, RECORDING_MAGIC, sizeof(begin));
}

int output_file_open(const struct options *options, struct output_options *show)
{
	const char *path = options->output_path;

	show->stream = stdout;
	if (path && is_recording(path)) {
		diag_error("%s is a recording, and is not written over; name another file with -o", path);
		show->stream = NULL;
		return EXIT_USAGE;
	}
	if (path)
		show->stream = fopen(path, "we");
	if (!show->stream) {
		diag_error("cannot write %s: %s", path, strerror(errno));
		return EXIT_USAGE;
	}
	show->color = options_colored(options, show->stream);
	return 0;
}

void output_file_say(int err)
{
	if (err == -EPIPE)
		diag_note("the reader of the output has gone");
	else if (err == -ETIMEDOUT)
		diag_error("cannot write the output: its reader takes none of it; let it read, or name a "
			   "file with -o");
	else if (err)
		diag_error("cannot write the output: %s", strerror(-err));
}

/* Of a file that is written as fast as it comes. */
static bool is_regular(FILE *stream)
{
	struct stat st;

	return !fstat(fileno(stream), &st) && S_ISREG(st.st_mode);
}

int output_file_open_box(struct output_options *show, struct outbox **box)
{
	if (is_regular(show->stream))
		return 0;
	*box = outbox_new(show->stream, BOX_BYTES);
	if (!*box)
		return -errno;
	show->stream = outbox_stream(*box);
	return 0;
}

int output_file_close(struct output_options *show, int err)
{
	FILE *stream = show->stream;
	int flushed;

	if (!stream)
		return err;
	show->stream = NULL;
	flushed = stream_flush(stream);
	/* Who wrote to it may have learned no more than that it failed. */
	if (flushed && (!err || err == -EIO))
		err = flushed;
	if (stream != stdout && fclose(stream) && !err)
		err = -errno;
	output_file_say(err);
	return err;
}
