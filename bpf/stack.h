/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The frames of a task: open spans, outermost first, checked against the stack pointer.
 *
 * A frame is known by the stack pointer at the function's entry, where the return address lies.
 * The stack grows down, so at a new entry with stack pointer sp
 *   - a frame with a lower sp has been left without a return (longjmp, exception): abandoned;
 *   - a frame with the same sp is either still live, and the new function was reached by a jump
 *     (a tail call, or a loop to the entry), or it was abandoned and its slot is used again. A live
 *     frame under a return probe shows in its slot: the kernel has put the trampoline's address
 *     there. A live frame under return-instruction probes has the caller that it had;
 *   - a frame with a higher sp is a caller.
 * The same pruning happens at a return, so no figure can come from a wrong pair.
 *
 * Components that measure the same function are siblings: each has a frame of its own in the slot, from one
 * call, pushed and taken off by consumers of one probe that the kernel calls one after the other, at the
 * return in the same order as at the entry. So order says nothing among them: each looks for its own frame,
 * settles what has become of that at a new entry, and leaves the others' alone. What their programs put into
 * one another's spans is measured as it happens (sibling_pay()).
 *
 * Where fibers switch stacks (LAPSE_COMP_SWITCHES) order by stack pointer means nothing: frames are
 * found by their exact slot, wherever they stand, and an abandoned one goes when its slot is entered
 * again.
 */
#ifndef LAPSE_BPF_STACK_H
#define LAPSE_BPF_STACK_H

#include "bpf/record.h"

/* Frames of other stacks (fibers, signal stacks) are not below this one: beyond the usual limit of
 * a thread's stack nothing is said of them. */
#define STACK_REACH (8ULL << 20)

/* No memory for its stack: it has begun, and nothing will be known of its end. */
static __always_inline int span_lost(struct lapse_cell *cell)
{
	ADD(cell->entries, 1);
	ADD(cell->maps_full, 1);
	return 1;
}

/* The task's facts, made anew for an event of @component at @now. */
static __always_inline struct lapse_facts *facts_new(struct lapse_stack *stack, __u32 component, __u64 now)
{
	struct lapse_facts *facts = &stack->facts;

	/* Where nothing is captured nobody has written into the rest. */
	if (cfg_rules)
		__builtin_memset(facts, 0, sizeof(*facts));
	else
		__builtin_memset(facts, 0, __builtin_offsetof(struct lapse_facts, capture));
	facts->component = component;
	facts->now = now;
	return facts;
}

/* A frame that only waits for an edge of a keyed span is no span: nothing is lost with it. */
static __always_inline void frame_abandon(struct lapse_frame *frame)
{
	struct lapse_cell *cell = cell_of(frame->component);

	if (cell && !frame->edge)
		ADD(cell->abandoned, 1);
}

/* What a look through the frames of a stack is after, and what has come of it. */
struct search {
	struct lapse_stack *stack;
	__u64 sp, slot, cookie;
	__u32 flags;
	__u32 at; /* the first that is looked at */
	int found;
};

/* Whether the uppermost frame is of the call that @sp and the function's number @place tell. */
static __always_inline bool stack_has_call(struct lapse_stack *stack, __u64 sp, __u16 place)
{
	const struct lapse_frame *top = frame_at(stack, stack->depth - 1);

	return top && top->sp == sp && top->place == place;
}

/* The entry of a call that did not return, whose frame has been taken off, falls into its callers' spans. Of
 * siblings, whose one probe it was, the last one pays. */
static __always_inline void entry_pay(struct lapse_stack *stack, __u64 sp, __u16 place, __u8 cls)
{
	if (!stack_has_call(stack, sp, place))
		stack->cost_ns += cost_of(cls)->enter_ns;
}

static long prune_one(__u32 n, void *context)
{
	const struct search *search = context;
	struct lapse_frame *top = frame_at(search->stack, search->stack->depth - 1);

	if (!top || top->sp >= search->sp || search->sp - top->sp > STACK_REACH)
		return 1;
	frame_abandon(top);
	search->stack->depth--;
	entry_pay(search->stack, top->sp, top->place, top->cls);
	return 0;
}

/* Pops what lies below @sp. */
VERIFIED_FOUND int stack_prune(struct lapse_stack *stack, __u64 sp)
{
	struct search search = {.stack = stack, .sp = sp};

	if (stack)
		loop_until(LAPSE_MAX_DEPTH, prune_one, &search);
	return 0;
}

/* Where the kernel sends a function that a return probe has hold of. */
static __always_inline __u64 trampoline(void)
{
	struct task_struct *task = (void *)bpf_get_current_task();

	return BPF_CORE_READ(task, mm, uprobes_state.xol_area, vaddr);
}

static __always_inline __u32 edge_of(__u64 cookie)
{
	return cfg_edges ? LAPSE_COOKIE_EDGE(cookie) & LAPSE_EDGE_MASK : 0;
}

static __always_inline __u32 generation_of(__u64 cookie)
{
	return LAPSE_COOKIE_EDGE(cookie) & LAPSE_EDGE_GENERATION;
}

/* Whether @frame is one of the function that @cookie belongs to; a component may have several. */
static __always_inline bool frame_is(const struct lapse_frame *frame, __u64 cookie)
{
	return frame->component == LAPSE_COOKIE_COMPONENT(cookie) &&
	       frame->place == LAPSE_COOKIE_PLACE(cookie) && frame->edge == edge_of(cookie);
}

/* Whether @frame is another component's, or the span's other end's, of that function. */
static __always_inline bool frame_sibling(const struct lapse_frame *frame, __u64 cookie)
{
	return frame->place == LAPSE_COOKIE_PLACE(cookie) && !frame_is(frame, cookie);
}

/* What the thread had waited when frames @a and @b were entered goes with them. */
static __always_inline void totals_swap(__u32 a, __u32 b)
{
	struct lapse_thread_waits *own = waits_get(false);
	struct lapse_before *one, *other, hold;

	if (!own)
		return;
	one = entry_at(own, a);
	other = entry_at(own, b);
	hold = *one;
	*one = *other;
	*other = hold;
}

/* Takes @frame, the @i-th, off; the uppermost one comes into its place. */
static __always_inline void frame_remove(struct lapse_stack *stack, struct lapse_frame *frame, __u32 i)
{
	const struct lapse_frame *top = frame_at(stack, stack->depth - 1);

	if (!top)
		return;
	if (top != frame) {
		*frame = *top;
		totals_swap(i, stack->depth - 1);
	}
	stack->depth--;
}

/* Takes @frame, the @i-th, off, and gives its index then, which is above the depth. */
static __always_inline int frame_lift(struct lapse_stack *stack, struct lapse_frame *frame, __u32 i)
{
	struct lapse_frame *top = frame_at(stack, stack->depth - 1), hold;

	if (top && top != frame) {
		hold = *top;
		*top = *frame;
		*frame = hold;
		totals_swap(i, stack->depth - 1);
	}
	stack->depth--;
	return stack->depth;
}

/*
 * What the program of a sibling has taken since @began falls into the spans of those that have begun and not
 * ended yet: the task's cost grows by it, and no whole probe's, for it is one probe that all of them have.
 */
static __always_inline void sibling_pay(struct lapse_stack *stack, __u32 component, __u64 began)
{
	struct lapse_cell *cell = cell_of(component);
	__u64 took = bpf_ktime_get_ns() - began;

	stack->cost_ns += took;
	if (cell)
		ADD(cell->cost_ns, took);
}

/* Whether @frame, which has the stack pointer of a new entry, is still live. */
static __always_inline bool frame_live(const struct lapse_frame *frame, __u32 flags, __u64 word, __u64 cookie)
{
	if (!(frame->flags & LAPSE_FRAME_RETINS))
		return word == trampoline();
	if (frame_is(frame, cookie))
		return flags & LAPSE_COMP_SELF_JUMP;
	return (frame->flags & LAPSE_FRAME_TAIL_CALLS) && frame->caller == word;
}

enum slot_state {
	SLOT_FREE,
	SLOT_SHARED, /* free, beside frames of siblings */
	SLOT_JUMP,
};

/* In the flags of stack_settle(): the entry leaves a return probe alone (the components' flags are
 * below). */
#define SETTLE_SKIPS_RETURN (1U << 31)

static long settle_one(__u32 n, void *context)
{
	struct search *search = context;
	__u32 i = search->at - n;
	struct lapse_frame *frame = frame_at(search->stack, i);
	__u16 place;
	__u8 cls;

	if (!frame || frame->sp != search->sp)
		return 1;
	if (frame_sibling(frame, search->cookie)) {
		search->found = SLOT_SHARED;
		return 0;
	}
	if (frame_live(frame, search->flags, user_word(search->slot), search->cookie)) {
		if (!frame_is(frame, search->cookie))
			return 1;
		if (!(search->flags & SETTLE_SKIPS_RETURN) && !(frame->flags & LAPSE_FRAME_RETINS))
			frame->extra++;
		search->found = SLOT_JUMP;
		return 1;
	}
	place = frame->place;
	cls = frame->cls;
	frame_abandon(frame);
	frame_remove(search->stack, frame, i);
	entry_pay(search->stack, search->sp, place, cls);
	return 0;
}

/*
 * Looks at the frames with the same @sp, whose slot is at address @slot. SLOT_JUMP: the component and
 * function of @cookie have a live frame there themselves, which goes on. Else a new frame is to be pushed
 * (above a tail-calling one, where that lives).
 */
VERIFIED_FOUND int stack_settle(struct lapse_stack *stack, __u64 sp, __u64 slot, __u64 cookie, __u32 flags)
{
	struct search search = {stack, sp, slot, cookie, flags, .found = SLOT_FREE};

	if (!stack)
		return SLOT_FREE;
	search.at = stack->depth - 1;
	loop_until(LAPSE_SLOT_SHARERS, settle_one, &search);
	return search.found;
}

enum pop_state {
	POP_NONE = -1,	/* no such frame */
	POP_EXTRA = -2, /* a return probe more than there are spans: owed to a jump to the entry, or of a link
			 * that did not begin the span while links are made anew */
};

static long pop_one(__u32 n, void *context)
{
	struct search *search = context;
	__u32 i = search->at - n;
	struct lapse_frame *frame = frame_at(search->stack, i);

	if (!frame || frame->sp != search->sp)
		return 1;
	if (!frame_is(frame, search->cookie) || (frame->flags & LAPSE_FRAME_RETINS))
		return 0;
	search->found = POP_EXTRA;
	if (frame->generation != generation_of(search->cookie))
		return 1;
	if (frame->extra)
		frame->extra--;
	else
		search->found = frame_lift(search->stack, frame, i);
	return 1;
}

/*
 * Takes off the frame of @cookie's component and function that returns at @sp. Gives its index, which is
 * above the depth then, or enum pop_state. What lies above it is siblings', or dead: the next entry or return
 * finds out.
 */
VERIFIED_ONCE int stack_pop(struct lapse_stack *stack, __u64 sp, __u64 cookie)
{
	struct search search = {.stack = stack, .sp = sp, .cookie = cookie, .found = POP_NONE};

	if (!stack)
		return POP_NONE;
	search.at = stack->depth - 1;
	loop_until(LAPSE_SLOT_SHARERS, pop_one, &search);
	return search.found;
}

/* Whose frames stack_take() takes, where stacks are switched. */
enum take { TAKE_ANY, TAKE_NO_SIBLING };

static long take_one(__u32 n, void *context)
{
	struct search *search = context;
	struct lapse_frame *frame = frame_at(search->stack, n);

	if (!frame || n >= search->stack->depth)
		return 1;
	if (frame->sp != search->sp || !(frame->flags & LAPSE_FRAME_RETINS) ||
	    (search->flags != TAKE_ANY && frame_sibling(frame, search->cookie)))
		return 0;
	search->found = frame_lift(search->stack, frame, n);
	return 1;
}

/*
 * Where stacks are switched: takes the frame whose return address lies at @sp off, wherever it stands.
 * Gives its index, which is above the depth then, or POP_NONE.
 */
VERIFIED_FOUND int stack_take(struct lapse_stack *stack, __u64 sp, __u64 cookie, enum take take)
{
	struct search search = {.stack = stack, .sp = sp, .cookie = cookie, .flags = take, .found = POP_NONE};

	if (stack)
		loop_until(LAPSE_MAX_DEPTH, take_one, &search);
	return search.found;
}

/* The usual entry: the uppermost frame is a caller's, or there is none. */
static __always_inline bool stack_clear_above(struct lapse_stack *stack, __u64 sp)
{
	struct lapse_frame *top = frame_at(stack, stack->depth - 1);

	return !top || top->sp > sp;
}

/* The usual return: it is the uppermost frame that returns. Its index, or POP_NONE. */
static __always_inline int stack_pop_top(struct lapse_stack *stack, __u64 sp, __u64 cookie)
{
	struct lapse_frame *top = frame_at(stack, stack->depth - 1);

	if (!top || top->sp != sp || !frame_is(top, cookie) || top->flags || top->extra ||
	    top->generation != generation_of(cookie))
		return POP_NONE;
	stack->depth--;
	return stack->depth;
}

/* Takes off the uppermost frame if a return instruction at @sp ends it. Index, or POP_NONE. */
static __always_inline int stack_pop_retins(struct lapse_stack *stack, __u64 sp)
{
	struct lapse_frame *top = frame_at(stack, stack->depth - 1);

	if (!top || top->sp != sp || !(top->flags & LAPSE_FRAME_RETINS))
		return POP_NONE;
	stack->depth--;
	return stack->depth;
}

#endif
