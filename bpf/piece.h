/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The stacks of a thread that was blocked for long: the kernel's, the program's by frame pointers, and for
 * user space, which finds the callers without them, its registers and a piece of its stack.
 *
 * The moment to look at the program's. As the thread leaves the processor nobody knows for how long, and at
 * every switch that is dear. When it comes back it is known, but the scheduler's program still runs
 * on the thread before it, whose memory is another. Once it has left the kernel its stack has changed. What
 * lies between is an interrupt: with interrupts off, as they are in the midst of a switch, the program has
 * this processor interrupt itself. That comes the very moment they are on again, when the thread is the
 * current one and has not done anything yet; its registers and its stack are those with which it entered the
 * kernel, by a system call or by a fault. How to interrupt oneself: a record on a ring buffer, with the
 * consumer to be woken, which the kernel does out of such an interrupt (irq_work), and that has a tracepoint.
 * A ring for each processor, since a ring asks for one interrupt at a time.
 *
 * Rather than that:
 *   - the exit of system calls has a tracepoint, too, but with it every system call of every process on the
 *     machine takes the slow way through the kernel, and faults have none;
 *   - looking at every switch inside a span costs that every time, and has to be kept until the thread comes
 *     back.
 *
 * Only blocks that make a span slow, or nearly do, are worth it, and only so many a second: what it costs is
 * bounded, however often threads wait. The states of a block (enum lapse_piece_state) say what became of its
 * copy.
 */
#ifndef LAPSE_BPF_PIECE_H
#define LAPSE_BPF_PIECE_H

#include "bpf/stack.h"
#include "bpf/traces.h"

/* What is read at once: where memory ends within it, that much is missing. */
#define PIECE_STEP 512

/* Blocks that are shorter are not worth a copy, whatever the limit of spans. */
#define PIECE_SHORTEST_NS 250000

/* Where a block is: in one of the places of those that have ended, or it is the present one. */
#define BLOCK_NOW (LAPSE_BLOCKS + 1)

/* The one that began when the thread left the processor at @off_ns: it may not have been accounted for yet.
 * LAPSE_NO_BLOCK: it is not there. */
VERIFIED_ONCE __u32 block_begun_at(const struct lapse_waits *waits, __u64 off_ns)
{
	const struct lapse_blocks *blocks;

	if (!waits)
		return LAPSE_NO_BLOCK;
	if (waits->off_ns == off_ns)
		return BLOCK_NOW;
	blocks = &waits->blocks;
	for (__u32 i = 0; i < LAPSE_BLOCKS; i++)
		if (blocks->end_ns[i] - blocks->duration_ns[i] == off_ns)
			return i;
	return LAPSE_NO_BLOCK;
}

/* Block @at has got its stack. */
static __always_inline void block_stack(struct lapse_waits *waits, __u32 at, int stack)
{
	if (at == BLOCK_NOW)
		waits->now.user_stack = stack;
	else
		waits->blocks.kept[block_number(at)].user_stack = stack;
}

/* That is what has become of the copy of its stack. */
static __always_inline void block_piece(struct lapse_waits *waits, __u32 at, __u32 state)
{
	if (at == BLOCK_NOW)
		waits->now.piece = state;
	else
		waits->blocks.piece[block_number(at)] = state;
}

/* What is due on this processor. */
static __always_inline struct lapse_piece_due *due_here(void)
{
	__u32 zero = 0;

	return bpf_map_lookup_elem(&piece_due, &zero);
}

/* The ring of this processor. */
static __always_inline void *piece_ring(void)
{
	__u32 number = bpf_get_smp_processor_id() & (cfg_piece_rings - 1);

	return bpf_map_lookup_elem(&piece_rings, &number);
}

/* What a block means to the spans that are open around it. */
enum weight { BLOCK_IS_SHORT, BLOCK_MAY_COUNT, BLOCK_IS_BREACH };

/* Of a block of @blocked ns for a span of @component. */
static __always_inline enum weight weight_for(__u32 component, __u64 blocked)
{
	const struct lapse_component *c = bpf_map_lookup_elem(&components, &component);

	if (!c || blocked < c->block_ns)
		return BLOCK_IS_SHORT;
	return blocked / LAPSE_BLOCK_PART < c->block_ns ? BLOCK_MAY_COUNT : BLOCK_IS_BREACH;
}

struct weighing {
	struct lapse_stack *stack;
	__u64 blocked;
	enum weight weight;
};

static __always_inline void weigh(struct weighing *weighing, __u32 component)
{
	enum weight weight = weight_for(component, weighing->blocked);

	if (weight > weighing->weight)
		weighing->weight = weight;
}

static long weigh_frame(__u32 n, void *context)
{
	struct weighing *weighing = context;
	struct lapse_frame *frame = frame_at(weighing->stack, n);

	if (!frame || n >= weighing->stack->depth)
		return 1;
	weigh(weighing, frame->component);
	return weighing->weight == BLOCK_IS_BREACH;
}

/* What one of @blocked ns means to the spans that are open on @stack. */
VERIFIED_FOUND int block_weight(struct lapse_stack *stack, __u64 blocked)
{
	struct weighing weighing = {stack, blocked, BLOCK_IS_SHORT};

	if (!stack)
		return BLOCK_IS_SHORT;
	if (stack->syscall.start_ns)
		weigh(&weighing, stack->syscall.component);
	if (stack->loop.start_ns)
		weigh(&weighing, stack->loop.component);
	loop_until(LAPSE_MAX_DEPTH, weigh_frame, &weighing);
	return weighing.weight;
}

/* Whether so many as this second has had of @most leave one for a block of @weight. What may not come to
 * anything leaves half of it to what does. */
static __always_inline bool second_affords(__u64 taken, __u32 most, enum weight weight)
{
	return taken < (weight == BLOCK_IS_BREACH ? most : most / 2);
}

static __always_inline void second_begin(__u64 now)
{
	__u64 second = now / 1000000000;

	if (stacks_second == second)
		return;
	stacks_second = second;
	stacks_taken = 0;
	pieces_taken = 0;
}

/* Has this processor interrupt itself as soon as it can. */
static __always_inline bool piece_interrupt(void)
{
	void *ring = piece_ring(), *nothing;

	nothing = ring ? bpf_ringbuf_reserve(ring, sizeof(__u64), 0) : NULL;
	if (!nothing)
		return false;
	bpf_ringbuf_discard(nothing, BPF_RB_FORCE_WAKEUP);
	return true;
}

/* Whether the stack of a thread is to be copied that was blocked so long, which has @weight; *@state: what is
 * known of that now. */
static __always_inline bool piece_wanted(__u64 blocked, enum weight weight, __u16 *state)
{
	if (!cfg_piece_bytes || blocked < PIECE_SHORTEST_NS)
		return false;
	if (second_affords(pieces_taken, cfg_pieces_a_second, weight))
		return true;
	ADD(pieces_over_budget, 1);
	*state = LAPSE_PIECE_OVER_BUDGET;
	return false;
}

/* @task, which gets the processor at @now, was away: its stacks are looked at if it was blocked for long. */
static __always_inline void stacks_ask(struct lapse_waits *waits, struct task_struct *task, __u64 now)
{
	struct lapse_piece_due *due = due_here();
	struct lapse_block *block = &waits->now;
	__u64 blocked = (waits->woken_ns ?: now) - waits->off_ns;
	struct pt_regs *regs;
	enum weight weight;

	if (!due || block->cause == LAPSE_RUNQ || block->cause == LAPSE_THROTTLED || blocked < stacks_ns)
		return;
	weight = block_weight(stack_of_task(task), blocked);
	if (weight == BLOCK_IS_SHORT)
		return;
	second_begin(now);
	due->piece = piece_wanted(blocked, weight, &block->piece);
	if (!due->piece && !second_affords(stacks_taken, cfg_stacks_a_second, weight)) {
		block->piece = LAPSE_PIECE_UNSEEN;
		return;
	}
	ADD(stacks_taken, 1);
	if (due->piece)
		ADD(pieces_taken, 1);
	block->kernel_stack = trace_kernel(task);
	regs = task_regs(task);
	due->thread = (__u64)BPF_CORE_READ(task, tgid) << 32 | BPF_CORE_READ(task, pid);
	due->off_ns = waits->off_ns;
	due->ip = BPF_CORE_READ(regs, ip);
	due->sp = BPF_CORE_READ(regs, sp);
	if (!piece_interrupt())
		due->off_ns = 0;
	if (due->piece)
		block->piece = due->off_ns ? LAPSE_PIECE_MISSED : LAPSE_PIECE_NO_ROOM;
}

/* That the thread got the processor was not seen: neither was its stack. */
static __always_inline void piece_missed(struct lapse_waits *waits)
{
	waits->now.piece = LAPSE_PIECE_MISSED;
}

/* What lies below may be on a page that has never been touched: it is zeros then. */
static __always_inline void piece_copy(struct lapse_piece *piece)
{
	__u8 *above = piece->bytes + LAPSE_PIECE_BELOW;

	bpf_probe_read_user(piece->bytes, LAPSE_PIECE_BELOW, (void *)(piece->sp - LAPSE_PIECE_BELOW));
	piece->size = LAPSE_PIECE_BELOW;
	for (__u32 at = 0; at < LAPSE_PIECE_MAX && at < cfg_piece_bytes; at += PIECE_STEP) {
		if (bpf_probe_read_user(above + at, PIECE_STEP, (void *)(piece->sp + at)))
			return;
		piece->size += PIECE_STEP;
	}
}

/* The kernel keeps the return addresses that its return probes have taken from the stack. */
static __always_inline void piece_hidden(struct lapse_piece *piece)
{
	struct task_struct *task = (void *)bpf_get_current_task();
	struct return_instance *hidden = BPF_CORE_READ(task, utask, return_instances);

	piece->n_hidden = 0;
	for (__u32 i = 0; i < LAPSE_HIDDEN_RETURNS && hidden; i++) {
		piece->hidden[i].slot = BPF_CORE_READ(hidden, stack);
		piece->hidden[i].addr = BPF_CORE_READ(hidden, orig_ret_vaddr);
		piece->n_hidden = i + 1;
		hidden = BPF_CORE_READ(hidden, next);
	}
}

/* Copies what is due of the current thread; what became of it. */
static __always_inline __u32 piece_take(const struct lapse_piece_due *due, const struct pt_regs *regs)
{
	struct lapse_piece *piece;
	void *ring = piece_ring();

	piece = ring ? bpf_ringbuf_reserve(ring, sizeof(*piece) + LAPSE_PIECE_BELOW + cfg_piece_bytes, 0)
		     : NULL;
	if (!piece)
		return LAPSE_PIECE_NO_ROOM;
	piece->tid = bpf_get_current_pid_tgid();
	piece->off_ns = due->off_ns;
	piece->ip = due->ip;
	piece->sp = due->sp;
	piece->bp = BPF_CORE_READ(regs, bp);
	piece_hidden(piece);
	piece_copy(piece);
	if (piece->size <= LAPSE_PIECE_BELOW) {
		bpf_ringbuf_discard(piece, BPF_RB_NO_WAKEUP);
		return LAPSE_PIECE_UNREADABLE;
	}
	bpf_ringbuf_submit(piece, BPF_RB_NO_WAKEUP);
	return LAPSE_PIECE_SENT;
}

/* Looks at the current thread, for which that is due, if it is still in the kernel as it was then. */
static __always_inline void stacks_settle(void *ctx, const struct lapse_piece_due *due)
{
	struct pt_regs *regs = task_regs(current_task());
	struct lapse_thread_waits *own = waits_get(false);
	__u32 at = own ? block_begun_at(&own->waits, due->off_ns) : LAPSE_NO_BLOCK;

	if (!own || at == LAPSE_NO_BLOCK || BPF_CORE_READ(regs, ip) != due->ip ||
	    BPF_CORE_READ(regs, sp) != due->sp)
		return;
	block_stack(&own->waits, at, trace_user(ctx));
	if (due->piece)
		block_piece(&own->waits, at, piece_take(due, regs));
}

/* Whoever it was that wanted the interrupt: the current thread may be one that has just come back. */
SEC("raw_tp/irq_work_entry")
int why_piece(void *ctx)
{
	struct lapse_piece_due *due = due_here();

	if (!due || !due->off_ns)
		return 0;
	if (due->thread == bpf_get_current_pid_tgid())
		stacks_settle(ctx, due);
	due->off_ns = 0;
	return 0;
}

#endif
