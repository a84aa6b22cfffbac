/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Processes and threads: what becomes of open frames when they end, and news of them. */
#ifndef LAPSE_BPF_PROCESS_H
#define LAPSE_BPF_PROCESS_H

#include "bpf/filter.h"
#include "bpf/libraries.h"
#include "bpf/news.h"
#include "bpf/preempted.h"
#include "bpf/stack.h"
#include "bpf/turns.h"
#include "bpf/why.h"

static long end_one(__u32 n, void *context)
{
	const struct search *search = context;
	struct lapse_frame *top = frame_at(search->stack, search->stack->depth - 1);

	if (!top)
		return 1;
	frame_abandon(top);
	search->stack->depth--;
	return 0;
}

/* The open spans of the current thread, which had number @tid, will not return: it ends, or runs another
 * program from now on. */
static __always_inline void frames_end(__u32 tid)
{
	struct lapse_thread_waits *own = waits_get(false);
	struct lapse_stack *stack = stack_before(tid);
	struct search search = {.stack = stack};

	if (own)
		rivals_unwant(&own->waits);
	if (!stack)
		return;
	turn_abandon(&stack->syscall);
	turn_abandon(&stack->loop);
	loop_until(LAPSE_MAX_DEPTH, end_one, &search);
	thread_forget(tid);
}

static __always_inline void on_process_exit(void)
{
	struct task_struct *task = (void *)bpf_get_current_task();
	__u32 tgid = bpf_get_current_pid_tgid() >> 32;
	struct signal_struct *signal;
	__s32 code;

	frames_end(bpf_get_current_pid_tgid());
	signal = BPF_CORE_READ(task, signal);
	if (BPF_CORE_READ(signal, live.counter) > 0)
		return;
	libraries_end(tgid);
	if (!filter_tgid(tgid) && !(cfg_processes && wanted(task)))
		return;
	code = BPF_CORE_READ(signal, group_exit_code);
	if (!code)
		code = BPF_CORE_READ(task, exit_code);
	/* Who is told of the last one's end finds nobody left. */
	bpf_map_delete_elem(&tgids, &tgid);
	process_tell(LAPSE_PROC_EXIT, tgid, 0, code);
}

SEC("raw_tp/sched_process_exit")
int process_exit(void *ctx)
{
	on_process_exit();
	return 0;
}

SEC("tracepoint/sched/sched_process_exit")
int process_exit_event(void *ctx)
{
	on_process_exit();
	return 0;
}

/*
 * A program that is meant by its file or name may begin anywhere; others are known by their pid. A thread
 * that was not the first takes the first one's.
 */
static __always_inline void on_process_exec(__u32 pid_before)
{
	__u32 tgid = bpf_get_current_pid_tgid() >> 32;

	frames_end(pid_before);
	stranger_forget(tgid);
	if (!cfg_anyone && !filter_tgid(tgid))
		return;
	if (wanted((void *)bpf_get_current_task()))
		libraries_begin(tgid);
	process_tell(LAPSE_PROC_EXEC, tgid, 0, pid_before != tgid);
}

/* (task, its pid before, program) */
SEC("raw_tp/sched_process_exec")
int process_exec(struct bpf_raw_tracepoint_args *ctx)
{
	on_process_exec(ctx->args[1]);
	return 0;
}

SEC("tracepoint/sched/sched_process_exec")
int process_exec_event(struct trace_event_raw_sched_process_exec___lapse *ctx)
{
	on_process_exec(ctx->old_pid);
	return 0;
}

/*
 * The child of the current thread is about to run for the first time; threads come this way too. Not
 * sched_process_fork, where the kernel may preempt the program (bpf/preempted.h) and miss others' children:
 * here interrupts are off. (child)
 */
SEC("raw_tp/sched_wakeup_new")
int process_fork(struct bpf_raw_tracepoint_args *ctx)
{
	struct task_struct *parent = (void *)bpf_get_current_task();
	struct task_struct *child = (void *)ctx->args[0];
	__u32 child_pid = BPF_CORE_READ(child, tgid);
	__u32 parent_pid = BPF_CORE_READ(parent, tgid);
	__u64 targets;

	stranger_forget(child_pid);
	if (!cfg_processes || child_pid == parent_pid)
		return 0;
	if (cfg_groups && BPF_CORE_READ(child, cgroups) != BPF_CORE_READ(parent, cgroups)) {
		process_tell(LAPSE_PROC_MOVE, child_pid, parent_pid, 0);
		return 0;
	}
	if (!wanted(parent))
		return 0;
	targets = cfg_follow ? targets_by_tgid(parent_pid) & cfg_follow : 0;
	if (targets)
		bpf_map_update_elem(&tgids, &child_pid, &targets, BPF_ANY);
	libraries_inherit(parent_pid, child_pid);
	process_tell(LAPSE_PROC_FORK, child_pid, parent_pid, 0);
	return 0;
}

/* raw_tp/cgroup_attach_task: (group, its path, task, whether all threads). User space looks where it is. */
SEC("raw_tp/cgroup_attach_task")
int process_move(struct bpf_raw_tracepoint_args *ctx)
{
	struct task_struct *task = (void *)ctx->args[2];

	process_tell(LAPSE_PROC_MOVE, BPF_CORE_READ(task, tgid), 0, 0);
	return 0;
}

/* ---- what is open ------------------------------------------------------------------------------ */

static __always_inline bool past_limit(__u32 number, __u64 start_ns)
{
	struct lapse_component *component = bpf_map_lookup_elem(&components, &number);

	return component && is_breach(component, bpf_ktime_get_ns() - start_ns);
}

/* The fields of struct lapse_open_waits, of a thread that may go on meanwhile. */
static __always_inline void tell_waits(struct seq_file *seq, struct task_struct *task,
				       struct lapse_thread_waits *own, const struct lapse_before *at_entry)
{
	struct pt_regs *regs = task_regs(task);
	__u64 after[4];

	after[1] = BPF_CORE_READ(regs, ip);
	after[2] = BPF_CORE_READ(regs, sp);
	after[3] = BPF_CORE_READ(regs, bp);
	after[0] = *(volatile __u64 *)&own->waits.off_ns;
	bpf_seq_write(seq, after, sizeof(after[0]));
	bpf_seq_write(seq, (void *)at_entry, sizeof(*at_entry));
	bpf_seq_write(seq, &own->waits, sizeof(own->waits));
	after[0] = *(volatile __u64 *)&own->waits.off_ns;
	bpf_seq_write(seq, after, sizeof(after));
}

/* @at_entry: the thread's totals then; NULL: they are not kept. */
static __always_inline void tell_open(struct seq_file *seq, struct task_struct *task, struct lapse_open *open,
				      struct lapse_thread_waits *own, const struct lapse_before *at_entry)
{
	bool waits = own && at_entry && past_limit(open->component, open->start_ns);

	if (waits)
		open->flags |= LAPSE_FRAME_WAITS;
	bpf_seq_write(seq, open, sizeof(*open));
	if (waits)
		tell_waits(seq, task, own, at_entry);
}

static __always_inline void tell_turn(struct seq_file *seq, struct task_struct *task, struct lapse_open *open,
				      struct lapse_thread_waits *own, const struct lapse_turn *turn)
{
	if (!turn->start_ns)
		return;
	open->component = turn->component;
	open->depth = 0;
	open->sp = 0;
	open->caller = 0;
	open->start_ns = turn->start_ns;
	open->flags = LAPSE_FRAME_TURN;
	tell_open(seq, task, open, own, &turn->before);
}

/* Of how many frames, the outermost first, the waits are told: the kernel gives up where a task's records are
 * more than 32 KiB. */
#define FRAMES_WITH_WAITS 16
_Static_assert((FRAMES_WITH_WAITS + 2) * sizeof(struct lapse_open_waits) +
			       (LAPSE_MAX_DEPTH + 2) * sizeof(struct lapse_open) <=
		       32768,
	       "a task's records");

/* What the frames of a task are told to. */
struct telling {
	struct seq_file *seq;
	struct task_struct *task;
	struct lapse_stack *stack;
	struct lapse_thread_waits *own;
	struct lapse_open open;
};

static long tell_frame(__u32 i, void *context)
{
	struct telling *telling = context;
	struct lapse_frame *frame = frame_at(telling->stack, i);
	struct lapse_open *open = &telling->open;
	struct lapse_thread_waits *own = telling->own;

	if (!frame || i >= telling->stack->depth)
		return 1;
	if (frame->edge)
		return 0;
	open->component = frame->component;
	open->depth = i;
	open->sp = frame->sp;
	open->caller = frame->caller;
	open->start_ns = frame->start_ns;
	open->flags = frame->flags;
	tell_open(telling->seq, telling->task, open, own,
		  own && frame->why && i < FRAMES_WITH_WAITS ? entry_at(own, i) : NULL);
	return 0;
}

/* Every open frame of every task, one struct lapse_open each, with its waits where it is past its limit. */
SEC("iter/task")
int open_frames(struct bpf_iter__task *ctx)
{
	struct seq_file *seq = ctx->meta->seq;
	struct task_struct *task = ctx->task;
	struct telling telling = {.seq = seq, .task = task};
	struct lapse_open *open = &telling.open;

	if (!task)
		return 0;
	telling.stack = stack_of_task(task);
	if (!telling.stack)
		return 0;
	telling.own = cfg_why ? waits_of_task(task) : NULL;
	open->pid = task->tgid;
	open->tid = task->pid;
	bpf_probe_read_kernel_str(open->comm, sizeof(open->comm), task->comm);
	tell_turn(seq, task, open, telling.own, &telling.stack->syscall);
	tell_turn(seq, task, open, telling.own, &telling.stack->loop);
	loop_until(LAPSE_MAX_DEPTH, tell_frame, &telling);
	return 0;
}

#endif
