// SPDX-License-Identifier: GPL-2.0-or-later
#include "kernel/drainer.h"

#include <errno.h>
#include <limits.h>
#include <math.h>
#include <pthread.h>
#include <sched.h>
#include <semaphore.h>
#include <signal.h>
#include <stdatomic.h>
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
#include "kernel/out_of_way.h"
#include "kernel/ring_share.h"

/* Handed on at one go, before the ring gets its room back and the time is looked at. */
#define PIECE_BYTES (64UL * 1024)
/* What may be put away; beyond it, records stay on the ring, which counts what it has no room for. */
#define AWAY_BYTES  (4UL * 1024 * 1024)
/* Of the buckets of delays. */
#define DELAY_BITS  LAPSE_BUCKET_BITS_COARSE
#define DELAYS	    (LAPSE_BUCKETS(DELAY_BITS) + 1)
/* Until the ring is looked at once more: an urgent record that comes too soon after another one wakes nobody.
 */
#define AGAIN_MS    1
/* As long as the thread may run without a rest. */
#define RUN_US	    20000

/* Records that have been put away: each behind its length, at a multiple of eight; brief ones in full. */
struct stretch {
	char *data;
	size_t n, max;
};
#define HEAD_BYTES sizeof(size_t)

struct drainer {
	pthread_t thread;
	pthread_mutex_t lock; /* of the ring and of what is put away; who has it runs as its waiter does */
	struct ring_view view;
	struct ring_share share; /* its reader is who takes the records; the thread takes over */
	const __u64 *urgent;	 /* as many have been sent */
	uint64_t urgent_known;	 /* as many had been when the ring was looked at */
	unsigned long looked;	 /* up to there, for urgent ones */
	struct out_of_way way;	 /* the thread's alone */
	const __u32 *waker;
	int epoll, news, end;
	sem_t begun; /* whether it runs ahead is known */
	bool started, ahead;
	atomic_bool stopping;
	struct stretch away, handed;
	size_t handed_at; /* so much of it has been handed on */
	uint32_t delays[DELAYS];
};

/* ---- looked at ------------------------------------------------------------------------------------- */

/* When the urgent span @data ended; 0: it is none. */
static uint64_t urgent_end(const void *data, size_t size)
{
	const struct lapse_brief *brief = data;
	const struct lapse_span *span = data;

	if (brief->kind == LAPSE_REC_BRIEF)
		return brief->flags & LAPSE_SPAN_BREACH && !(brief->flags & LAPSE_SPAN_UNTIMED)
			       ? brief->start_ns + brief->duration_ns
			       : 0;
	/* A process's are shorter, and never urgent. */
	return size >= sizeof(*span) && span->flags & (LAPSE_SPAN_BREACH | LAPSE_SPAN_VALUE) &&
			       !(span->flags & LAPSE_SPAN_UNTIMED)
		       ? span->start_ns + span->duration_ns
		       : 0;
}

static void note_delay(struct drainer *drainer, uint64_t end_ns, uint64_t now_ns)
{
	if (end_ns && now_ns > end_ns)
		drainer->delays[lapse_bucket(now_ns - end_ns, DELAY_BITS)]++;
}

/* Notes the urgent ones among the records that nobody has looked at. The kernel's side counts them before
 * they can be read: where their number is what it was, there are none. Whether there were any, or some may be
 * on their way. */
static bool look(struct drainer *drainer)
{
	uint64_t urgent = __atomic_load_n(drainer->urgent, __ATOMIC_ACQUIRE), now_ns;
	unsigned long at = drainer->looked, taken = ring_view_taken(&drainer->view), written, next;
	const void *data;
	size_t size;

	if (at < taken)
		at = taken;
	if (urgent == drainer->urgent_known) {
		drainer->looked = at;
		return false;
	}
	now_ns = clock_now_ns();
	written = ring_view_written(&drainer->view);
	while ((next = ring_view_at(&drainer->view, at, written, &data, &size)) != at) {
		if (data)
			note_delay(drainer, urgent_end(data, size), now_ns);
		at = next;
	}
	drainer->looked = at;
	/* Behind one that is still being written the one that was counted may stand. */
	if (at >= written)
		drainer->urgent_known = urgent;
	return true;
}

/* ---- put away ---------------------------------------------------------------------------------------- */

static int make_room(struct stretch *stretch, size_t n)
{
	size_t max = stretch->max ? stretch->max : PIECE_BYTES;
	char *data;

	while (max < stretch->n + n)
		max *= 2;
	if (max == stretch->max)
		return 0;
	data = realloc(stretch->data, max);
	if (!data)
		return -ENOMEM;
	stretch->data = data;
	stretch->max = max;
	return 0;
}

/* 0 or -ENOMEM. */
static int append(struct stretch *stretch, const void *data, size_t size)
{
	size_t length;
	char *to;

	if (make_room(stretch, HEAD_BYTES + sizeof(struct lapse_why_span)))
		return -ENOMEM;
	to = stretch->data + stretch->n;
	length = record_copy(to + HEAD_BYTES, data, size);
	memcpy(to, &length, HEAD_BYTES);
	stretch->n += HEAD_BYTES + ((length + 7) & ~(size_t)7);
	return 0;
}

/* Puts away what nobody has read, with the lock held. What there is no memory for stays on the ring. */
static void put_all_away(struct drainer *drainer)
{
	unsigned long at = ring_share_take_over(&drainer->share), next,
		      written = ring_view_written(&drainer->view);
	const void *data;
	size_t size;

	if (at == ULONG_MAX)
		return;
	while (drainer->away.n < AWAY_BYTES &&
	       (next = ring_view_at(&drainer->view, at, written, &data, &size)) != at) {
		if (data && append(&drainer->away, data, size))
			break;
		at = next;
	}
	ring_view_give_back(&drainer->view, at);
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

/* With the lock held: half of the ring is full, and whoever takes the records has not come. */
static void put_away(struct drainer *drainer)
{
	if (ring_share_waiting(&drainer->share) >= drainer->view.size / 2 && drainer->away.n < AWAY_BYTES)
		put_all_away(drainer);
}

/* @woken: the kernel's side has said that there is something. Whether to look once more soon. */
static bool see_to(struct drainer *drainer, bool woken)
{
	bool urgent;

	pthread_mutex_lock(&drainer->lock);
	urgent = look(drainer);
	put_away(drainer);
	if (woken || urgent)
		eventfd_write(drainer->news, 1);
	pthread_mutex_unlock(&drainer->lock);
	return urgent;
}

static void *run(void *context)
{
	struct drainer *drainer = context;
	struct epoll_event event;
	bool again = false;
	int n;

	pthread_setname_np(pthread_self(), "lapse-drain");
	out_of_way_open(&drainer->way, drainer->waker);
	drainer->ahead = run_ahead();
	sem_post(&drainer->begun);
	while (drainer->ahead && !atomic_load(&drainer->stopping)) {
		n = epoll_wait(drainer->epoll, &event, 1, again ? AGAIN_MS : -1);
		if (n >= 0)
			again = see_to(drainer, n > 0);
		if (n > 0)
			out_of_way_go(&drainer->way, clock_now_ns());
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
	if (drainer->ahead)
		return 0;
	pthread_join(drainer->thread, NULL);
	drainer->started = false;
	return -EPERM;
}

/* ---- for the others -------------------------------------------------------------------------------- */

/* The ring tells the thread once for each wake-up, not for as long as something is on it. */
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

/* Without a thread whoever takes the records is told by the ring itself, for as long as something is on it.
 */
static int tell_directly(struct drainer *drainer, int ring)
{
	struct epoll_event come = {.events = EPOLLIN};

	return epoll_ctl(drainer->epoll, EPOLL_CTL_MOD, ring, &come) ? -errno : 0;
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

struct drainer *drainer_new(int ring, const __u64 *urgent, const __u32 *waker, bool ahead)
{
	struct drainer *drainer = calloc(1, sizeof(*drainer));
	int err;

	if (!drainer)
		return NULL;
	drainer->epoll = drainer->news = drainer->end = -1;
	drainer->urgent = urgent;
	drainer->waker = waker;
	sem_init(&drainer->begun, 0, 0);
	err = ring_view_open(ring, &drainer->view) ?: open_lock(drainer) ?: open_events(drainer, ring);
	ring_share_open(&drainer->share, &drainer->view);
	/* What cannot have a thread of its own does without. */
	if (!err && (!ahead || start_thread(drainer)))
		err = tell_directly(drainer, ring);
	if (!err)
		return drainer;
	drainer_free(drainer);
	errno = -err;
	return NULL;
}

static void close_one(int fd)
{
	if (fd >= 0)
		close(fd);
}

void drainer_free(struct drainer *drainer)
{
	if (!drainer)
		return;
	atomic_store(&drainer->stopping, true);
	if (drainer->started) {
		eventfd_write(drainer->end, 1);
		pthread_join(drainer->thread, NULL);
	}
	ring_view_close(&drainer->view);
	close_one(drainer->epoll);
	close_one(drainer->news);
	close_one(drainer->end);
	sem_destroy(&drainer->begun);
	free(drainer->away.data);
	free(drainer->handed.data);
	free(drainer);
}

int drainer_fd(const struct drainer *drainer)
{
	return drainer->started ? drainer->news : drainer->epoll;
}

unsigned long drainer_written(const struct drainer *drainer)
{
	return ring_view_written(&drainer->view);
}

bool drainer_has(const struct drainer *drainer, unsigned long position)
{
	return ring_view_taken(&drainer->view) >= position;
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
	return sum && drainer->started ? (double)lapse_bucket_low(i, DELAY_BITS) : NAN;
}

/* What is handed on next. */
enum source { PUT_AWAY, ON_RING };

static enum source choose_source(struct drainer *drainer)
{
	struct stretch empty = drainer->handed;
	enum source source = ON_RING;

	empty.n = 0;
	pthread_mutex_lock(&drainer->lock);
	look(drainer);
	if (drainer->handed_at < drainer->handed.n) {
		source = PUT_AWAY;
	} else if (drainer->away.n) {
		drainer->handed = drainer->away;
		drainer->handed_at = 0;
		drainer->away = empty;
		source = PUT_AWAY;
	} else {
		ring_share_begin(&drainer->share);
	}
	pthread_mutex_unlock(&drainer->lock);
	return source;
}

/* A piece of what nobody else has any more; how many. */
static size_t hand_on(struct drainer *drainer, record_function take, void *context, int *err)
{
	const struct stretch *stretch = &drainer->handed;
	size_t n = 0, size, begin = drainer->handed_at, at = begin;
	int one;

	while (at < stretch->n && at - begin < PIECE_BYTES) {
		memcpy(&size, stretch->data + at, HEAD_BYTES);
		at += HEAD_BYTES;
		one = take(context, stretch->data + at, size);
		*err = *err ? *err : one;
		at += (size + 7) & ~(size_t)7;
		n++;
	}
	drainer->handed_at = at;
	return n;
}

static size_t read_piece(struct drainer *drainer, record_function take, void *context, int *err)
{
	size_t n = ring_share_read(&drainer->share, PIECE_BYTES, take, context, err);
	bool in_hand;
	int one;

	pthread_mutex_lock(&drainer->lock);
	in_hand = ring_share_end(&drainer->share);
	pthread_mutex_unlock(&drainer->lock);
	if (!in_hand)
		return n;
	one = take(context, &drainer->share.copy, drainer->share.size);
	*err = *err ? *err : one;
	return n + 1;
}

/* Whether nothing more is to come of what had been written by @end; @n came at the last turn. */
static bool has_all(struct drainer *drainer, unsigned long end, size_t n)
{
	bool away, all;

	pthread_mutex_lock(&drainer->lock);
	away = drainer->away.n || drainer->handed_at < drainer->handed.n;
	all = drainer_has(drainer, end);
	pthread_mutex_unlock(&drainer->lock);
	return !away && (all || !n);
}

int drainer_take(struct drainer *drainer, uint64_t until_ns, record_function take, void *context)
{
	unsigned long end = drainer_written(drainer);
	int sum = 0, err = 0;
	bool all, late;
	eventfd_t news;
	size_t n;

	eventfd_read(drainer->news, &news);
	do {
		n = choose_source(drainer) == PUT_AWAY ? hand_on(drainer, take, context, &err)
						       : read_piece(drainer, take, context, &err);
		sum += (int)n;
		all = has_all(drainer, end, n);
		late = until_ns && clock_now_ns() >= until_ns;
	} while (!err && !all && !late);
	/* Whoever waits for something to take has it. */
	if (!all)
		eventfd_write(drainer->news, 1);
	return err ? err : sum;
}
