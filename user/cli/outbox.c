// SPDX-License-Identifier: GPL-2.0-or-later
#include "cli/outbox.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/thread_start.h"

/* How soon the thread sees that it is to end while the reader takes nothing. */
#define LOOK_MS 50

struct outbox {
	FILE *stream;
	int fd;
	size_t room;
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t changed;
	/* With the lock. */
	char *text; /* what has come and was not begun */
	size_t length, size;
	size_t writing;	  /* bytes that the thread has taken and not written */
	uint64_t written; /* in all */
	uint64_t dropped;
	bool keep_all, over;
	int err;
};

/* ---- who writes into it ------------------------------------------------------------------------------ */

static bool make_room(struct outbox *box, size_t more)
{
	size_t size = box->size ? box->size : PIPE_BUF;
	char *text;

	while (size < box->length + more)
		size *= 2;
	if (size == box->size)
		return true;
	text = realloc(box->text, size);
	if (!text)
		return false;
	box->text = text;
	box->size = size;
	return true;
}

/* What the reader has room for when nothing waits before it: no thread need be woken for that. So much at
 * once as a pipe takes without a wait when it says that there is room. How many bytes. */
static size_t write_at_once(struct outbox *box, const char *text, size_t length)
{
	struct pollfd room = {.fd = box->fd, .events = POLLOUT};
	size_t done = 0;
	ssize_t n = 0;

	while (done < length && n >= 0 && poll(&room, 1, 0) == 1) {
		size_t some = length - done < PIPE_BUF ? length - done : PIPE_BUF;

		n = write(box->fd, text + done, some);
		done += n > 0 ? (size_t)n : 0;
	}
	if (n < 0 && errno != EINTR && errno != EAGAIN)
		box->err = -errno;
	return done;
}

/* @begun: some of the text has been written, so that the rest has to be. */
static void keep(struct outbox *box, const char *text, size_t length, bool begun)
{
	bool fits = begun || box->keep_all || box->length + box->writing + length <= box->room;

	if (!fits || !make_room(box, length)) {
		/* A text that was cut would be worse than none. */
		box->err = begun ? -ENOMEM : 0;
		box->dropped++;
		return;
	}
	memcpy(box->text + box->length, text, length);
	box->length += length;
	pthread_cond_broadcast(&box->changed);
}

static void add(struct outbox *box, const char *text, size_t length)
{
	size_t done = box->length + box->writing ? 0 : write_at_once(box, text, length);

	if (done < length && !box->err)
		keep(box, text + done, length - done, done > 0);
}

/* As fopencookie(3) wants it: 0 is an error. */
static ssize_t put(void *cookie, const char *text, size_t length)
{
	struct outbox *box = cookie;
	int err;

	pthread_mutex_lock(&box->lock);
	if (!box->err)
		add(box, text, length);
	err = box->err;
	pthread_mutex_unlock(&box->lock);
	if (!err)
		return (ssize_t)length;
	errno = -err;
	return 0;
}

/* ---- the thread -------------------------------------------------------------------------------------- */

static bool is_over(struct outbox *box)
{
	bool over;

	pthread_mutex_lock(&box->lock);
	over = box->over;
	pthread_mutex_unlock(&box->lock);
	return over;
}

/* 0 as soon as the reader has room, -ECANCELED once the box is to go. */
static int wait_for_room(struct outbox *box)
{
	struct pollfd room = {.fd = box->fd, .events = POLLOUT};
	int ready;

	while ((ready = poll(&room, 1, LOOK_MS)) == 0 || (ready < 0 && errno == EINTR))
		if (is_over(box))
			return -ECANCELED;
	return ready < 0 ? -errno : 0;
}

static void note_written(struct outbox *box, size_t n)
{
	pthread_mutex_lock(&box->lock);
	box->writing -= n;
	box->written += n;
	pthread_cond_broadcast(&box->changed);
	pthread_mutex_unlock(&box->lock);
}

/* So much at once as a pipe takes without a wait when it says that there is room. */
static int write_whole(struct outbox *box, const char *text, size_t length)
{
	while (length) {
		int err = wait_for_room(box);
		ssize_t n = err ? 0 : write(box->fd, text, length < PIPE_BUF ? length : PIPE_BUF);

		if (err)
			return err;
		if (n < 0 && errno != EINTR && errno != EAGAIN)
			return -errno;
		if (n > 0) {
			note_written(box, (size_t)n);
			text += n;
			length -= (size_t)n;
		}
	}
	return 0;
}

/* With the lock: all that has come, which is the caller's then. */
static char *take_all(struct outbox *box, size_t *length)
{
	char *text = box->text;

	*length = box->writing = box->length;
	box->text = NULL;
	box->length = box->size = 0;
	return text;
}

static void fail(struct outbox *box, int err)
{
	pthread_mutex_lock(&box->lock);
	box->err = err;
	box->writing = 0;
	pthread_cond_broadcast(&box->changed);
	pthread_mutex_unlock(&box->lock);
}

static void *run(void *context)
{
	struct outbox *box = context;
	int err = 0;

	pthread_setname_np(pthread_self(), "lapse-out");
	while (!err) {
		size_t length;
		char *text;

		pthread_mutex_lock(&box->lock);
		while (!box->length && !box->over)
			pthread_cond_wait(&box->changed, &box->lock);
		text = box->over ? NULL : take_all(box, &length);
		pthread_mutex_unlock(&box->lock);
		if (!text)
			break;
		err = write_whole(box, text, length);
		free(text);
	}
	if (err)
		fail(box, err);
	return NULL;
}

/* ---- its life ---------------------------------------------------------------------------------------- */

static void open_waits(struct outbox *box)
{
	pthread_condattr_t monotonic;

	pthread_condattr_init(&monotonic);
	pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
	pthread_cond_init(&box->changed, &monotonic);
	pthread_condattr_destroy(&monotonic);
	pthread_mutex_init(&box->lock, NULL);
}

/* Unbuffered: a text that is written as a whole comes as a whole. */
static FILE *open_stream(struct outbox *box)
{
	FILE *stream = fopencookie(box, "w", (cookie_io_functions_t){.write = put});

	if (stream)
		setvbuf(stream, NULL, _IONBF, 0);
	return stream;
}

struct outbox *outbox_new(FILE *to, size_t room)
{
	struct outbox *box = calloc(1, sizeof(*box));
	int err;

	if (!box)
		return NULL;
	box->fd = fileno(to);
	box->room = room;
	open_waits(box);
	box->stream = open_stream(box);
	err = box->stream ? thread_start(&box->thread, run, box) : -errno;
	if (!err)
		return box;
	if (box->stream)
		fclose(box->stream);
	free(box);
	errno = -err;
	return NULL;
}

void outbox_free(struct outbox *box)
{
	if (!box)
		return;
	pthread_mutex_lock(&box->lock);
	box->over = true;
	pthread_cond_broadcast(&box->changed);
	pthread_mutex_unlock(&box->lock);
	pthread_join(box->thread, NULL);
	fclose(box->stream);
	pthread_cond_destroy(&box->changed);
	pthread_mutex_destroy(&box->lock);
	free(box->text);
	free(box);
}

FILE *outbox_stream(const struct outbox *box)
{
	return box->stream;
}

uint64_t outbox_dropped(struct outbox *box)
{
	uint64_t dropped;

	pthread_mutex_lock(&box->lock);
	dropped = box->dropped;
	pthread_mutex_unlock(&box->lock);
	return dropped;
}

void outbox_keep_all(struct outbox *box)
{
	pthread_mutex_lock(&box->lock);
	box->keep_all = true;
	pthread_mutex_unlock(&box->lock);
}

/* With the lock: until more has been written; 0, or ETIMEDOUT. */
static int wait_for_more(struct outbox *box, unsigned patience_ms)
{
	uint64_t until = clock_now_ns() + patience_ms * NSEC_PER_MSEC, before = box->written;
	const struct timespec end = clock_timer(until);
	int err = 0;

	while (!err && !box->err && box->written == before && box->length + box->writing)
		err = pthread_cond_timedwait(&box->changed, &box->lock, &end);
	return err;
}

int outbox_finish(struct outbox *box, unsigned patience_ms)
{
	int err = 0;

	pthread_mutex_lock(&box->lock);
	while (!err && !box->err && box->length + box->writing)
		err = wait_for_more(box, patience_ms);
	err = box->err ? box->err : -err;
	pthread_mutex_unlock(&box->lock);
	return err;
}
