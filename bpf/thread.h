/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What is kept of a thread, and where: beside the task, or, for kernels whose tracing programs cannot do that
 * (LAPSE_OLD), in hashes by thread; and what newer kernels have helpers for.
 */
#ifndef LAPSE_BPF_THREAD_H
#define LAPSE_BPF_THREAD_H

#include "bpf/compat.h"
#include "bpf/kfunc.h"

static const struct lapse_stack empty_stack = {};

#ifndef LAPSE_OLD

#define current_task() bpf_get_current_task_btf()

/* Of what the verifier knows for an object of the kernel's, which programs read in place: of current_task(),
 * the tasks that a tp_btf program is given, their task_regs(), and what these point to. */
#define FIELD(object, field) ((object)->field)

/* @task, to read pointers from: at each one that is read from what the verifier trusts it looks through all
 * of the kernel's types for names that say whether that is to be trusted as well. In programs alone: where
 * functions of theirs call the kernel's, nobody puts its number (user/kernel/kfuncs.c). */
static __always_inline struct task_struct *task_read(struct task_struct *task)
{
	return cfg_task ? kfunc_rdonly_cast(task, cfg_task) : task;
}

/* What is verified once, on what a thread has waited; before 5.12, as ON_STACK of span.h, by another function
 * that finds it again. */
#define ON_WAITS(function, own, ...) function(own, ##__VA_ARGS__)

/* With which @task's program has entered the kernel. */
static __always_inline struct pt_regs *task_regs(struct task_struct *task)
{
	return (struct pt_regs *)bpf_task_pt_regs(task);
}

/* The frames of @task, or NULL. */
static __always_inline struct lapse_stack *stack_of_task(struct task_struct *task)
{
	return bpf_task_storage_get(&stacks, task, 0, 0);
}

/* Those of the current thread. */
static __always_inline struct lapse_stack *stack_get(bool create)
{
	return bpf_task_storage_get(&stacks, bpf_get_current_task_btf(), 0,
				    create ? BPF_LOCAL_STORAGE_GET_F_CREATE : 0);
}

/* What @task waited for, or NULL. A look into the task spares most of them the call. */
static __always_inline struct lapse_thread_waits *waits_of_task(struct task_struct *task)
{
	if (!task_read(task)->bpf_storage)
		return NULL;
	return bpf_task_storage_get(&thread_waits, task, 0, 0);
}

/* What the current thread waited for; NULL: nothing is kept of it. */
static __always_inline struct lapse_thread_waits *waits_get(bool create)
{
	if (!cfg_why)
		return NULL;
	return bpf_task_storage_get(&thread_waits, bpf_get_current_task_btf(), 0,
				    create ? BPF_LOCAL_STORAGE_GET_F_CREATE : 0);
}

/* The frames of the current thread, whose number was @tid before it began another program. */
static __always_inline struct lapse_stack *stack_before(__u32 tid)
{
	return stack_get(false);
}

/* The current thread, of number @tid, ends or begins another program: the kernel sees to that. */
static __always_inline void thread_forget(__u32 tid)
{
}

#else

/* x86-64: arch/x86/include/asm/page_64_types.h. The registers lie at the upper end. */
#define KERNEL_STACK_SIZE 16384

#define current_task()	((struct task_struct *)bpf_get_current_task())
#define task_read(task) (task)

#define FIELD(object, field) BPF_CORE_READ(object, field)

#define ON_WAITS(function, own, ...) function##_found((own)->thread, ##__VA_ARGS__)

static __always_inline struct pt_regs *task_regs(struct task_struct *task)
{
	return (struct pt_regs *)(BPF_CORE_READ(task, stack) + KERNEL_STACK_SIZE -
				  bpf_core_type_size(struct pt_regs));
}

/* As bpf_get_current_pid_tgid() has it; of a task that the kernel gave to the program. */
static __always_inline __u64 thread_of(struct task_struct *task)
{
	return (__u64)task->tgid << 32 | (__u32)task->pid;
}

static __always_inline struct lapse_stack *stack_of_task(struct task_struct *task)
{
	__u64 thread = thread_of(task);

	return bpf_map_lookup_elem(&stacks_by_thread, &thread);
}

static __always_inline struct lapse_stack *stack_get(bool create)
{
	__u64 thread = bpf_get_current_pid_tgid();
	struct lapse_stack *stack = bpf_map_lookup_elem(&stacks_by_thread, &thread);

	if (stack || !create)
		return stack;
	bpf_map_update_elem(&stacks_by_thread, &thread, &empty_stack, BPF_NOEXIST);
	return bpf_map_lookup_elem(&stacks_by_thread, &thread);
}

static __always_inline struct lapse_thread_waits *waits_found(__u64 thread)
{
	return cfg_why ? bpf_map_lookup_elem(&waits_by_thread, &thread) : NULL;
}

static __always_inline struct lapse_thread_waits *waits_of_task(struct task_struct *task)
{
	return waits_found(thread_of(task));
}

static __always_inline struct lapse_thread_waits *waits_get(bool create)
{
	__u64 thread = bpf_get_current_pid_tgid();
	struct lapse_thread_waits *waits = waits_found(thread);

	if (!cfg_why)
		return NULL;
	if (waits || !create)
		return waits;
	bpf_map_update_elem(&waits_by_thread, &thread, (const void *)&no_waits, BPF_NOEXIST);
	waits = bpf_map_lookup_elem(&waits_by_thread, &thread);
	if (waits)
		waits->thread = thread;
	return waits;
}

static __always_inline __u64 current_thread(__u32 tid)
{
	return bpf_get_current_pid_tgid() >> 32 << 32 | tid;
}

static __always_inline struct lapse_stack *stack_before(__u32 tid)
{
	__u64 thread = current_thread(tid);

	return bpf_map_lookup_elem(&stacks_by_thread, &thread);
}

/* Another thread may get the number. */
static __always_inline void thread_forget(__u32 tid)
{
	__u64 thread = current_thread(tid);

	bpf_map_delete_elem(&stacks_by_thread, &thread);
	if (cfg_why)
		bpf_map_delete_elem(&waits_by_thread, &thread);
}

#endif

#endif
