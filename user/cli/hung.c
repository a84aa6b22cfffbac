// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Where the threads of spans are that hang: once for each wait, since a thread that hangs is looked at every
 * tick, and many may hang at once.
 */
#include "cli/session_parts.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <uthash.h>

#include "base/units.h"
#include "stack/futex.h"
#include "stack/polled.h"
#include "stack/sockets.h"
#include "stack/thread.h"

/* What naming may take of a tick; who finds no time is named at the next one. The first ones are named at any
 * rate: it is with them that files are read. */
#define BUDGET_NS (50 * NSEC_PER_MSEC)
#define AT_LEAST  8

struct hung_place {
	struct {
		uint64_t tid;
		uint64_t since_ns; /* of the wait; 0: not known, then it is named at each tick */
	} key;
	uint64_t seen_ns;
	char place[THREAD_PLACE];
	struct socket_peers peers;   /* of a poll */
	struct output_frame *frames; /* their texts and names are copies; files are known for good */
	size_t n;
	UT_hash_handle hh;
};

static void forget(struct session *session, struct hung_place *place)
{
	HASH_DEL(session->hung_places, place);
	for (size_t i = 0; i < place->n; i++) {
		free((char *)place->frames[i].text);
		free((char *)place->frames[i].name);
	}
	free(place->frames);
	free(place);
}

static struct hung_place *find(const struct session *session, const struct hung_span *hung)
{
	struct hung_place *known, wanted = {.key = {hung->head.span.tid, hung->since_ns}};

	HASH_FIND(hh, session->hung_places, &wanted.key, sizeof(wanted.key), known);
	return known;
}

static struct hung_place *add(struct session *session, const struct hung_span *hung)
{
	struct hung_place *new = calloc(1, sizeof(*new));

	if (!new)
		return NULL;
	new->key.tid = hung->head.span.tid;
	new->key.since_ns = hung->since_ns;
	HASH_ADD(hh, session->hung_places, key, sizeof(new->key), new);
	return new;
}

/* "futex_wait_queue <- pthread_mutex_lock <- handle_order": what it is in of the kernel, and its own. */
static void describe(const struct output_stack *stack, size_t n_kernel, struct hung_place *place)
{
	snprintf(place->place, sizeof(place->place), "%s%s%s", n_kernel ? stack->frames[0].name : "",
		 n_kernel && *stack->brief ? " <- " : "", stack->brief);
}

static void keep_frames(const struct output_stack *stack, struct hung_place *place)
{
	place->frames = calloc(stack->n ? stack->n : 1, sizeof(*place->frames));
	for (size_t i = 0; place->frames && i < stack->n; i++) {
		struct output_frame *frame = &place->frames[place->n++];

		*frame = stack->frames[i];
		frame->text = strdup(frame->text);
		frame->name = strdup(frame->name);
		if (!frame->text || !frame->name) {
			free((char *)frame->text);
			free((char *)frame->name);
			place->n--;
			break;
		}
	}
}

/* Whose word a poll waits for; a function that is declared a wait knows better. */
static struct socket_peers peers_of(const struct hung_span *hung)
{
	pid_t pid = (pid_t)hung->head.span.pid;
	int fds[SOCKETS_MAX];

	if (hung->now.cause != LAPSE_POLL && hung->now.cause != LAPSE_CAUSES)
		return (struct socket_peers){.n = 0};
	return sockets_peers(pid, fds, polled_now(pid, (pid_t)hung->head.span.tid, fds, SOCKETS_MAX));
}

static struct hung_place *name(struct session *session, const struct hung_span *hung)
{
	struct hung_place *place = add(session, hung);
	size_t n_kernel;
	struct output_stack stack;

	if (!place)
		return NULL;
	if (hung->now.state == THREAD_BLOCKED)
		place->peers = peers_of(hung);
	stack = stacks_now(session, hung, &n_kernel);
	describe(&stack, n_kernel, place);
	keep_frames(&stack, place);
	return place;
}

/* What the kernel told of it came in the midst of a switch: /proc tells whether it runs. */
static void ask_proc(struct hung_span *hung)
{
	int blocked = thread_registers((pid_t)hung->head.span.pid, (pid_t)hung->head.span.tid, &hung->ip,
				       &hung->sp);

	if (blocked < 0)
		return;
	hung->now.state = blocked ? THREAD_BLOCKED : THREAD_RUNNING;
	hung->has_registers = blocked;
}

/* The span that thread @tid has begun last and is in, counted from 1; 0: in none. */
static uint32_t component_of(const struct tick *tick, uint32_t tid)
{
	uint32_t component = 0;
	uint64_t since_ns = 0;

	for (size_t i = 0; i < tick->n_open; i++)
		if (tick->open[i].tid == tid && tick->open[i].start_ns >= since_ns) {
			component = tick->open[i].component + 1;
			since_ns = tick->open[i].start_ns;
		}
	return component;
}

/* Who holds the lock now: it may be another one at the next tick. */
static void find_holder(const struct tick *tick, struct hung_span *hung)
{
	pid_t pid = (pid_t)hung->head.span.pid, holder;

	if (hung->now.cause != LAPSE_LOCK && hung->now.cause != LAPSE_CAUSES)
		return;
	holder = futex_holder(pid, (pid_t)hung->head.span.tid);
	if (!holder)
		return;
	hung->now.holder.tid = (uint32_t)holder;
	hung->now.holder.component = component_of(tick, (uint32_t)holder);
	thread_name(pid, holder, hung->now.holder.comm);
}

/* True: it had to be named. */
static bool locate(struct session *session, const struct tick *tick, struct hung_span *hung, bool in_time)
{
	bool named = false;

	struct hung_place *place;

	if (hung->now.state == THREAD_UNKNOWN)
		ask_proc(hung);
	if (hung->now.state == THREAD_UNKNOWN)
		return false;
	if (hung->now.state == THREAD_BLOCKED && in_time)
		find_holder(tick, hung);
	place = find(session, hung);
	if (place && !place->key.since_ns && place->seen_ns != tick->now_ns) {
		forget(session, place);
		place = NULL;
	}
	if (!place && in_time) {
		place = name(session, hung);
		named = true;
	}
	if (!place)
		return named;
	place->seen_ns = tick->now_ns;
	memcpy(hung->now.place, place->place, sizeof(hung->now.place));
	hung->now.n_peers = place->peers.n;
	if (place->peers.n == 1)
		hung->now.peer = place->peers.peer;
	return named;
}

void hung_forget(struct session *session, uint64_t but_ns)
{
	struct hung_place *each, *next;

	HASH_ITER (hh, session->hung_places, each, next)
		if (each->seen_ns != but_ns)
			forget(session, each);
}

void hung_locate(struct session *session, const struct tick *tick)
{
	uint64_t end_ns = clock_now_ns() + BUDGET_NS;
	size_t named = 0;

	if (!session->symbols)
		return;
	for (size_t i = 0; i < tick->n_hung; i++)
		named += locate(session, tick, &tick->hung[i], named < AT_LEAST || clock_now_ns() < end_ns);
	hung_forget(session, tick->now_ns);
}

struct output_stack hung_stack(const struct session *session, const struct lapse_span *span)
{
	const struct hung_place *place = find(session, (const struct hung_span *)(const void *)span);

	if (!place)
		return (struct output_stack){0};
	return (struct output_stack){.frames = place->frames, .n = place->n, .brief = place->place};
}
