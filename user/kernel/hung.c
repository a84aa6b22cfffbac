// SPDX-License-Identifier: GPL-2.0-or-later
#include "kernel/hung.h"

#include <string.h>

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

static bool is_blocked(const struct lapse_waits *waits)
{
	return waits->off_ns && !waits->woken_ns;
}

/* ---- causes ------------------------------------------------------------------------------------------ */

/* As switch_in() of bpf/why.h would, if the thread got the processor at @now_ns. */
static void add_present(__u64 ns[LAPSE_CAUSES], const struct lapse_waits *waits, uint64_t now_ns)
{
	uint64_t woken = waits->woken_ns ? waits->woken_ns : now_ns;
	uint32_t cause = waits->now.cause;

	if (!waits->off_ns || cause >= LAPSE_CAUSES)
		return;
	if (is_waiting(waits)) {
		ns[cause] += between(waits->off_ns, woken);
		cause = LAPSE_RUNQ;
	}
	ns[cause] += between(woken, now_ns);
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

static void take_longest(struct lapse_why *why, const struct lapse_waits *waits, uint64_t start_ns,
			 uint64_t now_ns)
{
	for (int i = 0; i < LAPSE_BLOCKS; i++)
		if (waits->block[i].end_ns >= start_ns &&
		    waits->block[i].duration_ns > why->longest.duration_ns)
			why->longest = waits->block[i];
	if (!is_blocked(waits) || between(waits->off_ns, now_ns) <= why->longest.duration_ns)
		return;
	why->longest = waits->now;
	why->longest.end_ns = 0;
	why->longest.duration_ns = between(waits->off_ns, now_ns);
}

static void take_causes(struct lapse_why_span *span, const struct lapse_open_waits *open, uint64_t now_ns)
{
	struct lapse_why *why = &span->why;

	for (int cause = 0; cause < LAPSE_CAUSES; cause++)
		why->ns[cause] = between(open->at_entry.ns[cause], open->waits.total.ns[cause]);
	add_present(why->ns, &open->waits, now_ns);
	limit_to(why->ns, span->span.duration_ns);
	take_longest(why, &open->waits, span->span.start_ns, now_ns);
	memcpy(why->rival, open->waits.rival, sizeof(why->rival));
	span->span.flags |= LAPSE_SPAN_WHY;
}

/* ---- now --------------------------------------------------------------------------------------------- */

static void take_block(struct hung_span *hung, const struct lapse_open_waits *open)
{
	const struct lapse_block *block = &open->waits.now;

	hung->now.cause = block->cause;
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
	if (!waits->off_ns) {
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
