/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A span's beginning and end, whatever kind of attachment brought them. */
#ifndef LAPSE_BPF_SPAN_H
#define LAPSE_BPF_SPAN_H

#include "bpf/filter.h"
#include "bpf/goroutine.h"
#include "bpf/keyed.h"
#include "bpf/libraries.h"
#include "bpf/stack.h"

/* The x86-64 return pops the address: at a return probe sp is one word above the entry's. */
#define RETURN_POPS 8

/* What a place needs to know of the call that stands there. */
struct call {
	__u64 cookie;
	__u64 sp;   /* what its frame is known by */
	__u64 slot; /* where its return address lies; the same but for goroutines */
	struct lapse_goroutine goroutine;
};

static __always_inline struct call call_at(struct pt_regs *ctx, __u64 cookie)
{
	return (struct call){.cookie = cookie, .sp = PT_REGS_SP(ctx), .slot = PT_REGS_SP(ctx)};
}

/* The stack that the call's frame belongs to. */
static __always_inline struct lapse_stack *stack_of(struct call *call, struct pt_regs *ctx,
						    const struct lapse_component *component, bool create)
{
	if (!(component->flags & LAPSE_COMP_GOROUTINES))
		return stack_get(create);
	call->goroutine = goroutine_of(ctx);
	call->sp = goroutine_sp(call->goroutine.g, call->slot);
	return goroutine_stack(&call->goroutine, create);
}

static __always_inline __u32 edge_of(__u64 cookie)
{
	return LAPSE_COOKIE_EDGE(cookie) & LAPSE_EDGE_MASK;
}

static __always_inline __u32 generation_of(__u64 cookie)
{
	return LAPSE_COOKIE_EDGE(cookie) & LAPSE_EDGE_GENERATION;
}

/* The link is one that is about to be taken away, or that is not yet in force. */
static __always_inline bool other_generation(__u64 cookie)
{
	return (LAPSE_COOKIE_EDGE(cookie) & LAPSE_EDGE_GLOB) && generation_of(cookie) != generation;
}

static __always_inline int frame_push(struct lapse_stack *stack, struct lapse_cell *cell,
				      const struct call *call, __u32 flags)
{
	struct lapse_frame *frame = frame_at(stack, stack->depth);

	if (!frame) {
		/* With an edge's frame a span is lost that has not been counted as begun. */
		if (edge_of(call->cookie))
			ADD(cell->entries, 1);
		ADD(cell->too_deep, 1);
		return 1;
	}
	frame->sp = call->sp;
	frame->cost_ns = stack->cost_ns;
	frame->component = LAPSE_COOKIE_COMPONENT(call->cookie);
	frame->caller = 0;
	frame->flags = 0;
	if (LAPSE_COOKIE_ROLE(call->cookie) == LAPSE_ROLE_ENTRY_RETINS) {
		frame->caller = user_word(call->slot);
		frame->flags = LAPSE_FRAME_RETINS;
		if (flags & LAPSE_COMP_TAIL_CALLS)
			frame->flags |= LAPSE_FRAME_TAIL_CALLS;
	}
	frame->extra = 0;
	frame->cls = LAPSE_COOKIE_CLASS(call->cookie);
	frame->edge = edge_of(call->cookie);
	frame->place = LAPSE_COOKIE_PLACE(call->cookie);
	frame->generation = generation_of(call->cookie);
	if (flags & LAPSE_COMP_RULES)
		for (int i = 0; i < LAPSE_CAPTURES; i++)
			frame->capture[i] = stack->facts.capture[i];
	stack->depth++;
	frame->start_ns = bpf_ktime_get_ns();
	return 0;
}

/* Captures into stack->facts what the rules want of the call's arguments; false where if() does not mean
 * it. */
static __always_inline bool call_meant(struct pt_regs *ctx, const struct call *call,
				       struct lapse_stack *stack)
{
	struct lapse_facts *facts = facts_new(stack, LAPSE_COOKIE_COMPONENT(call->cookie), 0);
	struct lapse_rules *r = rules_of(facts->component);
	__u32 edge = edge_of(call->cookie);

	if (!r)
		return true;
	args_of(ctx, call->slot, r, &stack->args);
	rules_capture(r, edge == LAPSE_EDGE_END ? LAPSE_END_END : LAPSE_END_START, &stack->args, facts);
	return edge || !r->if_entry.n || condition_holds(&r->if_entry, facts);
}

/* Makes room on @stack for a frame at the call's place; false where it is no new call. */
static __always_inline bool stack_make_room(struct lapse_stack *stack, struct lapse_cell *cell,
					    const struct call *call, __u32 flags, bool skips_return)
{
	if (flags & LAPSE_COMP_SWITCHES) {
		if (stack_take(stack, call->sp) >= 0)
			ADD(cell->abandoned, 1);
		return true;
	}
	if (stack_clear_above(stack, call->sp))
		return true;
	stack_prune(stack, call->sp);
	if (skips_return)
		flags |= SETTLE_SKIPS_RETURN;
	return stack_settle(stack, call->sp, call->slot, call->cookie, flags) != SLOT_JUMP;
}

/*
 * At a function's entry. @skips_return: the attachment leaves the return alone when this gives 1
 * (sessions); others fire it all the same, and stack_pop() tells it apart.
 */
static __always_inline int span_enter(struct pt_regs *ctx, __u64 cookie, bool skips_return)
{
	struct call call = call_at(ctx, cookie);
	__u32 number = LAPSE_COOKIE_COMPONENT(cookie);
	struct lapse_component *component;
	struct lapse_stack *stack;
	struct lapse_cell *cell;
	enum return_probes safe;
	bool meant, room;

	if (other_generation(cookie) || !wanted((void *)bpf_get_current_task()) ||
	    goroutine_grows(ctx, cookie))
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
	stack = stack_of(&call, ctx, component, true);
	if (!stack)
		return span_lost(cell);
	meant = !(component->flags & LAPSE_COMP_RULES) || call_meant(ctx, &call, stack);
	/* In any case: the return of a call that is not meant must not find a frame that was left there. */
	room = stack_make_room(stack, cell, &call, component->flags, skips_return);
	if (!meant)
		return 1;
	if (!edge_of(cookie))
		ADD(cell->entries, 1);
	if (!room) {
		if (!edge_of(cookie))
			ADD(cell->jumps, 1);
		return 1;
	}
	return frame_push(stack, cell, &call, component->flags);
}

/* The frame @at, which has been taken off, returns: a span, or an edge of one, ends. */
VERIFIED_ONCE int frame_end(struct lapse_stack *stack, __u32 at, __u64 now, __u64 ret)
{
	struct lapse_frame *frame = stack ? frame_at(stack, at) : NULL;
	struct lapse_facts *facts;
	__u64 probes;
	__u32 cls;

	if (!frame)
		return 0;
	cls = frame->cls;
	facts = facts_new(stack, frame->component, now);
	facts->ret = ret;
	facts->flags = LAPSE_SPAN_RET;
	for (int i = 0; i < LAPSE_CAPTURES; i++)
		facts->capture[i] = frame->capture[i];
	/* What its own probe and those of its children put into the figure. */
	probes = cost_of(cls)->inside_ns + (stack->cost_ns - frame->cost_ns);
	stack->cost_ns += cost_of(cls)->total_ns;
	if (frame->edge) {
		facts->cost_ns = cost_of(cls)->enter_ns;
		stack->cost_ns += edge_take(frame->edge, facts);
		return 0;
	}
	facts->cost_ns = cost_of(cls)->total_ns;
	facts->start_ns = frame->start_ns;
	facts->raw = now - frame->start_ns;
	facts->duration = facts->raw > probes ? facts->raw - probes : 0;
	stack->cost_ns += span_record(facts);
	return 0;
}

/* While links are made anew two of them see a return: the one that saw the entry counts. */
static __always_inline bool begun_by_another(struct lapse_stack *stack, __u64 sp, __u64 cookie)
{
	struct lapse_frame *top = frame_at(stack, stack->depth - 1);

	return (LAPSE_COOKIE_EDGE(cookie) & LAPSE_EDGE_GLOB) && top && top->sp == sp &&
	       top->component == LAPSE_COOKIE_COMPONENT(cookie) && top->generation != generation_of(cookie);
}

/* A return without a frame. Attachments that cannot leave a return alone fire for calls that if() did not
 * mean, too: those are no loss. */
static __always_inline void count_stray(__u64 cookie)
{
	__u32 number = LAPSE_COOKIE_COMPONENT(cookie);
	struct lapse_component *component = bpf_map_lookup_elem(&components, &number);
	struct lapse_cell *cell = cell_of(number);
	struct lapse_rules *r;

	if (!component || !cell)
		return;
	if (component->flags & LAPSE_COMP_RULES) {
		r = rules_of(number);
		if (!r || r->if_entry.n)
			return;
	}
	ADD(cell->stray, 1);
}

/* At a return probe. */
static __always_inline int span_return(struct pt_regs *ctx, __u64 cookie)
{
	__u64 now = bpf_ktime_get_ns();
	struct lapse_stack *stack = stack_get(false);
	__u64 sp = PT_REGS_SP(ctx) - RETURN_POPS;
	int at = POP_NONE;

	if (stack && begun_by_another(stack, sp, cookie))
		return 0;
	if (stack)
		at = stack_pop_top(stack, sp, LAPSE_COOKIE_COMPONENT(cookie));
	if (stack && at < 0) {
		stack_prune(stack, sp);
		at = stack_pop(stack, sp, LAPSE_COOKIE_COMPONENT(cookie));
	}
	if (at >= 0)
		return frame_end(stack, at, now, PT_REGS_RC(ctx));
	if (at == POP_EXTRA || edge_of(cookie) || renewing || !wanted((void *)bpf_get_current_task()))
		return 0;
	count_stray(cookie);
	return 0;
}

/* Ends every frame of @stack whose return address the instruction is about to pop; whether any. */
static __always_inline bool stack_return(struct lapse_stack *stack, const struct call *call, __u32 flags,
					 __u64 now, __u64 ret)
{
	bool ended = false;
	int at;

	if (flags & LAPSE_COMP_SWITCHES) {
		at = stack_take(stack, call->sp);
		if (at >= 0)
			frame_end(stack, at, now, ret);
		return at >= 0;
	}
	stack_prune(stack, call->sp);
	for (int n = 0; n < SLOT_SHARERS; n++) {
		at = stack_pop_retins(stack, call->sp);
		if (at < 0)
			break;
		frame_end(stack, at, now, ret);
		ended = true;
	}
	return ended;
}

/* At a return instruction, before it. */
static __always_inline int span_retins(struct pt_regs *ctx, __u64 cookie)
{
	__u64 now = bpf_ktime_get_ns();
	struct call call = call_at(ctx, cookie);
	__u32 number = LAPSE_COOKIE_COMPONENT(cookie);
	struct lapse_component *component = bpf_map_lookup_elem(&components, &number);
	struct lapse_cell *cell = cell_of(number);
	struct lapse_stack *stack;
	bool ended;

	if (!component)
		return 0;
	stack = stack_of(&call, ctx, component, false);
	ended = stack && stack_return(stack, &call, component->flags, now, PT_REGS_RC(ctx));
	if (stack && (component->flags & LAPSE_COMP_GOROUTINES))
		goroutine_leave(&call.goroutine, stack);
	if (!ended && cell)
		ADD(cell->idle, 1);
	return 0;
}

/* At a place that is an edge of a keyed span by itself, or is counted. */
static __always_inline int span_edge(struct pt_regs *ctx, __u64 cookie)
{
	__u64 now = bpf_ktime_get_ns();
	struct call call = call_at(ctx, cookie);
	__u32 cls = LAPSE_COOKIE_CLASS(cookie);
	struct lapse_stack *stack;

	if (!wanted((void *)bpf_get_current_task()) || goroutine_grows(ctx, cookie))
		return 0;
	stack = stack_get(true);
	if (!stack) {
		edge_lost(cookie);
		return 0;
	}
	call_meant(ctx, &call, stack);
	stack->facts.now = now;
	stack->facts.cost_ns = cost_of(cls)->enter_ns;
	stack->cost_ns += cost_of(cls)->enter_ns;
	edge_take(LAPSE_COOKIE_EDGE(cookie), &stack->facts);
	return 0;
}

#endif
