/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A span's beginning and end, whatever kind of attachment brought them. */
#ifndef LAPSE_BPF_SPAN_H
#define LAPSE_BPF_SPAN_H

#include "bpf/filter.h"
#include "bpf/libraries.h"
#include "bpf/stack.h"

/* The x86-64 return pops the address: at a return probe sp is one word above the entry's. */
#define RETURN_POPS 8

static __always_inline int frame_push(struct lapse_stack *stack, struct lapse_cell *cell, __u64 sp,
				      __u64 cookie, __u32 flags)
{
	struct lapse_frame *frame = frame_at(stack, stack->depth);
	__u32 role = LAPSE_COOKIE_ROLE(cookie);

	if (!frame) {
		ADD(cell->too_deep, 1);
		return 1;
	}
	frame->sp = sp;
	frame->cost_ns = stack->cost_ns;
	frame->component = LAPSE_COOKIE_COMPONENT(cookie);
	frame->caller = 0;
	frame->flags = 0;
	if (role == LAPSE_ROLE_ENTRY_RETINS) {
		frame->caller = word_at(sp);
		frame->flags = LAPSE_FRAME_RETINS;
		if (flags & LAPSE_COMP_TAIL_CALLS)
			frame->flags |= LAPSE_FRAME_TAIL_CALLS;
	}
	frame->extra = 0;
	frame->cls = LAPSE_COOKIE_CLASS(cookie);
	frame->place = LAPSE_COOKIE_PLACE(cookie);
	stack->depth++;
	frame->start_ns = bpf_ktime_get_ns();
	return 0;
}

/*
 * At a function's entry. @skips_return: the attachment leaves the return alone when this gives 1
 * (sessions); others fire it all the same, and stack_pop() tells it apart.
 */
static __always_inline int span_enter(struct pt_regs *ctx, __u64 cookie, bool skips_return)
{
	__u32 number = LAPSE_COOKIE_COMPONENT(cookie);
	struct lapse_component *component;
	struct lapse_stack *stack;
	struct lapse_cell *cell;
	__u64 sp = PT_REGS_SP(ctx);
	enum return_probes safe;

	if (!wanted((void *)bpf_get_current_task()))
		return 1;
	safe = skips_return ? return_probes() : RETURN_PROBES_SAFE;
	if (safe != RETURN_PROBES_SAFE) {
		if (safe == RETURN_PROBES_UNKNOWN)
			ADD(unsafe_skipped, 1);
		return 1;
	}
	component = bpf_map_lookup_elem(&components, &number);
	cell = cell_of(number);
	if (!component || !cell)
		return 1;
	ADD(cell->entries, 1);
	stack = stack_get(true);
	if (!stack) {
		ADD(cell->maps_full, 1);
		return 1;
	}
	if (component->flags & LAPSE_COMP_SWITCHES) {
		if (stack_take(stack, sp) >= 0)
			ADD(cell->abandoned, 1);
	} else if (!stack_clear_above(stack, sp)) {
		stack_prune(stack, sp);
		if (stack_settle(stack, sp, cookie, component->flags, skips_return) == SLOT_JUMP) {
			ADD(cell->jumps, 1);
			return 1;
		}
	}
	return frame_push(stack, cell, sp, cookie, component->flags);
}

/* At a return probe. */
static __always_inline int span_return(struct pt_regs *ctx, __u64 cookie)
{
	__u64 now = bpf_ktime_get_ns();
	struct lapse_stack *stack = stack_get(false);
	__u64 sp = PT_REGS_SP(ctx) - RETURN_POPS;
	struct lapse_cell *cell;
	int at = POP_NONE;

	if (stack)
		at = stack_pop_top(stack, sp, LAPSE_COOKIE_COMPONENT(cookie));
	if (stack && at < 0) {
		stack_prune(stack, sp);
		at = stack_pop(stack, sp, LAPSE_COOKIE_COMPONENT(cookie));
	}
	if (at >= 0)
		return record_span(stack, at, now, PT_REGS_RC(ctx));
	if (at == POP_EXTRA || !wanted((void *)bpf_get_current_task()))
		return 0;
	cell = cell_of(LAPSE_COOKIE_COMPONENT(cookie));
	if (cell)
		ADD(cell->stray, 1);
	return 0;
}

/* At a return instruction, before it: ends every span whose return address it is about to pop. */
static __always_inline int span_retins(struct pt_regs *ctx, __u64 cookie)
{
	__u64 now = bpf_ktime_get_ns();
	struct lapse_stack *stack = stack_get(false);
	__u32 number = LAPSE_COOKIE_COMPONENT(cookie);
	struct lapse_component *component = bpf_map_lookup_elem(&components, &number);
	struct lapse_cell *cell = cell_of(number);
	__u64 sp = PT_REGS_SP(ctx);
	bool ended = false;

	if (stack && component && (component->flags & LAPSE_COMP_SWITCHES)) {
		int at = stack_take(stack, sp);

		if (at >= 0)
			record_span(stack, at, now, PT_REGS_RC(ctx));
		ended = at >= 0;
	} else if (stack) {
		stack_prune(stack, sp);
		for (int n = 0; n < SLOT_SHARERS; n++) {
			int at = stack_pop_retins(stack, sp);

			if (at < 0)
				break;
			record_span(stack, at, now, PT_REGS_RC(ctx));
			ended = true;
		}
	}
	if (!ended && cell)
		ADD(cell->idle, 1);
	return 0;
}

#endif
