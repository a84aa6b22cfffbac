/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Functions that are waits: whatever a thread blocks for inside them is charged to the cause that the user
 * has declared, not to the one that the system call tells. They have frames on the thread's stack like
 * measured calls, so nesting, tail calls, longjmp and exceptions are dealt with alike, and what their probes
 * cost is taken out of the spans around them. They are no spans: a thread that is in nothing else is not
 * measured.
 */
#ifndef LAPSE_BPF_WAIT_H
#define LAPSE_BPF_WAIT_H

#include "bpf/stack.h"

/* Whether some frame is more than a wait. */
VERIFIED_ONCE int stack_has_span(struct lapse_stack *stack)
{
	if (!stack)
		return 0;
	for (__u32 i = 0; i < LAPSE_MAX_DEPTH; i++) {
		const struct lapse_frame *frame = frame_at(stack, i);

		if (!frame || i >= stack->depth)
			return 0;
		if (frame->edge != LAPSE_EDGE_WAIT)
			return 1;
	}
	return 0;
}

static __always_inline bool has_open_span(struct lapse_stack *stack)
{
	if (cfg_turns && (stack->syscall.start_ns || stack->loop.start_ns))
		return true;
	return stack->depth && (!cfg_waits || stack_has_span(stack));
}

/* The frame that the thread's present call of all that are measured has, or NULL. */
static __always_inline struct lapse_frame *innermost_span(struct lapse_stack *stack)
{
	__u32 i = stack->depth - 1;

	for (int n = 0; cfg_waits && n < LAPSE_MAX_DEPTH; n++, i--) {
		const struct lapse_frame *frame = frame_at(stack, i);

		if (!frame || frame->edge != LAPSE_EDGE_WAIT)
			break;
	}
	return frame_at(stack, i);
}

/* Where the current @task stands on its own stack. */
static __always_inline __u64 user_sp(struct task_struct *task)
{
	struct pt_regs *regs = task_regs(task);

	return FIELD(regs, sp);
}

/*
 * Whether the current thread, which stands at @sp, is still in the call of @frame: a longjmp or an exception
 * may have left it, and nothing that is probed has been entered since. What cannot be read is taken for
 * whole.
 */
static __always_inline bool wait_live(const struct lapse_frame *frame, __u64 sp)
{
	__u64 word;

	if (frame->sp < sp && sp - frame->sp <= STACK_REACH)
		return false;
	if (bpf_probe_read_user(&word, sizeof(word), (void *)frame->sp))
		return true;
	return word == (frame->flags & LAPSE_FRAME_RETINS ? frame->caller : trampoline());
}

/* The cause that the innermost wait declares which the current thread is in, standing at @sp; 0: it is in
 * none. */
VERIFIED_ONCE int wait_declared(struct lapse_stack *stack, __u64 sp)
{
	__u32 i;

	if (!stack)
		return 0;
	i = stack->depth - 1;
	for (int n = 0; n < LAPSE_MAX_DEPTH; n++, i--) {
		const struct lapse_frame *frame = frame_at(stack, i);

		if (!frame)
			return 0;
		if (frame->edge == LAPSE_EDGE_WAIT && frame->wait && wait_live(frame, sp))
			return frame->wait;
	}
	return 0;
}

/* A wait of @component is over, whose probes took @cost_ns. */
static __always_inline void wait_count(__u32 component, __u64 cost_ns)
{
	struct lapse_cell *cell = cell_of(component);

	if (!cell)
		return;
	ADD(cell->entries, 1);
	ADD(cell->returns, 1);
	ADD(cell->cost_ns, cost_ns);
}

#endif
