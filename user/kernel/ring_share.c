// SPDX-License-Identifier: GPL-2.0-or-later
#include "kernel/ring_share.h"

#include <limits.h>
#include <linux/membarrier.h>
#include <stdint.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

/* Field by field: compilers clear what is assigned as a whole by an instruction that takes longer than the
 * rest. */
static inline void write_out(const struct lapse_brief *brief, struct lapse_span *span)
{
	span->kind = LAPSE_REC_SPAN;
	span->component = brief->component;
	span->pid = brief->pid;
	span->tid = brief->tid;
	span->start_ns = brief->start_ns;
	span->duration_ns = brief->duration_ns;
	span->raw_ns = (uint64_t)brief->duration_ns + brief->probes_ns;
	span->ret = brief->ret;
	span->flags = brief->flags;
	span->values = 0;
	memcpy(span->comm, brief->comm, sizeof(span->comm));
	for (int i = 0; i < LAPSE_VALUES; i++)
		span->value[i] = 0;
}

/* A length that is none is of a record that has been written over meanwhile, which nobody will use. */
size_t record_copy(void *to, const void *data, size_t size)
{
	if (*(const uint16_t *)data == LAPSE_REC_BRIEF) {
		write_out(data, to);
		return sizeof(struct lapse_span);
	}
	if (size > sizeof(struct lapse_why_span))
		size = sizeof(struct lapse_why_span);
	memcpy(to, data, size);
	return size;
}

void ring_share_open(struct ring_share *share, struct ring_view *view)
{
	*share = (struct ring_share){.view = view};
	share->barrier = !syscall(SYS_membarrier, MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED, 0, 0);
}

void ring_share_begin(struct ring_share *share)
{
	atomic_store(&share->taken_over, false);
	atomic_store(&share->reached, ring_view_taken(share->view));
	share->in_hand = false;
	share->reading = true;
}

/* Says that all up to @position has been copied; whether it was still the reader's. The compiler must leave
 * the three in order; what the processor makes of it, the barrier sees to. */
static inline bool reach(struct ring_share *share, unsigned long position)
{
	atomic_store_explicit(&share->reached, position, memory_order_release);
	atomic_signal_fence(memory_order_seq_cst);
	return !atomic_load_explicit(&share->taken_over, memory_order_acquire);
}

static inline bool copy_next(struct ring_share *share, unsigned long *at, unsigned long written)
{
	const void *data;
	size_t size;
	unsigned long next = ring_view_at(share->view, *at, written, &data, &size);

	if (next == *at)
		return false;
	share->size = data ? record_copy(&share->copy, data, size) : 0;
	*at = next;
	return true;
}

size_t ring_share_read(struct ring_share *share, size_t bytes, record_function take, void *context, int *err)
{
	unsigned long from = atomic_load(&share->reached), at = from,
		      written = ring_view_written(share->view);
	size_t n = 0;
	int one;

	while (at - from < bytes && copy_next(share, &at, written)) {
		if (!reach(share, at)) {
			share->in_hand = share->size;
			break;
		}
		if (!share->size)
			continue;
		one = take(context, &share->copy, share->size);
		*err = *err ? *err : one;
		n++;
	}
	return n;
}

bool ring_share_end(struct ring_share *share)
{
	unsigned long reached = atomic_load(&share->reached);

	share->reading = false;
	if (atomic_load(&share->taken_over))
		return share->in_hand && share->from == reached;
	ring_view_give_back(share->view, reached);
	return false;
}

unsigned long ring_share_take_over(struct ring_share *share)
{
	/* Once it has been taken over, the reader looks at nothing more on the ring. */
	if (!share->reading || atomic_load(&share->taken_over))
		return ring_view_taken(share->view);
	if (!share->barrier)
		return ULONG_MAX;
	atomic_store(&share->taken_over, true);
	syscall(SYS_membarrier, MEMBARRIER_CMD_PRIVATE_EXPEDITED, 0, 0);
	share->from = atomic_load(&share->reached);
	return share->from;
}

unsigned long ring_share_waiting(const struct ring_share *share)
{
	bool own = share->reading && !atomic_load(&share->taken_over);

	return ring_view_written(share->view) -
	       (own ? atomic_load(&share->reached) : ring_view_taken(share->view));
}
