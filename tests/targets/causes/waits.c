// SPDX-License-Identifier: GPL-2.0-or-later
/* Waits for other threads and for the clock, and calls that wait for several things. */
#include "causes.h"

#include <string.h>
#include <sys/epoll.h>

/* What the worker waits for. */
PROBED void rebuild_index(struct worker *me, uint64_t ns)
{
	nap(ns);
	pthread_mutex_unlock(&me->mutex);
}

void assist_lock(struct worker *me)
{
	pthread_mutex_lock(&me->mutex);
	sem_post(&me->held);
	rebuild_index(me, part_ns);
}

void want_lock(struct worker *me)
{
	sem_post(&me->wanted);
	sem_wait(&me->held);
}

static void take_lock(struct worker *me)
{
	struct moment from = now_of(me);

	pthread_mutex_lock(&me->mutex);
	blocked(me, LOCK, from);
	pthread_mutex_unlock(&me->mutex);
}

PROBED void wait_lock(struct worker *me)
{
	take_lock(me);
}

static void do_sleep(struct worker *me)
{
	struct moment from = now_of(me);

	nap(part_ns);
	blocked(me, SLEEP, from);
}

PROBED void wait_sleep(struct worker *me)
{
	do_sleep(me);
}

void await(struct worker *me, int set, enum cause cause)
{
	struct moment from = now_of(me);
	struct epoll_event event;

	must(epoll_wait(set, &event, 1, -1) == 1, "epoll_wait");
	blocked(me, cause, from);
}

PROBED void wait_epoll_timeout(struct worker *me)
{
	struct moment from = now_of(me);
	struct epoll_event event;

	must(!epoll_wait(me->empty_set, &event, 1, (int)(part_ns / 1000000)), "epoll_wait");
	blocked(me, POLL, from);
}

PROBED void pass_word(struct worker *me, uint64_t ns)
{
	uint64_t word = 1;
	int fd = strcmp(kind->name, "handoff_pipe") ? me->event : me->pipe[1];

	nap(ns);
	must(write(fd, &word, sizeof(word)) == sizeof(word), "write");
}

void assist_handoff(struct worker *me)
{
	pass_word(me, part_ns);
}

static void await_word(struct worker *me, int fd)
{
	struct moment from;
	uint64_t word;

	sem_post(&me->wanted);
	from = now_of(me);
	must(read(fd, &word, sizeof(word)) == sizeof(word), "read");
	blocked(me, HANDOFF, from);
}

PROBED void wait_handoff(struct worker *me)
{
	await_word(me, me->event);
}

PROBED void wait_handoff_pipe(struct worker *me)
{
	await_word(me, me->pipe[0]);
}

PROBED void wait_handoff_poll(struct worker *me)
{
	uint64_t word;

	sem_post(&me->wanted);
	await(me, me->event_set, HANDOFF);
	must(read(me->event, &word, sizeof(word)) == sizeof(word), "read");
}

PROBED void mixture(struct worker *me)
{
	take_lock(me);
	for (int i = 0; i < 3; i++)
		do_sleep(me);
	for (int i = 0; i < 2; i++)
		await_answer(me);
	compute();
	now_of(me);
}

PROBED void nested(struct worker *me)
{
	wait_lock(me);
	wait_sleep(me);
	wait_net(me);
	burn(me);
}

PROBED void shadowed(struct worker *me)
{
	for (int i = 0; i < 6; i++) {
		struct moment from = now_of(me);

		nap((uint64_t)(10 - i) * part_ns);
		blocked(me, SLEEP, from);
	}
	wait_net(me);
}

/* Four parts, as "mixture" has it. */
void assist_long_lock(struct worker *me)
{
	pthread_mutex_lock(&me->mutex);
	sem_post(&me->held);
	rebuild_index(me, 4 * part_ns);
}
