/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a processor is in the midst of, which says who wakes a thread there: an interrupt, or the thread that
 * runs; and which socket has just become readable.
 *
 * The kernel counts the interrupts that a processor serves where it counts what keeps it from being preempted
 * (include/linux/preempt.h): on x86-64 in a variable that each processor has. Its address is a symbol that
 * many kernels do not tell (CONFIG_KALLSYMS_ALL), but all such variables of a processor lie at the same
 * distances from one another, its run queue is one of them, and any task there leads to that. Where this does
 * not work tracepoints around interrupts tell, which all of the machine's interrupts pass.
 */
#ifndef LAPSE_BPF_READY_H
#define LAPSE_BPF_READY_H

#include "bpf/compat.h"

/* A wake follows the data that causes it at once: the kernel does nothing in between but to walk the list of
 * who waits. */
#define READY_NS 50000

/* In the kernel's count. Soft interrupts that are merely held back are counted by twos. */
#define COUNTS_SOFTIRQ 0x0100

/* Kinds of soft interrupts: include/linux/interrupt.h. */
#define SOFTIRQS 10

/* What goes on on this processor. */
static __always_inline struct lapse_ready *processor(void)
{
	__u32 zero = 0;

	return bpf_map_lookup_elem(&why_ready, &zero);
}

static __always_inline bool is_this_processor_s(const struct rq *queue)
{
	return !bpf_core_field_exists(queue->cpu) ||
	       (__u32)BPF_CORE_READ(queue, cpu) == bpf_get_smp_processor_id();
}

/* Where this processor's run queue lies; 0: the current task does not lead to it. */
static __always_inline __u64 run_queue(struct lapse_ready *ready)
{
	struct task_struct *task = (void *)bpf_get_current_task();
	const struct rq *queue;

	if (!ready->run_queue) {
		queue = BPF_CORE_READ(task, se.cfs_rq, rq);
		if (queue && is_this_processor_s(queue))
			ready->run_queue = (__u64)queue;
	}
	return ready->run_queue;
}

static __always_inline __u32 preempt_count(struct lapse_ready *ready)
{
	__u64 queue = run_queue(ready), member = 0;
	__u32 count = 0;

	if (bpf_core_type_exists(struct pcpu_hot))
		member = bpf_core_field_offset(struct pcpu_hot, preempt_count);
	if (queue)
		bpf_probe_read_kernel(&count, sizeof(count), (const void *)(queue + cfg_interrupts + member));
	return count;
}

/* How many soft interrupts the processor has begun to serve: as long as it serves one, that is its number. */
static __always_inline __u32 softirqs_begun(struct lapse_ready *ready)
{
	__u64 queue = run_queue(ready);
	__u32 begun[SOFTIRQS] = {}, sum = 0;

	if (queue)
		bpf_probe_read_kernel(begun, sizeof(begun),
				      (const void *)(queue + cfg_softirqs +
						     bpf_core_field_offset(struct kernel_stat, softirqs)));
	for (int i = 0; i < SOFTIRQS; i++)
		sum += begun[i];
	return sum;
}

/* Which interrupts the processor serves. */
enum serves { SERVES_SOFTIRQ = 1, SERVES_HARDIRQ = 2 };

static __always_inline __u32 serves(struct lapse_ready *ready)
{
	__u32 count;

	if (!cfg_interrupts)
		return (ready->softirq ? SERVES_SOFTIRQ : 0) | (ready->timer ? SERVES_HARDIRQ : 0);
	count = preempt_count(ready);
	return (count & COUNTS_SOFTIRQ ? SERVES_SOFTIRQ : 0) | (count & cfg_hardirqs ? SERVES_HARDIRQ : 0);
}

static __always_inline bool in_interrupt(const struct lapse_ready *ready, __u32 serving, __u32 cause,
					 __u64 now)
{
	if (serving)
		return true;
	/* A block device's own interrupt has no tracepoint around it, and may be a thread's work. */
	return (cause == LAPSE_DISK || cause == LAPSE_FAULT) && now - ready->block_ns < READY_NS &&
	       ready->block_by_task == bpf_get_current_pid_tgid();
}

/* Once a soft interrupt is over its sockets are forgotten, however long it takes; a thread's are after a
 * while. */
static __always_inline bool still_ready(struct lapse_ready *ready, __u32 serving, __u64 now)
{
	if (!serving)
		return now - ready->time_ns < READY_NS;
	return !cfg_interrupts || ready->by_softirq == softirqs_begun(ready);
}

static __always_inline const struct sock *just_ready(struct lapse_ready *ready, __u32 serving, __u64 now)
{
	if (!ready->sk || serving & SERVES_HARDIRQ || serving != ready->by_interrupt ||
	    ready->by_task != bpf_get_current_pid_tgid())
		return NULL;
	return still_ready(ready, serving, now) ? (const struct sock *)ready->sk : NULL;
}

/* ---- who asks -------------------------------------------------------------------------------------- */

/* Whether any measured thread polls: only then it matters which socket has become readable, which is told for
 * all of the machine's. A thread that is on its way into a poll meanwhile is woken at once: nothing is
 * charged with more than that moment. */
static __always_inline bool any_polls(void)
{
	return *(volatile __u64 *)&why_polling;
}

/* A measured thread begins to poll. */
static __always_inline void polls_begin(struct lapse_waits *waits)
{
	if (waits->polling)
		return;
	waits->polling = 1;
	ADD(why_polling, 1);
}

/* ... and goes on. */
static __always_inline void polls_end(struct lapse_waits *waits)
{
	if (!waits->polling)
		return;
	waits->polling = 0;
	ADD(why_polling, -1);
}

/* ---- what tells ------------------------------------------------------------------------------------- */

static __always_inline void ready_note(__u64 sk)
{
	struct lapse_ready *ready = any_polls() ? processor() : NULL;

	if (!ready)
		return;
	ready->sk = sk;
	ready->by_interrupt = serves(ready);
	if (cfg_interrupts && ready->by_interrupt)
		ready->by_softirq = softirqs_begun(ready);
	ready->by_task = bpf_get_current_pid_tgid();
	ready->time_ns = bpf_ktime_get_ns();
}

/* Of any kind of socket, from 6.3 on: (sk) */
SEC("raw_tp/sk_data_ready")
int why_ready_tp(struct bpf_raw_tracepoint_args *ctx)
{
	ready_note(ctx->args[0]);
	return 0;
}

/* Before that, of TCP: a segment has come. (sk, skb) */
SEC("raw_tp/tcp_probe")
int why_segment_tp(struct bpf_raw_tracepoint_args *ctx)
{
	ready_note(ctx->args[0]);
	return 0;
}

/* A connection is established, or has failed: (sk, old state, new state) */
SEC("raw_tp/inet_sock_set_state")
int why_state_tp(struct bpf_raw_tracepoint_args *ctx)
{
	ready_note(ctx->args[0]);
	return 0;
}

/* (vector) */
SEC("raw_tp/softirq_entry")
int why_softirq_enter(struct bpf_raw_tracepoint_args *ctx)
{
	struct lapse_ready *ready = processor();

	if (ready)
		ready->softirq = 1;
	return 0;
}

SEC("raw_tp/softirq_exit")
int why_softirq_leave(struct bpf_raw_tracepoint_args *ctx)
{
	struct lapse_ready *ready = processor();

	if (!ready)
		return 0;
	ready->softirq = 0;
	ready->sk = 0;
	return 0;
}

SEC("raw_tp/hrtimer_expire_entry")
int why_timer_enter(struct bpf_raw_tracepoint_args *ctx)
{
	struct lapse_ready *ready = processor();

	if (ready)
		ready->timer = 1;
	return 0;
}

SEC("raw_tp/hrtimer_expire_exit")
int why_timer_leave(struct bpf_raw_tracepoint_args *ctx)
{
	struct lapse_ready *ready = processor();

	if (ready)
		ready->timer = 0;
	return 0;
}

/* A request to a block device is done: whoever waits for it is woken now. */
SEC("raw_tp/block_rq_complete")
int why_block_done(struct bpf_raw_tracepoint_args *ctx)
{
	struct lapse_ready *ready = processor();

	if (!ready)
		return 0;
	ready->block_ns = bpf_ktime_get_ns();
	ready->block_by_task = bpf_get_current_pid_tgid();
	return 0;
}

#endif
