/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The stacks of a thread that was blocked, as addresses.
 *
 * The user's can be walked only by the thread itself: it is, as it leaves the processor, when nobody knows
 * for how long, into memory of the thread's. The kernel's, which is several times as dear, is walked when the
 * thread comes back, if the block is one of those that are remembered: until then it stands still.
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

/* The number of @trace, which is kept; -1: there is none, or it cannot be. */
VERIFIED_ONCE int trace_keep(struct lapse_trace *trace)
{
	struct lapse_trace *known;
	__u64 hash = 0;
	__u32 number;

	if (!trace || !trace->frame[0])
		return -1;
	for (__u32 i = 0; i < LAPSE_STACK_DEPTH && trace->frame[i]; i++) {
		hash = (hash ^ trace->frame[i]) * 0x9e3779b97f4a7c15;
		hash ^= hash >> 32;
	}
	/* The one half is the number, the other tells stacks with the same number apart. */
	number = hash >> 33;
	trace->check = hash;
	known = bpf_map_lookup_elem(&why_stacks, &number);
	if (known && known->check == trace->check)
		return number;
	if (known || bpf_map_update_elem(&why_stacks, &number, trace, BPF_NOEXIST)) {
		ADD(stacks_lost, 1);
		return -1;
	}
	return number;
}

/* Of the current thread, which leaves the processor. */
static __always_inline void trace_user(void *ctx, struct lapse_trace *trace)
{
	trace_end(trace, bpf_get_stack(ctx, trace->frame, TRACE_BYTES, BPF_F_USER_STACK));
}

/* Of @task, which gets the processor of which this is the program: it is the processor's own room. */
static __always_inline int trace_kernel(struct task_struct *task)
{
	__u32 zero = 0;
	struct lapse_trace *trace = bpf_map_lookup_elem(&why_trace, &zero);

	if (!trace)
		return -1;
	trace_end(trace, bpf_get_task_stack(task, trace->frame, TRACE_BYTES, 0));
	return trace_keep(trace);
}

#endif
