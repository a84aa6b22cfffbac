// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What each thread's time is charged to. The kernel's side has counted it by cause, to the nanosecond; the
 * samples say where it went. A cause's time is divided among its samples' stacks by their weights, so that
 * what waits for work (idle) or for something that only its function tells (a lock of PostgreSQL, in
 * epoll_wait) can be told from the rest.
 */
#include "first/look.h"

#include <asm/unistd.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* ---- threads ------------------------------------------------------------------------------------------ */

static void add_part(struct lapse_first *seen, unsigned part, uint64_t ns)
{
	if (part >= LAPSE_FIRST_PARTS)
		return;
	seen->part[part].ns += ns;
	seen->part[part].count++;
	if (ns <= seen->part[part].longest_ns)
		return;
	seen->part[part].longest_ns = ns;
	seen->longest[part] = seen->now;
	seen->longest[part].duration_ns = ns;
}

static int add_peer(struct first_look *look, const struct lapse_first *seen, uint64_t ns)
{
	struct first_peer *grown;

	for (size_t i = 0; i < look->n_peers; i++) {
		struct first_peer *peer = &look->peers[i];

		if (peer->key.pid != seen->pid ||
		    memcmp(&peer->key.peer, &seen->now.peer, sizeof(seen->now.peer)) != 0)
			continue;
		peer->sum.ns += ns;
		peer->sum.count++;
		peer->sum.longest_ns = ns > peer->sum.longest_ns ? ns : peer->sum.longest_ns;
		return 0;
	}
	grown = reallocarray(look->peers, look->n_peers + 1, sizeof(*grown));
	if (!grown)
		return -ENOMEM;
	look->peers = grown;
	grown[look->n_peers++] =
		(struct first_peer){.key = {.pid = seen->pid, .peer = seen->now.peer}, .sum = {ns, 1, ns}};
	return 0;
}

/* The wait that goes on at the end, until @woken. */
static int close_wait(struct first_look *look, struct lapse_first *seen, uint64_t woken)
{
	uint64_t ns = woken > seen->off_ns ? woken - seen->off_ns : 0;
	unsigned part = seen->clients ? LAPSE_FIRST_CLIENTS : seen->now.cause;

	add_part(seen, part, ns);
	return part == LAPSE_NET && seen->now.peer.port ? add_peer(look, seen, ns) : 0;
}

/* What goes on at the end counts as far as it has come. */
static int close_thread(struct first_look *look, struct first_thread *thread, uint64_t end_ns)
{
	struct lapse_first *seen = &thread->seen;
	bool waits = seen->now.cause != LAPSE_RUNQ && seen->now.cause != LAPSE_THROTTLED;
	uint64_t woken = seen->woken_ns && seen->woken_ns < end_ns ? seen->woken_ns : end_ns;
	uint64_t end = seen->ended_ns ?: end_ns;

	thread->wall_ns = end > seen->begun_ns ? end - seen->begun_ns : 0;
	if (!seen->off_ns || seen->off_ns >= end_ns)
		return 0;
	if (!waits) {
		add_part(seen, seen->now.cause, end_ns - seen->off_ns);
		return 0;
	}
	add_part(seen, LAPSE_RUNQ, end_ns - woken);
	return close_wait(look, seen, woken);
}

/* ---- what a stack is charged to -------------------------------------------------------------------------
 */

static bool is_poll_like(unsigned part)
{
	return part == LAPSE_POLL || part == LAPSE_HANDOFF || part == LAPSE_NET;
}

/* Another thread has to make it true: by what the kernel shows of a futex, or by glibc's functions. */
static bool is_condition(const struct first_stack *stack)
{
	const struct first_place *place = &stack->seen->place;

	return stack->part == LAPSE_LOCK && (place->condition || (stack->condition && !place->shared_lock));
}

static bool is_event_loop(int32_t call)
{
	return call == __NR_epoll_wait || call == __NR_epoll_pwait || call == __NR_epoll_pwait2;
}

/* What a thread that has not moved at all waits for is no part of any work, but for locks, devices and peers.
 */
static bool is_rest(unsigned part)
{
	return part == LAPSE_HANDOFF || part == LAPSE_SLEEP || part == LAPSE_OTHER;
}

/*
 * A wait for work delays nothing. Known functions tell; else it is what event loops and pools of threads do:
 * a poll that timed out, one of a loop that another thread ended, and a condition that another thread has to
 * make true.
 */
static unsigned charge(const struct first_thread *thread, const struct first_stack *stack)
{
	const struct first_place *place = &stack->seen->place;
	bool asleep = !thread->seen.n_ended;

	if (stack->part == FIRST_ON_CPU || stack->part == FIRST_IDLE || stack->part == LAPSE_RUNQ ||
	    stack->part == LAPSE_THROTTLED)
		return stack->part;
	if (place->known && place->known->kind == KNOWN_WAIT &&
	    (is_poll_like(stack->part) || stack->part == LAPSE_LOCK))
		return place->known->cause;
	if (place->known && place->known->kind == KNOWN_IDLE &&
	    (stack->part == LAPSE_POLL || stack->part == LAPSE_HANDOFF || stack->part == LAPSE_LOCK))
		return FIRST_IDLE;
	if (stack->part == LAPSE_POLL || is_condition(stack) ||
	    (stack->part == LAPSE_HANDOFF && is_event_loop(stack->call)) || (asleep && is_rest(stack->part)))
		return FIRST_IDLE;
	return stack->part;
}

static uint64_t counted(const struct first_thread *thread, unsigned part)
{
	uint64_t ns = thread->wall_ns;

	if (part != FIRST_ON_CPU)
		return thread->seen.part[part].ns;
	for (unsigned i = 0; i < LAPSE_FIRST_PARTS; i++)
		ns -= thread->seen.part[i].ns < ns ? thread->seen.part[i].ns : ns;
	return ns;
}

static uint64_t sampled(const struct first_look *look, uint32_t tid, unsigned part)
{
	uint64_t weight = 0;

	for (size_t i = 0; i < look->n_stacks; i++)
		if (look->stacks[i].tid == tid && look->stacks[i].part == part)
			weight += look->stacks[i].weight_ns;
	return weight;
}

static void divide_part(struct first_look *look, struct first_thread *thread, unsigned part)
{
	uint64_t ns = counted(thread, part), weight = sampled(look, thread->seen.tid, part), left = ns;

	for (size_t i = 0; i < look->n_stacks; i++) {
		struct first_stack *stack = &look->stacks[i];

		if (stack->tid != thread->seen.tid || stack->part != part)
			continue;
		stack->becomes = charge(thread, stack);
		stack->ns = (uint64_t)((double)ns * (double)stack->weight_ns / (double)weight);
		stack->ns = stack->ns < left ? stack->ns : left;
		left -= stack->ns;
		thread->ns[stack->becomes] += stack->ns;
	}
	/* Too short to have been sampled, or what rounding left. */
	thread->ns[part == LAPSE_POLL ? FIRST_IDLE : part] += left;
}

static void divide(struct first_look *look, struct first_thread *thread)
{
	memset(thread->ns, 0, sizeof(thread->ns));
	for (unsigned part = 0; part < FIRST_PARTS; part++)
		divide_part(look, thread, part);
	for (unsigned part = 0; part < FIRST_PARTS; part++)
		look->ns[part] += thread->ns[part];
	look->wall_ns += thread->wall_ns;
}

/* ---- ranks ------------------------------------------------------------------------------------------------
 */

static bool same_culprit(const struct first_culprit *culprit, const struct first_stack *stack)
{
	return culprit->seen && culprit->part == stack->becomes &&
	       !strcmp(culprit->seen->place.name, stack->seen->place.name);
}

static struct first_culprit *culprit_of(struct first_look *look, const struct first_stack *stack)
{
	for (size_t i = 0; i < look->n_culprits; i++)
		if (same_culprit(&look->culprits[i], stack))
			return &look->culprits[i];
	look->culprits[look->n_culprits] = (struct first_culprit){.part = stack->becomes};
	return &look->culprits[look->n_culprits++];
}

static void blame_stack(struct first_look *look, const struct first_stack *stack)
{
	struct first_culprit *culprit = culprit_of(look, stack);

	culprit->ns += stack->ns;
	if (stack->ns < culprit->most_ns)
		return;
	culprit->most_ns = stack->ns;
	culprit->seen = stack->seen;
	culprit->pid = stack->pid;
	culprit->tid = stack->tid;
	culprit->call = stack->call;
}

/* What has no stacks, as waiting for a processor, and what was too short for samples. */
static void blame_rest(struct first_look *look, unsigned part)
{
	struct first_culprit *culprit = &look->culprits[look->n_culprits];
	uint64_t known = 0;

	for (size_t i = 0; i < look->n_culprits; i++)
		if (look->culprits[i].part == part)
			known += look->culprits[i].ns;
	*culprit = (struct first_culprit){.part = part, .ns = look->ns[part] - known, .call = -1};
	for (size_t i = 0; i < look->n_threads; i++) {
		if (look->threads[i].ns[part] <= culprit->most_ns)
			continue;
		culprit->most_ns = look->threads[i].ns[part];
		culprit->pid = look->threads[i].seen.pid;
		culprit->tid = look->threads[i].seen.tid;
	}
	look->n_culprits += culprit->ns > 0;
}

static int by_ns(const void *a, const void *b)
{
	const struct first_culprit *x = a, *y = b;

	return x->ns < y->ns ? 1 : x->ns > y->ns ? -1 : 0;
}

static int stacks_by_ns(const void *a, const void *b)
{
	const struct first_stack *x = a, *y = b;

	return x->ns < y->ns ? 1 : x->ns > y->ns ? -1 : 0;
}

static int threads_by_busy(const void *a, const void *b)
{
	const struct first_thread *x = a, *y = b;
	uint64_t busy_x = x->wall_ns - x->ns[FIRST_IDLE], busy_y = y->wall_ns - y->ns[FIRST_IDLE];

	return busy_x < busy_y ? 1 : busy_x > busy_y ? -1 : 0;
}

static int peers_by_ns(const void *a, const void *b)
{
	const struct first_peer *x = a, *y = b;

	return x->sum.ns < y->sum.ns ? 1 : x->sum.ns > y->sum.ns ? -1 : 0;
}

int look_judge(struct first_look *look, uint64_t end_ns)
{
	look->culprits = calloc(look->n_stacks + FIRST_PARTS, sizeof(*look->culprits));
	if (!look->culprits)
		return -ENOMEM;
	for (size_t i = 0; i < look->n_threads; i++) {
		if (close_thread(look, &look->threads[i], end_ns))
			return -ENOMEM;
		divide(look, &look->threads[i]);
	}
	look->busy_ns = look->wall_ns - look->ns[FIRST_IDLE];
	for (size_t i = 0; i < look->n_stacks; i++)
		if (look->stacks[i].becomes != FIRST_IDLE && look->stacks[i].ns)
			blame_stack(look, &look->stacks[i]);
	for (unsigned part = 0; part < FIRST_PARTS; part++)
		if (part != FIRST_IDLE)
			blame_rest(look, part);
	qsort(look->culprits, look->n_culprits, sizeof(*look->culprits), by_ns);
	if (look->n_stacks)
		qsort(look->stacks, look->n_stacks, sizeof(*look->stacks), stacks_by_ns);
	if (look->n_threads)
		qsort(look->threads, look->n_threads, sizeof(*look->threads), threads_by_busy);
	if (look->n_peers)
		qsort(look->peers, look->n_peers, sizeof(*look->peers), peers_by_ns);
	return 0;
}
