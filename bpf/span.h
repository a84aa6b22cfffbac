/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A span's beginning and end, whatever kind of attachment brought them. */
#ifndef LAPSE_BPF_SPAN_H
#define LAPSE_BPF_SPAN_H

#include "bpf/filter.h"
#include "bpf/goroutine.h"
#include "bpf/keyed.h"
#include "bpf/libraries.h"
#include "bpf/stack.h"
#include "bpf/why.h"

/* No function's number. */
#define NO_PLACE (1U << 16)

/* The x86-64 return pops the address: at a return probe sp is one word above the entry's. */
#define RETURN_POPS 8

/*
 * What is verified once, on the stack of @call. Before 5.12 a function that is verified by itself takes no
 * pointers: there another of its name finds the stack again, by @g, the goroutine's, or 0 for the thread's
 * own.
 */
#ifndef LAPSE_OLD
#define ON_STACK(function, call, stack, ...) function(stack, __VA_ARGS__)
#else
#define ON_STACK(function, call, stack, ...) function##_found((call)->goroutine.g, __VA_ARGS__)

static __always_inline struct lapse_stack *stack_found(__u64 g)
{
	struct lapse_goroutine key = {.pid = bpf_get_current_pid_tgid() >> 32, .g = g};

	return g ? goroutine_stack(&key, false) : stack_get(false);
}

VERIFIED_ALONE int stack_prune_found(__u64 g, __u64 sp)
{
	return stack_prune(stack_found(g), sp);
}

VERIFIED_ALONE int stack_settle_found(__u64 g, __u64 sp, __u64 slot, __u64 cookie, __u32 flags)
{
	return stack_settle(stack_found(g), sp, slot, cookie, flags);
}

VERIFIED_ALONE int stack_take_found(__u64 g, __u64 sp, __u64 cookie, enum take take)
{
	return stack_take(stack_found(g), sp, cookie, take);
}
#endif

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

/* The link is one that is about to be taken away, or that is not yet in force. */
static __always_inline bool other_generation(__u64 cookie)
{
	return (LAPSE_COOKIE_EDGE(cookie) & LAPSE_EDGE_GLOB) && generation_of(cookie) != generation;
}

/* Keeps what the thread has waited so far, for the frame that is about to be pushed; false: it is not known.
 */
static __always_inline bool frame_waits(struct lapse_stack *stack)
{
	struct lapse_thread_waits *own = waits_get(true);

	if (!own)
		return false;
	why_begin(stack, own);
	why_keep(&own->waits, entry_at(own, stack->depth));
	return true;
}

/* The thread is in a call at @sp; whether it has been in one there, or further out. */
static __always_inline bool been_at(struct lapse_stack *stack, __u64 sp)
{
	if (sp <= stack->outermost)
		return true;
	stack->outermost = sp;
	return false;
}

static __always_inline int frame_push(struct lapse_stack *stack, struct lapse_cell *cell,
				      const struct call *call, const struct lapse_component *component)
{
	struct lapse_frame *frame = frame_at(stack, stack->depth);
	__u32 flags = component->flags;
	bool own_stack = !(flags & (LAPSE_COMP_GOROUTINES | LAPSE_COMP_SWITCHES));

	if (!stack->depth) {
		stack->owed = 0;
		been_at(stack, call->sp);
	}
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
	if (cfg_rules && flags & LAPSE_COMP_RULES)
		for (int i = 0; i < LAPSE_CAPTURES; i++)
			frame->capture[i] = stack->facts.capture[i];
	frame->wait = own_stack ? component->wait : 0;
	frame->why = own_stack && frame->edge != LAPSE_EDGE_WAIT && frame_waits(stack);
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
	if (r->flags & LAPSE_RULE_CAPTURES) {
		args_of(ctx, call->slot, r, &stack->args);
		rules_capture(r, edge == LAPSE_EDGE_END ? LAPSE_END_END : LAPSE_END_START, &stack->args,
			      facts);
	}
	return edge || entry_meant(r, facts);
}

/* Makes room on @stack for a frame at the call's place. */
static __always_inline enum slot_state stack_make_room(struct lapse_stack *stack, struct lapse_cell *cell,
						       const struct call *call, __u32 flags,
						       bool skips_return)
{
	if (flags & LAPSE_COMP_SWITCHES) {
		if (ON_STACK(stack_take, call, stack, call->sp, call->cookie, TAKE_NO_SIBLING) >= 0)
			ADD(cell->abandoned, 1);
		return SLOT_FREE;
	}
	if (stack_clear_above(stack, call->sp))
		return SLOT_FREE;
	ON_STACK(stack_prune, call, stack, call->sp);
	if (skips_return)
		flags |= SETTLE_SKIPS_RETURN;
	return ON_STACK(stack_settle, call, stack, call->sp, call->slot, call->cookie, flags);
}

/* There was no room for the frame of a call whose return probe comes all the same, unless it is left alone
 * or return instructions would end it. */
static __always_inline int too_deep(struct lapse_stack *stack, __u64 cookie, bool skips_return)
{
	if (!skips_return && LAPSE_COOKIE_ROLE(cookie) == LAPSE_ROLE_ENTRY)
		stack->owed++;
	return 1;
}

/*
 * At a function's entry. @skips_return: the attachment leaves the return alone when this gives 1
 * (sessions); others fire it all the same, and stack_pop() tells it apart.
 */
static __always_inline int span_enter(struct pt_regs *ctx, __u64 cookie, bool skips_return)
{
	__u64 began = LAPSE_COOKIE_EDGE(cookie) & LAPSE_EDGE_SHARED ? bpf_ktime_get_ns() : 0;
	struct call call = call_at(ctx, cookie);
	__u32 number = LAPSE_COOKIE_COMPONENT(cookie);
	struct lapse_component *component;
	struct lapse_stack *stack;
	struct lapse_cell *cell;
	enum return_probes safe;
	enum slot_state slot;
	bool meant;

	if (stopped || other_generation(cookie) || !wanted_here(number) || goroutine_grows(ctx, cookie))
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
	meant = !cfg_rules || !(component->flags & LAPSE_COMP_RULES) || call_meant(ctx, &call, stack);
	/* In any case: the return of a call that is not meant must not find a frame that was left there. */
	slot = stack_make_room(stack, cell, &call, component->flags, skips_return);
	if (slot == SLOT_SHARED)
		sibling_pay(stack, number, began);
	if (!meant)
		return 1;
	if (!edge_of(cookie))
		ADD(cell->entries, 1);
	if (slot == SLOT_JUMP) {
		if (!edge_of(cookie))
			ADD(cell->jumps, 1);
		return 1;
	}
	if (frame_push(stack, cell, &call, component))
		return too_deep(stack, cookie, skips_return);
	return 0;
}

/* The frame @at, which has been taken off, returns: a span, or an edge of one, ends. */
VERIFIED_FOUND int frame_end(struct lapse_stack *stack, __u32 at, __u64 now, __u64 ret)
{
	struct lapse_frame *frame = stack ? frame_at(stack, at) : NULL;
	struct lapse_thread_waits *own;
	struct lapse_facts *facts;
	__u64 probes;
	__u32 cls;
	int sending;
	bool last;

	if (!frame)
		return 0;
	cls = frame->cls;
	own = frame->why ? waits_get(false) : NULL;
	facts = facts_new(stack, frame->component, now);
	facts->ret = ret;
	facts->flags = LAPSE_SPAN_RET;
	for (int i = 0; cfg_rules && i < LAPSE_CAPTURES; i++)
		facts->capture[i] = frame->capture[i];
	/* What its own probe and those of its children put into the figure. */
	probes = cost_of(cls)->inside_ns + (stack->cost_ns - frame->cost_ns);
	/* One probe has them all: the last sibling pays for it. */
	last = (frame->flags & LAPSE_FRAME_RETINS) || !stack_has_call(stack, frame->sp, frame->place);
	if (last)
		stack->cost_ns += cost_of(cls)->total_ns;
	if (cfg_edges && frame->edge == LAPSE_EDGE_WAIT) {
		wait_count(frame->component, last ? cost_of(cls)->total_ns : 0);
		sending = 0;
	} else if (cfg_edges && frame->edge) {
		facts->cost_ns = cost_of(cls)->enter_ns;
		sending = edge_take(frame->edge, facts);
	} else {
		facts->cost_ns = last ? cost_of(cls)->total_ns : 0;
		facts->start_ns = frame->start_ns;
		facts->raw = now - frame->start_ns;
		facts->duration = facts->raw > probes ? facts->raw - probes : 0;
		if (own) {
			WHY_TAKE(stack, own, at);
			facts->flags |= LAPSE_SPAN_WHY;
		}
		sending = own ? SPAN_RECORD_WHY(stack) : span_record(facts);
		if (own)
			WHY_COUNT(stack);
	}
	if (own)
		why_end(stack, own);
	if (last)
		stack->cost_ns += sending;
	else
		sibling_pay(stack, frame->component, now);
	return 0;
}

#ifdef LAPSE_OLD
VERIFIED_ALONE int frame_end_found(__u64 g, __u32 at, __u64 now, __u64 ret)
{
	return frame_end(stack_found(g), at, now, ret);
}
#endif

/*
 * Whether the call that returns to @sp began before its entry had a probe: the thread has been in no call so
 * far out since then. Its return may have one all the same, of another tracer's, or placed a moment sooner.
 */
static __always_inline bool began_before(struct lapse_stack *stack, __u64 sp)
{
	if (!stack)
		stack = stack_get(true);
	return stack && !been_at(stack, sp);
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
		if (!r || r->flags & LAPSE_RULE_IF_ENTRY)
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

	if (stopped)
		return 0;
	if (stack)
		at = stack_pop_top(stack, sp, cookie);
	if (stack && at < 0) {
		stack_prune(stack, sp);
		at = stack_pop(stack, sp, cookie);
	}
	if (at >= 0)
		return frame_end(stack, at, now, PT_REGS_RC(ctx));
	if (at == POP_EXTRA || edge_of(cookie) || renewing || !wanted_here(LAPSE_COOKIE_COMPONENT(cookie)))
		return 0;
	if (stack && stack->owed) {
		stack->owed--;
		return 0;
	}
	if (!began_before(stack, sp))
		count_stray(cookie);
	return 0;
}

/* The frame that the return instruction of @call ends next: its index, or POP_NONE. */
static __always_inline int stack_returning(struct lapse_stack *stack, const struct call *call, __u32 flags)
{
	if (flags & LAPSE_COMP_SWITCHES)
		return ON_STACK(stack_take, call, stack, call->sp, call->cookie, TAKE_ANY);
	return stack_pop_retins(stack, call->sp);
}

/* A return instruction that ends frames, and the function of the last one that it has ended. */
struct returning {
	struct lapse_stack *stack;
	const struct call *call;
	__u64 now, ret, paid;
	__u32 flags, place;
};

/* Siblings end as one: they have one probe, which none of their spans holds another time. */
static long return_one(__u32 n, void *context)
{
	struct returning *returning = context;
	struct lapse_stack *stack = returning->stack;
	int at = stack_returning(stack, returning->call, returning->flags);
	const struct lapse_frame *frame = frame_at(stack, at);

	if (at < 0 || !frame)
		return 1;
	if (frame->place == returning->place)
		stack->cost_ns = returning->paid;
	returning->place = frame->place;
	returning->paid = stack->cost_ns;
	ON_STACK(frame_end, returning->call, stack, at, returning->now, returning->ret);
	return 0;
}

/* Ends every frame of @stack whose return address the instruction is about to pop; whether any. */
static __always_inline bool stack_return(struct lapse_stack *stack, const struct call *call, __u32 flags,
					 __u64 now, __u64 ret)
{
	struct returning returning = {stack, call, now, ret, 0, flags, NO_PLACE};

	if (!(flags & LAPSE_COMP_SWITCHES))
		ON_STACK(stack_prune, call, stack, call->sp);
	loop_until(LAPSE_SLOT_SHARERS, return_one, &returning);
	return returning.place != NO_PLACE;
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
	bool any;

	if (stopped || !component)
		return 0;
	stack = stack_of(&call, ctx, component, false);
	any = stack && stack_return(stack, &call, component->flags, now, PT_REGS_RC(ctx));
	if (stack && (component->flags & LAPSE_COMP_GOROUTINES))
		goroutine_leave(&call.goroutine, stack);
	if (!any && cell)
		ADD(cell->idle, 1);
	return 0;
}

/* What @edge does with the facts of @stack. */
static __always_inline int stack_edge(struct lapse_stack *stack, __u32 edge)
{
	return edge_take(edge, &stack->facts);
}

#ifdef LAPSE_OLD
VERIFIED_ALONE int stack_edge_found(__u64 g, __u32 edge)
{
	struct lapse_stack *stack = stack_found(g);

	return stack ? stack_edge(stack, edge) : 0;
}
#endif

/* At a place that is an edge of a keyed span by itself, or is counted. */
static __always_inline int span_edge(struct pt_regs *ctx, __u64 cookie)
{
	__u64 now = bpf_ktime_get_ns();
	struct call call = call_at(ctx, cookie);
	__u32 cls = LAPSE_COOKIE_CLASS(cookie);
	struct lapse_stack *stack;
	bool inside;

	if (!cfg_edges || stopped || !wanted_here(LAPSE_COOKIE_COMPONENT(cookie)) ||
	    goroutine_grows(ctx, cookie))
		return 0;
	stack = stack_get(true);
	if (!stack) {
		edge_lost(cookie);
		return 0;
	}
	call_meant(ctx, &call, stack);
	stack->facts.now = now;
	stack->facts.cost_ns = cost_of(cls)->enter_ns;
	inside = stack_has_call(stack, call.sp, LAPSE_COOKIE_PLACE(cookie));
	if (!inside)
		stack->cost_ns += cost_of(cls)->enter_ns;
	ON_STACK(stack_edge, &call, stack, LAPSE_COOKIE_EDGE(cookie));
	if (inside)
		sibling_pay(stack, LAPSE_COOKIE_COMPONENT(cookie), now);
	return 0;
}

#endif
