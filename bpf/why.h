/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Why a span took its time: what its thread did instead of running.
 *
 * At each switch the scheduler's programs add to the thread's running totals; a frame keeps them as they are
 * at entry, and the difference at the return is the span's own split, so nested spans are right. What is left
 * of its wall time it ran. A thread without an open span costs a look-up a switch.
 *
 *   switched out, runnable (preempted)      ... switched in:  runq
 *   switched out, blocked ... woken         by the system call that it was in; a poll by what ended it
 *                             woken ... switched in:          runq
 *
 * Some kernels run no programs in the context of the first process (seen with a virtual machine's own
 * kernel): a switch away from it is not seen then, nor a wake that it makes or that an interrupt makes
 * meanwhile. What was not seen is found out as soon as the thread is known to run: the kernel has counted how
 * long it was runnable.
 *
 * A wake says who did it: a thread, or an interrupt, in which case the thread that happened to run has
 * nothing to do with it. What a poll waited for is known by the socket that became readable just before, on
 * the same processor and in the same breath.
 */
#ifndef LAPSE_BPF_WHY_H
#define LAPSE_BPF_WHY_H

#include "bpf/files.h"
#include "bpf/piece.h"
#include "bpf/ready.h"
#include "bpf/rivals.h"
#include "bpf/stack.h"
#include "bpf/tcp_socket.h"
#include "bpf/wait.h"

#define AF_UNIX 1

/* ---- switched out ------------------------------------------------------------------------------- */

static __always_inline void peer_of(struct lapse_block *block, const struct sock *sk)
{
	__u16 family = BPF_CORE_READ(sk, __sk_common.skc_family);

	if (family == AF_INET)
		address_v4(&block->peer, BPF_CORE_READ(sk, __sk_common.skc_daddr));
	else if (family == AF_INET6)
		BPF_CORE_READ_INTO(&block->peer.ip, sk, __sk_common.skc_v6_daddr.in6_u.u6_addr8);
	else
		return;
	block->peer.port = __builtin_bswap16(BPF_CORE_READ(sk, __sk_common.skc_dport));
}

/* A Unix socket's other end is a process of this machine, which passes the word. */
static __always_inline __u32 cause_of_socket(struct lapse_block *block, const struct sock *sk)
{
	if (!sk)
		return LAPSE_OTHER;
	if (BPF_CORE_READ(sk, __sk_common.skc_family) == AF_UNIX)
		return LAPSE_HANDOFF;
	peer_of(block, sk);
	return LAPSE_NET;
}

/* A read or write, and their kin. Pipes, eventfds and their like have no kind of their own. */
static __always_inline __u32 cause_of_file(struct lapse_block *block, struct task_struct *task, __u32 fd)
{
	struct file *file = file_of_fd(task_read(task), fd);
	__u32 kind = file ? BPF_CORE_READ(file, f_inode, i_mode) & S_IFMT : 0;
	struct socket *socket;

	if (!file)
		return LAPSE_OTHER;
	if (kind == S_IFSOCK) {
		socket = BPF_CORE_READ(file, private_data);
		return cause_of_socket(block, BPF_CORE_READ(socket, sk));
	}
	return kind == S_IFIFO || !kind ? LAPSE_HANDOFF : LAPSE_OTHER;
}

static __always_inline bool waits_for_disk(struct task_struct *task)
{
#ifdef LAPSE_OLD
	return BPF_CORE_READ_BITFIELD_PROBED(task, in_iowait);
#else
	return BPF_CORE_READ_BITFIELD(task, in_iowait);
#endif
}

#define TASK_FROZEN 0x8000 /* since 6.1, of the older freezer */

/* Stopped by a signal or by who traces it, or frozen with its control group. */
static __always_inline bool is_held(struct task_struct *task)
{
	if (bpf_core_field_exists(task->__state) && FIELD(task, __state) & TASK_FROZEN)
		return true;
	if (!bpf_core_field_exists(task->frozen))
		return false;
#ifdef LAPSE_OLD
	return BPF_CORE_READ_BITFIELD_PROBED(task, frozen);
#else
	return BPF_CORE_READ_BITFIELD(task, frozen);
#endif
}

/* What @task, which is blocked, waits for. A poll's cause is what ends it: until then it is a poll. */
static __always_inline __u32 cause_of_block(struct lapse_block *block, struct task_struct *task)
{
	struct pt_regs *regs = task_regs(task);
	__u64 nr = FIELD(regs, orig_ax);
	__u32 number = nr, *call;

	/* Wherever that found it: in a system call, or on its way out of an interrupt, which looks like a
	 * fault. */
	if (is_held(task))
		return LAPSE_OTHER;
	/* No system call: an exception, which is a page fault where it has to wait. */
	if ((__s64)nr < 0)
		return LAPSE_FAULT;
	if (waits_for_disk(task))
		return LAPSE_DISK;
	call = bpf_map_lookup_elem(&why_calls, &number);
	switch (call ? *call : LAPSE_CALL_OTHER) {
	case LAPSE_CALL_LOCK:
		return LAPSE_LOCK;
	case LAPSE_CALL_DISK:
		return LAPSE_DISK;
	case LAPSE_CALL_SLEEP:
		return LAPSE_SLEEP;
	case LAPSE_CALL_POLL:
		return LAPSE_POLL;
	case LAPSE_CALL_FD:
		return cause_of_file(block, task, FIELD(regs, di));
	default:
		return LAPSE_OTHER;
	}
}

static __always_inline bool is_throttled(struct task_struct *task)
{
	return bpf_core_field_exists(task->throttled) && FIELD(task, throttled);
}

/* What @task has waited for processors; 0 where the kernel does not count. */
static __always_inline __u64 run_delay_of(struct task_struct *task)
{
	return bpf_core_field_exists(task->sched_info) ? FIELD(task, sched_info.run_delay) : 0;
}

/* Tells the programs of other processors that @waits are those of a thread that has left its own: what they
 * read then is there before. */
static __always_inline void publish(struct lapse_waits *waits, __u64 now)
{
	barrier();
	*(volatile __u64 *)&waits->off_ns = now;
}

/* The current task leaves the processor. @blocked: it waits for something. */
static __always_inline void switch_out(struct lapse_thread_waits *own, bool blocked, __u64 now)
{
	struct task_struct *task = current_task();
	struct lapse_waits *waits = &own->waits;
	struct lapse_block *block = &waits->now;

	__builtin_memset(block, 0, sizeof(*block));
	block->kernel_stack = block->user_stack = -1;
	block->waker.interrupt = LAPSE_INTERRUPT_UNKNOWN;
	waits->run_delay = run_delay_of(task);
	if (!blocked || waits->woken_early)
		rivals_want(waits);
	if (blocked) {
		block->cause = cause_of_block(block, task);
		if (block->cause == LAPSE_POLL)
			polls_begin(waits);
		block->declared = cfg_waits ? wait_declared(stack_get(false), user_sp(task)) : 0;
	} else {
		block->cause = is_throttled(task) ? LAPSE_THROTTLED : LAPSE_RUNQ;
		waits->woken_ns = now;
	}
	publish(waits, now);
}

/* ---- switched in ----------------------------------------------------------------------------------- */

/* Remembers the block that has ended. */
VERIFIED_FOUND int block_keep(struct lapse_thread_waits *own)
{
	if (own)
		blocks_add(&own->waits.blocks, &own->waits.now, own->waits.begun_ns);
	return 0;
}

#ifdef LAPSE_OLD
VERIFIED_ALONE int block_keep_found(__u64 thread)
{
	return block_keep(waits_found(thread));
}
#endif

static __always_inline bool is_waiting_cause(__u32 cause)
{
	return cause != LAPSE_RUNQ && cause != LAPSE_THROTTLED;
}

/* The thread, runnable since @woken, got a processor at @now, whose last runs @runs are. */
VERIFIED_ONCE int away_account(struct lapse_thread_waits *own, struct lapse_runs *runs, __u64 woken,
			       __u64 now)
{
	struct lapse_waits *waits = own ? &own->waits : NULL;
	__u64 runnable = now > woken ? now - woken : 0;
	struct lapse_block *block;
	__u32 cause;

	if (!waits)
		return 0;
	block = &waits->now;
	cause = block->cause;
	if (is_waiting_cause(cause)) {
		if (block->declared)
			cause = block->cause = block->declared;
		block->end_ns = woken;
		block->duration_ns = woken > waits->off_ns ? woken - waits->off_ns : 0;
		if (cause < LAPSE_CAUSES)
			waits->total.ns[cause] += block->duration_ns;
		if (block->duration_ns)
			ON_WAITS(block_keep, own);
		cause = LAPSE_RUNQ;
	}
	if (cause < LAPSE_CAUSES)
		waits->total.ns[cause] += runnable;
	if (runnable && cause == LAPSE_RUNQ && runs)
		rivals_credit(waits, runs, woken);
	rivals_unwant(waits);
	polls_end(waits);
	waits->woken_ns = 0;
	waits->in_ns = 0;
	waits->off_ns = 0;
	return 0;
}

/*
 * Since when the thread has been runnable; 0: that was not seen. Nobody is seen to wake a thread after it has
 * left if the waker came while it was on its way: the kernel makes a thread leave the run queue first, looks
 * for another one then, and only at last tells of the switch; the waker tells, and waits for that.
 */
static __always_inline __u64 runnable_since(const struct lapse_waits *waits)
{
	return waits->woken_ns ?: waits->woken_early ? waits->off_ns : 0;
}

/* The thread gets the processor, whose last runs @runs are. */
static __always_inline void switch_in(struct lapse_thread_waits *own, struct lapse_runs *runs, __u64 now)
{
	struct lapse_waits *waits = &own->waits;
	__u64 woken = runnable_since(waits);

	waits->woken_early = 0;
	if (woken)
		away_account(own, runs, woken, now);
	else
		waits->in_ns = now;
}

/* @task runs, and something of its last time away was not seen: that is accounted for now. */
static __always_inline void away_settle(struct lapse_thread_waits *own, struct task_struct *task, __u64 now)
{
	struct lapse_waits *waits = &own->waits;
	__u64 waited = run_delay_of(task) - waits->run_delay, woken = runnable_since(waits);
	__u64 in = waits->in_ns ?: woken ? woken + waited : now;

	if (!waits->in_ns)
		piece_missed(waits);
	if (in > now)
		in = now;
	if (!woken)
		woken = in - waited;
	if (woken < waits->off_ns)
		woken = waits->off_ns;
	away_account(own, NULL, woken, in);
}

VERIFIED_FOUND int why_settle(struct lapse_thread_waits *own)
{
	if (own)
		away_settle(own, current_task(), bpf_ktime_get_ns());
	return 0;
}

#ifdef LAPSE_OLD
VERIFIED_ALONE int why_settle_found(__u64 thread)
{
	return why_settle(waits_found(thread));
}
#endif

/* Nearly always there is nothing to be settled. */
static __always_inline void settle(struct lapse_thread_waits *own)
{
	if (own->waits.off_ns)
		ON_WAITS(why_settle, own);
}

/* ---- woken -------------------------------------------------------------------------------------------- */

/* Timers end sleeps and polls, block devices end waits for the disk. */
static __always_inline __u32 interrupt_for(__u32 cause)
{
	if (cause == LAPSE_NET)
		return LAPSE_INTERRUPT_NET;
	if (cause == LAPSE_SLEEP || cause == LAPSE_POLL)
		return LAPSE_INTERRUPT_TIMER;
	return cause == LAPSE_DISK || cause == LAPSE_FAULT ? LAPSE_INTERRUPT_BLOCK : LAPSE_INTERRUPT_OTHER;
}

/* The current thread does it: who it is, and which span it is in. */
static __always_inline void waker_fill(struct lapse_waker *waker)
{
	struct lapse_stack *own = stack_get(false);
	struct lapse_frame *span = own ? innermost_span(own) : NULL;
	__u64 id = bpf_get_current_pid_tgid();

	waker->interrupt = LAPSE_NO_INTERRUPT;
	waker->pid = id >> 32;
	waker->tid = id;
	waker->component = span ? span->component + 1 : 0;
	bpf_get_current_comm(waker->comm, sizeof(waker->comm));
}

static __always_inline void wake(struct lapse_waits *waits, struct lapse_ready *ready, __u64 now)
{
	struct lapse_block *block = &waits->now;
	__u32 serving = serves(ready);
	bool interrupt = in_interrupt(ready, serving, block->cause, now);
	const struct sock *sk = block->cause == LAPSE_POLL ? just_ready(ready, serving, now) : NULL;

	rivals_want(waits);
	waits->woken_ns = now;
	if (sk)
		block->cause = cause_of_socket(block, sk);
	else if (block->cause == LAPSE_POLL && !interrupt)
		block->cause = LAPSE_HANDOFF;
	if (interrupt)
		block->waker.interrupt = interrupt_for(block->cause);
	else
		waker_fill(&block->waker);
}

/* ---- the span's part ------------------------------------------------------------ */

/* A span has ended, before which the thread had waited what is kept at @number: puts beside the facts of
 * @stack what it has waited since. Who ended its blocks and who ran meanwhile is looked for if it is sent. */
VERIFIED_FOUND int why_take(struct lapse_stack *stack, struct lapse_thread_waits *own, __u32 number)
{
	const struct lapse_before *before;

	if (!stack || !own)
		return 0;
	settle(own);
	before = before_of(stack, own, number);
	for (int i = 0; i < LAPSE_CAUSES; i++)
		stack->waited.ns[i] = own->waits.total.ns[i] - before->waited.ns[i];
	stack->before = number;
	return 0;
}

/* Keeps what the thread has waited so far, for a span that begins. */
static __always_inline void why_keep(const struct lapse_waits *waits, struct lapse_before *before)
{
	before->waited = waits->total;
	rivals_keep(waits, before);
}

/* Adds what the thread has waited to the causes of the component's spans that took about as long as the one
 * of
 * @stack's facts. */
VERIFIED_FOUND int why_count(const struct lapse_stack *stack)
{
	struct lapse_why_row *row;
	__u32 index;

	if (!stack)
		return 0;
	index = stack->facts.component * LAPSE_WHY_ROWS + lapse_bucket(stack->facts.duration, LAPSE_WHY_BITS);
	row = bpf_map_lookup_elem(&why_rows, &index);
	if (!row)
		return 0;
	ADD(row->count, 1);
	ADD(row->sum_ns, stack->facts.duration);
	for (int i = 0; i < LAPSE_CAUSES; i++)
		if (stack->waited.ns[i])
			ADD(row->ns[i], stack->waited.ns[i]);
	return 0;
}

/* The same two; before 5.12, as ON_STACK of span.h, by functions that find the stack again. */
#ifndef LAPSE_OLD
#define WHY_TAKE(stack, own, number) why_take(stack, own, number)
#define WHY_COUNT(stack)	     why_count(stack)
#else
#define WHY_TAKE(stack, own, number) why_take_found(number)
#define WHY_COUNT(stack)	     why_count_found()

VERIFIED_ALONE int why_take_found(__u32 number)
{
	struct lapse_thread_waits *own = waits_get(false);
	struct lapse_stack *stack = own ? stack_get(false) : NULL;

	return stack ? why_take(stack, own, number) : 0;
}

VERIFIED_ALONE int why_count_found(void)
{
	struct lapse_stack *stack = cfg_why ? stack_get(false) : NULL;

	return stack ? why_count(stack) : 0;
}
#endif

/* An outermost span begins: what was before it is of no use. Nor is that the thread was woken outside of all,
 * which no switch has taken back: should its next wake and return not be seen, it would have been runnable
 * all along. */
static __always_inline void why_begin(struct lapse_stack *stack, struct lapse_thread_waits *own)
{
	struct lapse_waits *waits = &own->waits;

	settle(own);
	if (has_open_span(stack))
		return;
	waits->woken_early = 0;
	waits->begun_ns = bpf_ktime_get_ns();
	rivals_forget(waits);
}

/* What kept the thread's waits is over. Switches look at these alone: whether anything is open has to stand
 * there, too. What is left without a return stays open here until the next span begins. */
static __always_inline void why_end(struct lapse_stack *stack, struct lapse_thread_waits *own)
{
	if (!has_open_span(stack))
		own->waits.begun_ns = 0;
}

/* ---- the scheduler's programs --------------------------------------------------------------- */

/* TASK_RUNNING is 0; 0x100 says that it was preempted on its way into a wait (TASK_REPORT_MAX). */
#define STATE_MASK (0xff | TASK_FROZEN)

/* Between 5.18 and 6.14 the state is told that a thread would have had, had no signal kept it from leaving
 * the run queue; since 6.12 a thread that has left it may have to serve its lag there. */
static __always_inline bool has_left(const struct task_struct *task)
{
	return !((const struct task_struct___on_rq *)task)->on_rq ||
	       (bpf_core_field_exists(task->se.sched_delayed) && task->se.sched_delayed);
}

static __always_inline bool is_blocked(__u64 *ctx, struct task_struct *prev)
{
	__u64 state;

	if (ctx[0])
		return false;
	if (cfg_switch_state)
		state = ctx[3];
	else if (bpf_core_field_exists(prev->__state))
		state = FIELD(prev, __state);
	else
		state = FIELD((struct task_struct___state *)prev, state);
	return (state & STATE_MASK) && has_left(prev);
}

/* (preempted, previous, next [, the previous one's state]) */
SEC("tp_btf/sched_switch")
int why_switch(__u64 *ctx)
{
	struct task_struct *prev = (struct task_struct *)ctx[1], *next = (struct task_struct *)ctx[2];
	struct lapse_thread_waits *out = waits_of_task(prev), *in = waits_of_task(next);
	bool leaves = out && out->waits.begun_ns;
	bool comes = in && in->waits.off_ns && !in->waits.in_ns;
	struct lapse_runs *runs = NULL;
	__u64 now;

	if (!leaves && !comes && !rivals_wanted())
		return 0;
	now = bpf_ktime_get_ns();
	if (rivals_wanted())
		runs = run_note(now);
	if (comes) {
		stacks_ask(&in->waits, next, now);
		switch_in(in, runs, now);
	}
	if (leaves) {
		if (out->waits.off_ns)
			away_settle(out, prev, now);
		switch_out(out, is_blocked(ctx, prev), now);
	}
	return 0;
}

/* (task) */
SEC("tp_btf/sched_waking")
int why_waking(__u64 *ctx)
{
	struct task_struct *task = (struct task_struct *)ctx[0];
	struct lapse_thread_waits *own = waits_of_task(task);
	struct lapse_ready *ready;

	if (!own || own->waits.woken_ns)
		return 0;
	/* One that is still on its run queue stays there and does not leave the processor for this wait. */
	if (!own->waits.off_ns || own->waits.in_ns) {
		if (has_left(task))
			own->waits.woken_early = 1;
		return 0;
	}
	ready = processor();
	if (ready)
		wake(&own->waits, ready, bpf_ktime_get_ns());
	return 0;
}

#endif
