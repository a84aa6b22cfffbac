/* SPDX-License-Identifier: GPL-2.0-or-later */
/* News of a process, for user space. */
#ifndef LAPSE_BPF_NEWS_H
#define LAPSE_BPF_NEWS_H

#include "bpf/cell.h"

static __always_inline void process_tell(__u32 event, __u32 pid, __u32 parent, __s32 code)
{
	struct lapse_proc *record = bpf_ringbuf_reserve(&events, sizeof(*record), 0);

	if (!record) {
		ADD(records_dropped, 1);
		return;
	}
	record->kind = LAPSE_REC_PROC;
	record->event = event;
	record->pid = pid;
	record->parent = parent;
	record->code = code;
	record->pad = 0;
	record->time_ns = bpf_ktime_get_ns();
	bpf_get_current_comm(record->comm, sizeof(record->comm));
	bpf_ringbuf_submit(record, BPF_RB_FORCE_WAKEUP);
}

#endif
