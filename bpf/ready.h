/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a processor is in the midst of, which says who wakes a thread there: an interrupt, or the thread that
 * runs; and which socket has just become readable. Tracepoints around interrupts tell: the kernel's own count
 * of them is not to be had from every kernel.
 */
#ifndef LAPSE_BPF_READY_H
#define LAPSE_BPF_READY_H

#include "bpf/compat.h"

/* A wake follows the data that causes it at once: the kernel does nothing in between but to walk the list of
 * who waits. */
#define READY_NS 50000

/* What goes on on this processor. Other programs' tracepoints tell: the kernel's own count of interrupts is
 * not to be had from every kernel. */
static __always_inline struct lapse_ready *processor(void)
{
	__u32 zero = 0;

	return bpf_map_lookup_elem(&why_ready, &zero);
}

static __always_inline bool in_interrupt(const struct lapse_ready *ready, __u32 cause, __u64 now)
{
	if (ready->softirq || ready->timer)
		return true;
	/* A block device's own interrupt has no tracepoint around it. */
	return (cause == LAPSE_DISK || cause == LAPSE_FAULT) && now - ready->block_ns < READY_NS &&
	       ready->block_by_task == bpf_get_current_pid_tgid();
}

/* A soft interrupt forgets its sockets at its end, however long it takes; a thread does not. */
static __always_inline const struct sock *just_ready(const struct lapse_ready *ready, __u64 now)
{
	if (!ready->sk || ready->timer || ready->softirq != ready->by_softirq ||
	    ready->by_task != bpf_get_current_pid_tgid())
		return NULL;
	if (!ready->softirq && now - ready->time_ns >= READY_NS)
		return NULL;
	return (const struct sock *)ready->sk;
}

/* ---- what tells ------------------------------------------------------------------------------------- */

static __always_inline void ready_note(__u64 sk)
{
	struct lapse_ready *ready = processor();

	if (!ready)
		return;
	ready->sk = sk;
	ready->by_softirq = ready->softirq;
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
