// SPDX-License-Identifier: GPL-2.0-or-later
#include "kernel/hung.h"

#include <string.h>

#include "bpf/blocks.h"

static bool copied_whole(const struct lapse_open_waits *waits)
{
	return waits->off_before == waits->waits.off_ns && waits->off_after == waits->waits.off_ns;
}

static uint64_t between(uint64_t from, uint64_t to)
{
	return to > from ? to - from : 0;
}

static bool is_waiting(const struct lapse_waits *waits)
{
	return waits->now.cause != LAPSE_RUNQ && waits->now.cause != LAPSE_THROTTLED;
}

/* Where it has left the processor and got one again, but who woke it was not seen, it is not accounted for.
 */
static bool runs(const struct lapse_waits *waits)
{
	return !waits->off_ns || waits->in_ns;
}

/* What the present wait is charged to once it has ended: within a function that is declared a wait to that.
 */
static uint32_t cause_of(const struct lapse_waits *waits)
{
	return is_waiting(waits) && waits->now.declared ? waits->now.declared : waits->now.cause;
}

static bool is_blocked(const struct lapse_waits *waits)
{
	return !runs(waits) && !waits->woken_ns;
}

/* ---- causes ------------------------------------------------------------------------------------------ */

/* As away_account() of bpf/why.h would, if a thread that does not run had got the processor at @now_ns. */
static void add_present(__u64 ns[LAPSE_CAUSES], const struct lapse_waits *waits, uint64_t now_ns)
{
	uint64_t in_ns = waits->in_ns ? waits->in_ns : now_ns;
	uint64_t woken = waits->woken_ns ? waits->woken_ns : in_ns;
	uint32_t cause = cause_of(waits);

	if (!waits->off_ns || cause >= LAPSE_CAUSES)
		return;
	if (is_waiting(waits)) {
		ns[cause] += between(waits->off_ns, woken);
		cause = LAPSE_RUNQ;
	}
	ns[cause] += between(woken, in_ns);
}

static uint64_t sum_of(const __u64 ns[LAPSE_CAUSES])
{
	uint64_t sum = 0;

	for (int cause = 0; cause < LAPSE_CAUSES; cause++)
		sum += ns[cause];
	return sum;
}

/* The thread was looked at a little later than @age_ns says: what it has waited since goes. */
static void limit_to(__u64 ns[LAPSE_CAUSES], uint64_t age_ns)
{
	uint64_t excess = between(age_ns, sum_of(ns));

	for (int cause = 0; cause < LAPSE_CAUSES && excess; cause++) {
		int most = 0;

		for (int other = 1; other < LAPSE_CAUSES; other++)
			if (ns[other] > ns[most])
				most = other;
		uint64_t taken = excess < ns[most] ? excess : ns[most];

		ns[most] -= taken;
		excess -= taken;
	}
}

/* The present wait as if it ended now: what is longest, and longest for another cause, then is so now. */
static void take_longest(struct lapse_why_span *span, const struct lapse_waits *waits, uint64_t now_ns)
{
	struct lapse_blocks blocks = waits->blocks;
	struct lapse_block now = waits->now;

	now.cause = cause_of(waits);
	now.end_ns = now_ns;
	now.duration_ns = between(waits->off_ns, now_ns);
	if (is_blocked(waits))
		blocks_add(&blocks, &now, waits->begun_ns);
	blocks_longest(&blocks, span->span.start_ns, &span->why.longest);
	blocks_other(&blocks, span->span.start_ns, waits->begun_ns, &span->other);
	if (span->why.longest.end_ns == now_ns)
		span->why.longest.end_ns = 0;
	if (span->other.end_ns == now_ns)
		span->other.end_ns = 0;
}

/* As rivals_take() of bpf/rivals.h. */
static void take_rivals(struct lapse_why *why, const struct lapse_open_waits *open)
{
	for (int i = 0; i < LAPSE_RIVALS; i++) {
		const struct lapse_place *place = &open->waits.place[i];
		struct lapse_rival *rival = &why->rival[i];
		uint64_t from = (uint64_t)open->at_entry.place[i] << LAPSE_PLACE_SHIFT;

		rival->ns = between(from > place->since_ns ? from : place->since_ns, place->ns);
		rival->pid = rival->ns ? place->pid : 0;
		rival->cgroup = place->cgroup;
		memcpy(rival->comm, place->comm, sizeof(rival->comm));
	}
}

static void take_causes(struct lapse_why_span *span, const struct lapse_open_waits *open, uint64_t now_ns)
{
	struct lapse_why *why = &span->why;

	for (int cause = 0; cause < LAPSE_CAUSES; cause++)
		why->ns[cause] = between(open->at_entry.waited.ns[cause], open->waits.total.ns[cause]);
	add_present(why->ns, &open->waits, now_ns);
	limit_to(why->ns, span->span.duration_ns);
	take_longest(span, &open->waits, now_ns);
	take_rivals(why, open);
	span->span.flags |= LAPSE_SPAN_WHY;
}

/* ---- now --------------------------------------------------------------------------------------------- */

static void take_block(struct hung_span *hung, const struct lapse_open_waits *open)
{
	const struct lapse_block *block = &open->waits.now;

	hung->now.cause = cause_of(&open->waits);
	hung->now.peer = block->peer;
	hung->kernel_stack = block->kernel_stack;
	hung->user_stack = block->user_stack;
}

/* Of one that runs: as it last entered the kernel, which a timer's interrupt sees to. */
static void take_registers(struct hung_span *hung, const struct lapse_open_waits *open)
{
	hung->has_registers = true;
	hung->ip = open->ip;
	hung->sp = open->sp;
	hung->bp = open->bp;
}

static void take_now(struct hung_span *hung, const struct lapse_open_waits *open, uint64_t now_ns)
{
	const struct lapse_waits *waits = &open->waits;

	take_registers(hung, open);
	if (runs(waits)) {
		hung->now.state = THREAD_RUNNING;
		return;
	}
	hung->since_ns = waits->woken_ns ? waits->woken_ns : waits->off_ns;
	hung->now.for_ns = between(hung->since_ns, now_ns);
	hung->now.state = is_blocked(waits) ? THREAD_BLOCKED : THREAD_RUNNABLE;
	if (is_blocked(waits))
		take_block(hung, open);
}

void hung_explain(struct hung_span *hung, const struct lapse_open_waits *waits, uint64_t now_ns)
{
	if (!copied_whole(waits))
		return;
	take_causes(&hung->head, waits, now_ns);
	take_now(hung, waits, now_ns);
}
