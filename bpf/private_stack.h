/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Kernels from 6.13 on give a uprobe program, and each of its functions, whose stack is 64 bytes or
 * more a private stack: one a CPU, not one a task (BPF_PRIV_STACK_MIN_SIZE). From 7.x
 * on such a program can be preempted, and the next one on that CPU then writes over it: of 20,000
 * calls from four threads some ten were lost or paired wrongly (measured on 7.2 and 7.3). A program
 * with a tail call in it keeps the task's own stack. This one is never taken; the arrays are a
 * program's own, because all programs of an array have to be of one attach type.
 */
#ifndef LAPSE_BPF_PRIVATE_STACK_H
#define LAPSE_BPF_PRIVATE_STACK_H

const volatile bool cfg_never = false;

#define OWN_STACK(program)                             \
	struct {                                       \
		__uint(type, BPF_MAP_TYPE_PROG_ARRAY); \
		__uint(max_entries, 1);                \
		__type(key, __u32);                    \
		__type(value, __u32);                  \
	} nowhere_##program SEC(".maps")

#ifdef LAPSE_OLD
#define USE_OWN_STACK(ctx, program)
#else
#define USE_OWN_STACK(ctx, program)                                \
	do {                                                       \
		if (cfg_never)                                     \
			bpf_tail_call(ctx, &nowhere_##program, 0); \
	} while (0)
#endif

#endif
