/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Programs that keep the processor to themselves.
 *
 * The kernel does not run a tracing program on a processor that is in the midst of the same one. Where it may
 * be preempted there (those of functions always, on a preemptible kernel; those of tracepoints from 7.0 on,
 * which no longer turns preemption off around them), whatever else runs on that processor meanwhile is
 * missed: by the slice, not by the call. So such programs turn it off themselves, and the way in, of
 * nanoseconds, is all that is left.
 */
#ifndef LAPSE_BPF_UNPREEMPTED_H
#define LAPSE_BPF_UNPREEMPTED_H

#include "bpf/kfunc.h"
#include "bpf/maps.h"

static void (*const kfunc_preempt_disable)(void) = (void *)(LAPSE_KFUNC_CALL + LAPSE_KFUNC_PREEMPT_DISABLE);
static void (*const kfunc_preempt_enable)(void) = (void *)(LAPSE_KFUNC_CALL + LAPSE_KFUNC_PREEMPT_ENABLE);

/* Since 6.15 (e2d8f560d176, "bpf: Summarize sleepable global subprogs") the verifier lets global functions be
 * called there, and keeps this of each. */
struct bpf_subprog_info___summary {
	bool might_sleep;
} __attribute__((preserve_access_index));

static __always_inline bool can_keep_processor(void)
{
	return (cfg_kfuncs & 1U << LAPSE_KFUNC_PREEMPT_DISABLE) &&
	       (cfg_kfuncs & 1U << LAPSE_KFUNC_PREEMPT_ENABLE) &&
	       bpf_core_field_exists(((struct bpf_subprog_info___summary *)0)->might_sleep);
}

static __always_inline void preempt_off(void)
{
	if (can_keep_processor())
		kfunc_preempt_disable();
}

static __always_inline void preempt_on(void)
{
	if (can_keep_processor())
		kfunc_preempt_enable();
}

/* What @body does, without a break. */
#define UNPREEMPTED(body)      \
	({                     \
		preempt_off(); \
		(void)(body);  \
		preempt_on();  \
		0;             \
	})

#endif
