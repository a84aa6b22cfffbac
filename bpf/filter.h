/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Whether the current process is meant, where the link itself lets every process through. */
#ifndef LAPSE_BPF_FILTER_H
#define LAPSE_BPF_FILTER_H

#include "bpf/maps.h"

static __always_inline bool filter_tgid(__u32 tgid)
{
	return bpf_map_lookup_elem(&tgids, &tgid) != NULL;
}

static __always_inline bool filter_exe(struct task_struct *task)
{
	struct inode *inode = BPF_CORE_READ(task, mm, exe_file, f_inode);
	struct lapse_exe exe = {};

	if (!inode)
		return false;
	exe.ino = BPF_CORE_READ(inode, i_ino);
	exe.dev = BPF_CORE_READ(inode, i_sb, s_dev);
	return bpf_map_lookup_elem(&exes, &exe) != NULL;
}

static __always_inline bool filter_comm(struct task_struct *task)
{
	char comm[LAPSE_COMM_LEN] = {};

	BPF_CORE_READ_INTO(&comm, task, group_leader, comm);
	for (int i = 0; i < LAPSE_COMM_LEN; i++) {
		if (comm[i] != cfg_comm[i])
			return false;
		if (!comm[i])
			break;
	}
	return true;
}

/* True if @task, of process @tgid, belongs to one that is traced. */
static __always_inline bool process_wanted(struct task_struct *task, __u32 tgid)
{
	if (!filter)
		return true;
	if ((filter & LAPSE_FILTER_TGID) && filter_tgid(tgid))
		return true;
	if ((filter & LAPSE_FILTER_EXE) && filter_exe(task))
		return true;
	return (filter & LAPSE_FILTER_COMM) && filter_comm(task);
}

/* True if @task, the current one, is traced. */
static __always_inline bool wanted(struct task_struct *task)
{
	if (only_tid && (__u32)bpf_get_current_pid_tgid() != only_tid)
		return false;
	return process_wanted(task, bpf_get_current_pid_tgid() >> 32);
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
