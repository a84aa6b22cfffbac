/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The stacks of a thread that was blocked, as addresses: the kernel's as the thread gets the processor, until
 * when it stands still; the user's, by frame pointers, when it is the current one again (bpf/piece.h).
 *
 * What is remembered lies in a map by its hash, the least used of which makes room for a new one: so there is
 * room at any time, and the number of a stack means this stack or none.
 */
#ifndef LAPSE_BPF_TRACES_H
#define LAPSE_BPF_TRACES_H

#include "bpf/compat.h"

#define TRACE_BYTES (LAPSE_STACK_DEPTH * sizeof(__u64))

/* A stack of which the helper gave @size bytes ends there. */
static __always_inline void trace_end(struct lapse_trace *trace, long size)
{
	__u64 n = size > 0 ? size / sizeof(__u64) : 0;

	barrier_var(n);
	if (n < LAPSE_STACK_DEPTH)
		trace->frame[n] = 0;
}

/* The number that @trace has, whose check is set: what tells stacks with the same number apart. -1: it is
 * empty. */
VERIFIED_ONCE int trace_number(struct lapse_trace *trace)
{
	__u64 hash = 0;

	if (!trace || !trace->frame[0])
		return -1;
	for (__u32 i = 0; i < LAPSE_STACK_DEPTH && trace->frame[i]; i++) {
		hash = (hash ^ trace->frame[i]) * 0x9e3779b97f4a7c15;
		hash ^= hash >> 32;
	}
	trace->check = hash;
	return hash >> 33;
}

/* The number of @trace, which is kept; -1: there is none, or it cannot be. Inline: in older kernels (6.1) a
 * function that is verified by itself cannot hand its argument on to a map. */
static __always_inline int trace_keep(struct lapse_trace *trace)
{
	int number = trace_number(trace);
	__u32 key = number;
	struct lapse_trace *known;

	if (number < 0)
		return -1;
	known = bpf_map_lookup_elem(&why_stacks, &key);
	if (!known) {
		if (!bpf_map_update_elem(&why_stacks, &key, trace, BPF_NOEXIST))
			return number;
		/* Another thread may have come from the same place at the same time. */
		known = bpf_map_lookup_elem(&why_stacks, &key);
	}
	if (known && known->check == trace->check)
		return number;
	ADD(stacks_lost, 1);
	return -1;
}

/* Where this processor puts a stack together; interrupts are off. */
static __always_inline struct lapse_trace *trace_room(void)
{
	__u32 zero = 0;

	return bpf_map_lookup_elem(&why_trace, &zero);
}

/* Of the current thread. */
static __always_inline int trace_user(void *ctx)
{
	struct lapse_trace *trace = trace_room();

	if (!trace)
		return -1;
	trace_end(trace, bpf_get_stack(ctx, trace->frame, TRACE_BYTES, BPF_F_USER_STACK));
	return trace_keep(trace);
}

/* Of @task, which gets the processor. */
static __always_inline int trace_kernel(struct task_struct *task)
{
	struct lapse_trace *trace = trace_room();

	if (!trace)
		return -1;
	trace_end(trace, bpf_get_task_stack(task, trace->frame, TRACE_BYTES, 0));
	return trace_keep(trace);
}

#endif
