/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Libraries that come later. A return probe is safe as long as nothing that is mapped can unwind past
 * it; a plug-in may bring an unwinder. The dynamic linker calls an empty function of its own when the
 * list of libraries changes, before any code of the new ones runs: from then on, in that very
 * thread, a session's entries leave the returns of the process alone, until user space has looked.
 */
#ifndef LAPSE_BPF_LIBRARIES_H
#define LAPSE_BPF_LIBRARIES_H

#include "bpf/filter.h"
#include "bpf/news.h"

enum return_probes { RETURN_PROBES_SAFE, RETURN_PROBES_UNKNOWN, RETURN_PROBES_REPLACED };

static __always_inline enum return_probes return_probes(void)
{
	__u32 tgid;
	__s64 *changes, *seen;

	if (!libraries_changed)
		return RETURN_PROBES_SAFE;
	tgid = bpf_get_current_pid_tgid() >> 32;
	changes = bpf_map_lookup_elem(&loads, &tgid);
	if (!changes || *changes <= 0)
		return RETURN_PROBES_SAFE;
	seen = bpf_map_lookup_elem(&judged, &tgid);
	if (seen && *seen == LAPSE_JUDGED_UNSAFE)
		return RETURN_PROBES_REPLACED;
	return seen && *seen == *changes ? RETURN_PROBES_SAFE : RETURN_PROBES_UNKNOWN;
}

/* At the dynamic linker's hook. */
static __always_inline void libraries_change(void)
{
	__u32 tgid = bpf_get_current_pid_tgid() >> 32;
	__s64 first = 1, *changes;

	if (!wanted((void *)bpf_get_current_task()))
		return;
	changes = bpf_map_lookup_elem(&loads, &tgid);
	if (changes)
		first = *changes += 1; /* the linker holds a lock of its own here */
	else
		bpf_map_update_elem(&loads, &tgid, &first, BPF_ANY);
	if (first <= 0)
		return;
	libraries_changed = 1;
	process_tell(LAPSE_PROC_LIBS, tgid, 0, first);
}

/* A program begins anew: its own libraries were judged with it. */
static __always_inline void libraries_begin(__u32 tgid)
{
	__s64 at_start = -LAPSE_LOADS_AT_START;

	bpf_map_update_elem(&loads, &tgid, &at_start, BPF_ANY);
	bpf_map_delete_elem(&judged, &tgid);
}

static __always_inline void libraries_inherit(__u32 parent, __u32 child)
{
	__s64 *changes = bpf_map_lookup_elem(&loads, &parent);
	__s64 *seen = bpf_map_lookup_elem(&judged, &parent);

	if (changes)
		bpf_map_update_elem(&loads, &child, changes, BPF_ANY);
	if (seen)
		bpf_map_update_elem(&judged, &child, seen, BPF_ANY);
}

static __always_inline void libraries_end(__u32 tgid)
{
	bpf_map_delete_elem(&loads, &tgid);
	bpf_map_delete_elem(&judged, &tgid);
}

#endif
