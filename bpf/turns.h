/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * System calls, and turns of event loops: from the return of a waiting call to the thread's next one.
 * A thread does one of each at a time, so they need no stack.
 */
#ifndef LAPSE_BPF_TURNS_H
#define LAPSE_BPF_TURNS_H

#include "bpf/filter.h"
#include "bpf/preempted.h"
#include "bpf/record.h"
#include "bpf/stack.h"
#include "bpf/why.h"

/* In a thread that was made for 32 bits the numbers mean other calls (thread_info: TS_COMPAT). */
#define STATUS_COMPAT 2

/* Component @number, counted from 1, if it is measured in the current process; else 0. */
static __always_inline __u32 turn_of(__u32 number)
{
	struct task_struct *task = (void *)bpf_get_current_task();

	return number && component_wanted(number - 1, task, bpf_get_current_pid_tgid() >> 32) ? number : 0;
}

static __always_inline const struct lapse_syscall *syscall_of(__u64 nr)
{
	__u32 number = nr;
	const struct lapse_syscall *known = bpf_map_lookup_elem(&syscalls, &number);
	struct task_struct *task;

	if (!known || (!known->span && !known->loop))
		return NULL;
	task = current_task();
	if ((FIELD(task, thread_info.status) & STATUS_COMPAT) || !wanted(task))
		return NULL;
	return known;
}

/* Six registers, in the order of the kernel's own calling convention. */
static __always_inline void args_of_syscall(const struct pt_regs *regs, struct lapse_args *args)
{
	args->arg[0] = FIELD(regs, di);
	args->arg[1] = FIELD(regs, si);
	args->arg[2] = FIELD(regs, dx);
	args->arg[3] = FIELD(regs, r10);
	args->arg[4] = FIELD(regs, r8);
	args->arg[5] = FIELD(regs, r9);
}

/* Captures the arguments into @turn; false where if() does not mean the call. */
static __always_inline bool turn_meant(const struct pt_regs *regs, __u32 number, struct lapse_stack *stack,
				       struct lapse_turn *turn)
{
	struct lapse_facts *facts = facts_new(stack, number, 0);
	struct lapse_rules *r = rules_of(number);

	if (!r)
		return true;
	if (r->flags & LAPSE_RULE_CAPTURES) {
		args_of_syscall(regs, &stack->args);
		rules_capture(r, LAPSE_END_START, &stack->args, facts);
	}
	for (int i = 0; i < LAPSE_CAPTURES; i++)
		turn->capture[i] = facts->capture[i];
	return entry_meant(r, facts);
}

/* The thread ends, or begins another program: what it was doing will not return. */
static __always_inline void turn_abandon(struct lapse_turn *turn)
{
	struct lapse_cell *cell = cell_of(turn->component);

	if (turn->start_ns && cell)
		ADD(cell->abandoned, 1);
	turn->start_ns = 0;
}

static __always_inline void turn_begin(struct lapse_stack *stack, struct lapse_turn *turn, __u32 number)
{
	struct lapse_cell *cell = cell_of(number);
	struct lapse_thread_waits *own;

	if (cell)
		ADD(cell->entries, 1);
	turn->component = number;
	turn->cost_ns = stack->cost_ns;
	own = waits_get(true);
	if (own) {
		why_begin(stack, own);
		why_keep(&own->waits, &turn->before);
	}
	turn->start_ns = bpf_ktime_get_ns();
}

/* The turn ends at @now: what probes took of it is known by the task's cost. */
static __always_inline void turn_end(struct lapse_stack *stack, struct lapse_turn *turn, __u64 now, __u64 ret,
				     __u32 flags)
{
	__u64 probes = cost_of(LAPSE_CLASS_SYSCALL)->inside_ns + (stack->cost_ns - turn->cost_ns);
	struct lapse_facts *facts = facts_new(stack, turn->component, now);
	struct lapse_thread_waits *own = waits_get(false);

	facts->start_ns = turn->start_ns;
	facts->raw = now - turn->start_ns;
	facts->duration = facts->raw > probes ? facts->raw - probes : 0;
	facts->ret = ret;
	facts->flags = flags;
	facts->cost_ns = cost_of(LAPSE_CLASS_SYSCALL)->total_ns;
	for (int i = 0; i < LAPSE_CAPTURES; i++)
		facts->capture[i] = turn->capture[i];
	if (own) {
		WHY_TAKE(stack, own, turn == &stack->loop ? LAPSE_BEFORE_LOOP : LAPSE_BEFORE_SYSCALL);
		facts->flags |= LAPSE_SPAN_WHY;
	}
	turn->start_ns = 0;
	stack->cost_ns += facts->cost_ns + (own ? SPAN_RECORD_WHY(stack) : span_record(facts));
	if (own) {
		WHY_COUNT(stack);
		why_end(stack, own);
	}
}

static __always_inline void on_syscall_enter(__u64 nr)
{
	__u64 now = bpf_ktime_get_ns();
	const struct lapse_syscall *known = syscall_of(nr);
	struct lapse_stack *stack;
	__u32 span;

	if (stopped || !known)
		return;
	stack = stack_get(true);
	if (!stack)
		return;
	if (known->loop && stack->loop.start_ns)
		turn_end(stack, &stack->loop, now, 0, 0);
	/* One whose end was not seen: it is not measured any more. */
	turn_abandon(&stack->syscall);
	span = turn_of(known->span);
	if (span && turn_meant(task_regs(current_task()), span - 1, stack, &stack->syscall))
		turn_begin(stack, &stack->syscall, span - 1);
}

/* What returns from a signal's handler has put back the registers of what was interrupted, whose value is
 * none of its own, and -1 for the number, so that nothing is restarted (restore_sigcontext() in
 * arch/x86/kernel/signal_64.c of Linux). */
#define NR_RT_SIGRETURN 15

static __always_inline void on_syscall_exit(__u64 nr, __u64 ret)
{
	__u64 now = bpf_ktime_get_ns();
	bool back = (__s64)nr == -1;
	const struct lapse_syscall *known = syscall_of(back ? NR_RT_SIGRETURN : nr);
	struct lapse_stack *stack;
	__u32 loop;

	if (stopped || !known)
		return;
	stack = stack_get(true);
	if (!stack)
		return;
	if (known->span && stack->syscall.start_ns)
		turn_end(stack, &stack->syscall, now, back ? 0 : ret, back ? 0 : LAPSE_SPAN_RET);
	loop = turn_of(known->loop);
	if (!loop)
		return;
	/* One whose end was not seen. */
	turn_abandon(&stack->loop);
	turn_begin(stack, &stack->loop, loop - 1);
}

/* raw_tp/sys_enter: (registers, number) */
SEC("raw_tp/sys_enter")
int syscall_enter(struct bpf_raw_tracepoint_args *ctx)
{
	on_syscall_enter(ctx->args[1]);
	return 0;
}

/* raw_tp/sys_exit: (registers, return value) */
SEC("raw_tp/sys_exit")
int syscall_exit(struct bpf_raw_tracepoint_args *ctx)
{
	on_syscall_exit(FIELD(task_regs(current_task()), orig_ax), ctx->args[1]);
	return 0;
}

SEC("tracepoint/raw_syscalls/sys_enter")
int syscall_enter_event(struct trace_event_raw_sys_enter___lapse *ctx)
{
	on_syscall_enter(ctx->id);
	return 0;
}

SEC("tracepoint/raw_syscalls/sys_exit")
int syscall_exit_event(struct trace_event_raw_sys_exit___lapse *ctx)
{
	on_syscall_exit(ctx->id, ctx->ret);
	return 0;
}

#endif
