// SPDX-License-Identifier: GPL-2.0-or-later
#include "kernel/drainer.h"

#include <errno.h>
#include <math.h>
#include <pthread.h>
#include <sched.h>
#include <semaphore.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/clock.h"
#include "bpf/buckets.h"
#include "bpf/event.h"

/* Records that are taken in at one go: some 100 us. */
#define BATCH	   4096
/* So many at once are a storm, in which a millisecond more does not matter, but its wake-ups would. */
#define MANY	   64
/* What may wait to be handed on; beyond it, records stay on the ring, which counts what it has no room for.
 */
#define WAIT_BYTES (4UL * 1024 * 1024)
/* Of the buckets of delays. */
#define DELAY_BITS LAPSE_BUCKET_BITS_COARSE
#define DELAYS	   (LAPSE_BUCKETS(DELAY_BITS) + 1)
/* Between a batch and the next look. */
#define AGAIN_MS   1
/* As long as it may run without a rest. */
#define RUN_US	   20000

/* Records in order: each its size, and what it is in whole words. */
struct batch {
	uint64_t *words;
	size_t n, max;
};

struct drainer {
	pthread_t thread;
	pthread_mutex_t
		lock; /* of the ring and of what has been taken in; who has it runs as its waiter does */
	struct ring_buffer *ring;
	int epoll, news, end;
	sem_t begun; /* whether it runs ahead is known */
	bool started, ahead, urgent;
	atomic_bool stopping;
	uint64_t now_ns; /* when the present batch is taken in */
	struct batch taken, handed;
	uint64_t lost; /* that the ring has let go of, and no memory was there for */
	uint32_t delays[DELAYS];
};

static size_t words_of(size_t bytes)
{
	return (bytes + sizeof(uint64_t) - 1) / sizeof(uint64_t);
}

/* ---- what is taken in ------------------------------------------------------------------------------ */

static int make_room(struct batch *batch, size_t n)
{
	size_t max = batch->max ? batch->max : 4096;
	uint64_t *words;

	while (max < batch->n + n)
		max *= 2;
	if (max == batch->max)
		return 0;
	words = realloc(batch->words, max * sizeof(*words));
	if (!words)
		return -ENOMEM;
	batch->words = words;
	batch->max = max;
	return 0;
}

/* How late a record is that the kernel has woken the thread for, or would have but for the last one. */
static void note_delay(struct drainer *drainer, const struct lapse_span *span)
{
	uint64_t end = span->start_ns + span->duration_ns;

	drainer->urgent = true;
	if (drainer->now_ns > end)
		drainer->delays[lapse_bucket(drainer->now_ns - end, DELAY_BITS)]++;
}

static bool is_urgent(const void *data, size_t size)
{
	const struct lapse_span *span = data;

	return size >= sizeof(*span) && span->kind != LAPSE_REC_PROC &&
	       span->flags & (LAPSE_SPAN_BREACH | LAPSE_SPAN_VALUE) && !(span->flags & LAPSE_SPAN_UNTIMED);
}

static int put(void *context, void *data, size_t size)
{
	struct drainer *drainer = context;
	struct batch *batch = &drainer->taken;
	size_t n = words_of(size);

	if (is_urgent(data, size))
		note_delay(drainer, data);
	if (make_room(batch, 1 + n)) {
		drainer->lost++;
		return 0;
	}
	batch->words[batch->n] = size;
	memcpy(batch->words + batch->n + 1, data, size);
	batch->n += 1 + n;
	return 0;
}

/* With the lock held; how many came. */
static int take_in(struct drainer *drainer)
{
	if (drainer->taken.n * sizeof(uint64_t) >= WAIT_BYTES)
		return 0;
	drainer->now_ns = clock_now_ns();
	return ring_buffer__consume_n(drainer->ring, BATCH);
}

/* ---- the thread ------------------------------------------------------------------------------------ */

static _Atomic pid_t runs_ahead; /* the thread's number; 0: there is none */

/* It has run for too long: from here on it has to share. */
static void share(int number)
{
	const struct sched_param usual = {0};
	pid_t tid = atomic_load(&runs_ahead);

	(void)number;
	if (tid)
		syscall(SYS_sched_setscheduler, tid, SCHED_OTHER, &usual);
}

static void limit_run(void)
{
	struct sigaction action = {.sa_handler = share, .sa_flags = SA_RESTART};
	struct rlimit limit;

	sigaction(SIGXCPU, &action, NULL);
	if (getrlimit(RLIMIT_RTTIME, &limit))
		return;
	limit.rlim_cur = limit.rlim_max < RUN_US ? limit.rlim_max : RUN_US;
	setrlimit(RLIMIT_RTTIME, &limit);
}

/* Whatever it would start is a usual thread. */
static bool run_ahead(void)
{
	const struct sched_param lowest = {.sched_priority = 1};

	limit_run();
	atomic_store(&runs_ahead, (pid_t)syscall(SYS_gettid));
	return !sched_setscheduler(0, SCHED_FIFO | SCHED_RESET_ON_FORK, &lowest);
}

static int take_some(struct drainer *drainer)
{
	int n;

	pthread_mutex_lock(&drainer->lock);
	drainer->urgent = false;
	n = take_in(drainer);
	if (drainer->urgent)
		eventfd_write(drainer->news, 1);
	pthread_mutex_unlock(&drainer->lock);
	return n;
}

/* A record that came too soon after the last to wake anybody is found by looking once more. */
static void *run(void *context)
{
	struct drainer *drainer = context;
	const struct timespec pause = {.tv_nsec = AGAIN_MS * NSEC_PER_MSEC};
	struct epoll_event event;
	int n = 0;

	pthread_setname_np(pthread_self(), "lapse-drain");
	drainer->ahead = run_ahead();
	sem_post(&drainer->begun);
	while (drainer->ahead && !atomic_load(&drainer->stopping)) {
		if (n >= MANY)
			nanosleep(&pause, NULL);
		else if (epoll_wait(drainer->epoll, &event, 1, n > 0 ? AGAIN_MS : -1) < 0)
			continue;
		n = take_some(drainer);
	}
	atomic_store(&runs_ahead, 0);
	return NULL;
}

/* Signals are for other threads, but for the one that ends its privilege. */
static int start_thread(struct drainer *drainer)
{
	sigset_t others, before;
	int err;

	sigfillset(&others);
	sigdelset(&others, SIGXCPU);
	pthread_sigmask(SIG_SETMASK, &others, &before);
	err = pthread_create(&drainer->thread, NULL, run, drainer);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (err)
		return -err;
	drainer->started = true;
	while (sem_wait(&drainer->begun) && errno == EINTR)
		;
	return drainer->ahead ? 0 : -EPERM;
}

/* ---- for the others -------------------------------------------------------------------------------- */

/* The ring tells once for each wake-up, not for as long as something is on it. */
static int open_events(struct drainer *drainer, int ring)
{
	struct epoll_event come = {.events = EPOLLIN | EPOLLET}, end = {.events = EPOLLIN};

	drainer->epoll = epoll_create1(EPOLL_CLOEXEC);
	drainer->news = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	drainer->end = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (drainer->epoll < 0 || drainer->news < 0 || drainer->end < 0 ||
	    epoll_ctl(drainer->epoll, EPOLL_CTL_ADD, ring, &come) ||
	    epoll_ctl(drainer->epoll, EPOLL_CTL_ADD, drainer->end, &end))
		return -errno;
	return 0;
}

static int open_lock(struct drainer *drainer)
{
	pthread_mutexattr_t attributes;
	int err;

	pthread_mutexattr_init(&attributes);
	err = pthread_mutexattr_setprotocol(&attributes, PTHREAD_PRIO_INHERIT)
		      ?: pthread_mutex_init(&drainer->lock, &attributes);
	pthread_mutexattr_destroy(&attributes);
	return -err;
}

struct drainer *drainer_start(int ring)
{
	struct drainer *drainer = calloc(1, sizeof(*drainer));

	if (!drainer)
		return NULL;
	drainer->epoll = drainer->news = drainer->end = -1;
	sem_init(&drainer->begun, 0, 0);
	drainer->ring = ring_buffer__new(ring, put, drainer, NULL);
	if (drainer->ring && !open_lock(drainer) && !open_events(drainer, ring) && !start_thread(drainer))
		return drainer;
	drainer_stop(drainer);
	return NULL;
}

static void close_one(int fd)
{
	if (fd >= 0)
		close(fd);
}

void drainer_stop(struct drainer *drainer)
{
	if (!drainer)
		return;
	atomic_store(&drainer->stopping, true);
	if (drainer->started) {
		eventfd_write(drainer->end, 1);
		pthread_join(drainer->thread, NULL);
	}
	ring_buffer__free(drainer->ring);
	close_one(drainer->epoll);
	close_one(drainer->news);
	close_one(drainer->end);
	sem_destroy(&drainer->begun);
	free(drainer->taken.words);
	free(drainer->handed.words);
	free(drainer);
}

int drainer_fd(const struct drainer *drainer)
{
	return drainer->news;
}

const struct ring *drainer_ring(const struct drainer *drainer)
{
	return ring_buffer__ring(drainer->ring, 0);
}

uint64_t drainer_lost(struct drainer *drainer)
{
	uint64_t lost;

	pthread_mutex_lock(&drainer->lock);
	lost = drainer->lost;
	pthread_mutex_unlock(&drainer->lock);
	return lost;
}

double drainer_delay(struct drainer *drainer, double quantile)
{
	uint64_t sum = 0, rank;
	uint32_t i;

	pthread_mutex_lock(&drainer->lock);
	for (i = 0; i < DELAYS; i++)
		sum += drainer->delays[i];
	rank = (uint64_t)ceil(quantile * (double)sum);
	for (i = 0, sum = 0; i < DELAYS; i++) {
		sum += drainer->delays[i];
		if (sum && sum >= rank)
			break;
	}
	pthread_mutex_unlock(&drainer->lock);
	return sum ? (double)lapse_bucket_low(i, DELAY_BITS) : NAN;
}

/* What the thread has taken and a batch more change hands; how many of the latter. */
static int change_hands(struct drainer *drainer)
{
	struct batch empty = drainer->handed;
	int n;

	pthread_mutex_lock(&drainer->lock);
	n = take_in(drainer);
	drainer->handed = drainer->taken;
	drainer->taken = empty;
	drainer->taken.n = 0;
	pthread_mutex_unlock(&drainer->lock);
	return n;
}

/* All of them, since nobody else has them any more; how many, or the first error. */
static int hand_on(const struct batch *batch, ring_buffer_sample_fn take, void *context)
{
	int n = 0, err = 0;

	for (size_t at = 0; at < batch->n; at += 1 + words_of(batch->words[at]), n++) {
		int result = take(context, batch->words + at + 1, batch->words[at]);

		if (result < 0 && !err)
			err = result;
	}
	return err ? err : n;
}

int drainer_take(struct drainer *drainer, ring_buffer_sample_fn take, void *context)
{
	eventfd_t news;
	int came, n, sum = 0;

	eventfd_read(drainer->news, &news);
	do {
		came = change_hands(drainer);
		n = hand_on(&drainer->handed, take, context);
		if (n < 0)
			return n;
		sum += n;
	} while (came == BATCH);
	return sum;
}
