// SPDX-License-Identifier: GPL-2.0-or-later
#include "monitor/explain.h"

#include <string.h>

#include "bpf/buckets.h"

const struct lapse_why *span_why(const struct lapse_span *span)
{
	if (!(span->flags & LAPSE_SPAN_WHY))
		return NULL;
	return &((const struct lapse_why_span *)(const void *)span)->why;
}

bool span_causes(const struct lapse_span *span, uint64_t ns[LAPSE_CAUSES + 1])
{
	const struct lapse_why *why = span_why(span);
	uint64_t waited = 0;

	if (!why)
		return false;
	for (int cause = 0; cause < LAPSE_CAUSES; cause++) {
		ns[cause] = why->ns[cause];
		waited += why->ns[cause];
	}
	ns[LAPSE_CAUSES] = span->duration_ns > waited ? span->duration_ns - waited : 0;
	return true;
}

const struct thread_now *span_now(const struct lapse_span *span)
{
	if (!(span->flags & LAPSE_SPAN_HUNG))
		return NULL;
	return &((const struct hung_span *)(const void *)span)->now;
}

/* ---- names ----------------------------------------------------------------------------------------- */

static struct cause_name command(const char comm[LAPSE_COMM_LEN])
{
	struct cause_name name = {.by = CAUSE_COMMAND};

	memcpy(name.comm, comm, sizeof(name.comm));
	return name;
}

/* An interrupt ends what somebody else, whom it does not know, was waited for. */
static struct cause_name name_of_block(const struct lapse_block *block)
{
	struct cause_name name = {.by = CAUSE_UNNAMED};

	if (block->peer.port && block->cause == LAPSE_NET) {
		name.by = CAUSE_PEER;
		name.peer = block->peer;
	} else if (block->waker.interrupt == LAPSE_NO_INTERRUPT && block->waker.component) {
		name.by = CAUSE_COMPONENT;
		name.component = block->waker.component - 1;
	} else if (block->waker.interrupt == LAPSE_NO_INTERRUPT && block->waker.tid) {
		name = command(block->waker.comm);
	}
	return name;
}

/* Nothing has ended the present wait, but who holds the lock may be known. */
static struct cause_name name_of_holder(const struct thread_holder *holder)
{
	if (holder->component)
		return (struct cause_name){.by = CAUSE_COMPONENT, .component = holder->component - 1};
	return holder->tid ? command(holder->comm) : (struct cause_name){.by = CAUSE_UNNAMED};
}

static const struct lapse_rival *strongest(const struct lapse_why *why)
{
	return &why->rival[why->rival[1].ns > why->rival[0].ns];
}

/* Rivals are counted since the thread's outermost span began, of which this one is a part. */
static void name_rival(const struct lapse_why *why, uint32_t row, struct names *names)
{
	const struct lapse_rival *rival = strongest(why);
	struct cause_name name = command(rival->comm);
	uint64_t ns = rival->ns < why->ns[LAPSE_RUNQ] ? rival->ns : why->ns[LAPSE_RUNQ];

	if (rival->pid && ns)
		names_add(names, row, LAPSE_RUNQ, &name, ns);
}

static void name_block(const struct lapse_block *block, const struct thread_holder *holder, uint32_t row,
		       struct names *names)
{
	struct cause_name name = name_of_block(block);

	if (holder && !block->end_ns && !name.by)
		name = name_of_holder(holder);
	if (block->duration_ns && block->cause < LAPSE_CAUSES && name.by)
		names_add(names, row, block->cause, &name, block->duration_ns);
}

void explain_names(const struct lapse_span *span, struct names *names)
{
	const struct lapse_why *why = span_why(span);
	const struct thread_now *now = span_now(span);
	uint32_t row = lapse_bucket(span->duration_ns, LAPSE_WHY_BITS);

	if (!why)
		return;
	name_rival(why, row, names);
	name_block(&why->longest, now ? &now->holder : NULL, row, names);
	name_block(&((const struct lapse_why_span *)(const void *)span)->other, NULL, row, names);
}

/* ---- one span ----------------------------------------------------------------------------------------- */

static void explain_causes(const struct lapse_span *span, struct cause_band *band)
{
	struct names own;
	const struct names *lists[] = {&own};
	uint64_t ns[LAPSE_CAUSES + 1];

	own.n = 0;
	if (!span_causes(span, ns) || !span->duration_ns)
		return;
	band->share = band->held = 1;
	band->count = 1;
	band->mean_ns = (double)span->duration_ns;
	for (int cause = 0; cause <= LAPSE_CAUSES; cause++)
		band->part[cause] = (double)ns[cause] / band->mean_ns;
	explain_names(span, &own);
	names_describe(lists, 1, 0, band);
}

bool explain_span(const struct lapse_span *span, struct explanation *why)
{
	const struct thread_now *now = span_now(span);

	*why = (struct explanation){.now.state = THREAD_UNKNOWN};
	explain_causes(span, &why->causes);
	if (now)
		why->now = *now;
	return why->causes.count || why->now.state != THREAD_UNKNOWN;
}
