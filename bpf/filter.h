/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Whether the current process is meant, where the link itself lets every process through. */
#ifndef LAPSE_BPF_FILTER_H
#define LAPSE_BPF_FILTER_H

#include "bpf/maps.h"

/* Whether process @tgid is one of those that are known by their number. */
static __always_inline bool filter_tgid(__u32 tgid)
{
	return bpf_map_lookup_elem(&tgids, &tgid) != NULL;
}

static __always_inline __u64 targets_by_tgid(__u32 tgid)
{
	const __u64 *targets = bpf_map_lookup_elem(&tgids, &tgid);

	return targets ? *targets : 0;
}

static __always_inline __u64 targets_by_exe(struct task_struct *task)
{
	struct inode *inode = BPF_CORE_READ(task, mm, exe_file, f_inode);
	struct lapse_exe exe = {};
	const __u64 *targets;

	if (!inode)
		return 0;
	exe.ino = BPF_CORE_READ(inode, i_ino);
	exe.dev = BPF_CORE_READ(inode, i_sb, s_dev);
	targets = bpf_map_lookup_elem(&exes, &exe);
	return targets ? *targets : 0;
}

static __always_inline __u64 targets_by_comm(struct task_struct *task)
{
	struct lapse_comm comm = {};
	const __u64 *targets;
	bool ended = false;

	BPF_CORE_READ_INTO(&comm.text, task, group_leader, comm);
	/* Behind its end may stand the rest of an earlier name. */
	for (int i = 0; i < LAPSE_COMM_LEN; i++) {
		ended |= !comm.text[i];
		if (ended)
			comm.text[i] = 0;
	}
	targets = bpf_map_lookup_elem(&comms, &comm);
	return targets ? *targets : 0;
}

/* The targets that @task, of process @tgid, is of; without a filter whoever the link lets through is meant.
 */
static __always_inline __u64 targets_of(struct task_struct *task, __u32 tgid)
{
	__u64 targets = 0;

	if (!filter)
		return LAPSE_ALL_TARGETS;
	if (filter & LAPSE_FILTER_TGID)
		targets |= targets_by_tgid(tgid);
	if (filter & cfg_filters & LAPSE_FILTER_EXE)
		targets |= targets_by_exe(task);
	if (filter & cfg_filters & LAPSE_FILTER_COMM)
		targets |= targets_by_comm(task);
	return targets;
}

/* True if @task, of process @tgid, belongs to one that is traced. */
static __always_inline bool process_wanted(struct task_struct *task, __u32 tgid)
{
	return targets_of(task, tgid) != 0;
}

/* True if @component is measured in process @tgid of @task, which is traced. */
static __always_inline bool component_wanted(__u32 number, struct task_struct *task, __u32 tgid)
{
	const struct lapse_component *component;

	if (!cfg_targets)
		return true;
	component = bpf_map_lookup_elem(&components, &number);
	return component && (component->targets & targets_of(task, tgid));
}

/* True if one thread alone is meant, and the current one is another. */
static __always_inline bool other_thread(void)
{
	__u64 id = bpf_get_current_pid_tgid();

	if (!only_tid || (__u32)id == only_tid)
		return false;
	return !sample_tgid || id >> 32 != sample_tgid;
}

/* True if @task, the current one, is traced. */
static __always_inline bool wanted(struct task_struct *task)
{
	if (other_thread())
		return false;
	return process_wanted(task, bpf_get_current_pid_tgid() >> 32);
}

/* The same, for what @component measures. */
static __always_inline bool wanted_for(struct task_struct *task, __u32 component)
{
	return wanted(task) && component_wanted(component, task, bpf_get_current_pid_tgid() >> 32);
}

/* The same of the current task at a place, whose link may let nobody else through: that is not looked up a
 * second time. */
static __always_inline bool wanted_here(__u32 component)
{
	if (!filter_places)
		return !other_thread();
	return wanted_for((void *)bpf_get_current_task(), component);
}

/* Where it is remembered that a process is not meant. */
static __always_inline __u32 stranger_slot(__u32 tgid)
{
	return tgid & (LAPSE_STRANGERS - 1);
}

/* What is known of @tgid may not hold any more: it is new, or runs another program. */
static __always_inline void stranger_forget(__u32 tgid)
{
	__u32 slot = stranger_slot(tgid);
	struct lapse_stranger *stranger = bpf_map_lookup_elem(&strangers, &slot);

	if (stranger)
		stranger->tgid = 0;
}

/*
 * wanted(), for what every process of the machine passes often: that one is not meant is remembered. A name
 * may change at any time, so where names count nothing is.
 */
static __always_inline bool wanted_before(struct task_struct *task)
{
	__u32 tgid = bpf_get_current_pid_tgid() >> 32, slot = stranger_slot(tgid);
	struct lapse_stranger *stranger = bpf_map_lookup_elem(&strangers, &slot);

	if (!stranger || only_tid || !filter || filter & LAPSE_FILTER_COMM)
		return wanted(task);
	if (stranger->tgid == tgid && stranger->generation == filter_generation)
		return false;
	if (wanted(task))
		return true;
	stranger->generation = filter_generation;
	stranger->tgid = tgid;
	return false;
}

#endif
