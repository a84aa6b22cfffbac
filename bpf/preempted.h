/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Tracepoints whose programs may be preempted.
 *
 * The kernel does not run a tracing program on a processor that is in the midst of the same one. That is well
 * where nobody else gets the processor meanwhile. Since 7.0 raw tracepoints let that happen ("tracing: Guard
 * __DECLARE_TRACE() use of __DO_TRACE_CALL() with SRCU-fast"), and then all that runs there until the first
 * thread comes back is left out: of 180,000 reads by six processes on two processors (emulated
 * ones, with much of their time in the program) 142,000. To turn preemption off inside the program does not
 * help: it happens as that is turned on again, which is still inside.
 *
 * As an event of perf, which is the older way, a tracepoint has its program run with preemption off, and so
 * have kprobes. So programs of tracepoints in a thread's own course have a twin of that kind, named _event,
 * which takes the same from the event's fields; user space loads one of both (user/kernel/programs.c).
 */
#ifndef LAPSE_BPF_PREEMPTED_H
#define LAPSE_BPF_PREEMPTED_H

#include "bpf/maps.h"

/* The fields of events, as far as they are read: include/trace/events/. */

struct trace_event_raw_sys_enter___lapse {
	long id;
} __attribute__((preserve_access_index));

struct trace_event_raw_sys_exit___lapse {
	long id;
	long ret;
} __attribute__((preserve_access_index));

/* Of one call alone. */
struct syscall_trace_exit___lapse {
	long ret;
} __attribute__((preserve_access_index));

struct trace_event_raw_inet_sock_set_state___lapse {
	const void *skaddr;
	int oldstate;
	int newstate;
} __attribute__((preserve_access_index));

struct trace_event_raw_tcp_retransmit_skb___lapse {
	const void *skaddr;
} __attribute__((preserve_access_index));

/* The same, where the event is one of a class. */
struct trace_event_raw_tcp_event_sk_skb___lapse {
	const void *skaddr;
} __attribute__((preserve_access_index));

struct trace_event_raw_tcp_event_sk___lapse {
	const void *skaddr;
} __attribute__((preserve_access_index));

struct trace_event_raw_tcp_probe___lapse {
	const void *skbaddr;
	const void *skaddr;
} __attribute__((preserve_access_index));

struct trace_event_raw_sched_process_exec___lapse {
	__s32 old_pid;
} __attribute__((preserve_access_index));

#endif
