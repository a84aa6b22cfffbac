/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Single spans on the ring. A breaching span wakes the consumer at once, at most every
 * WAKEUP_SPACING; everything else waits for the consumer's own poll or for an eighth of the ring.
 */
#ifndef LAPSE_BPF_RECORD_H
#define LAPSE_BPF_RECORD_H

#include "bpf/cell.h"

/*
 * Global functions are verified once, not again in every program and on every path that calls them:
 * some 60 ms of load time instead of 1,200. They take pointers from 5.13 on.
 */
#define VERIFIED_ONCE __noinline

/* Frame @i counted from the outermost; NULL where there is none. The mask says again what the check
 * has said: without it clang forms the address first, which the verifier refuses. */
static __always_inline struct lapse_frame *frame_at(struct lapse_stack *stack, __u32 i)
{
	__u64 at = i;

	if (i >= LAPSE_MAX_DEPTH)
		return NULL;
	asm volatile("%[at] &= %[mask]" : [at] "+r"(at) : [mask] "i"(LAPSE_MAX_DEPTH - 1));
	return &stack->frame[at];
}

/* A wakeup a record costs 2.5 us each (measured); spaced out, a storm costs the target nothing. */
#define WAKEUP_SPACING_NS 200000

static __always_inline __u64 wakeup_flags(bool urgent, __u64 now)
{
	if (bpf_ringbuf_query(&events, BPF_RB_AVAIL_DATA) > cfg_ring_bytes / 8)
		return BPF_RB_FORCE_WAKEUP;
	if (!urgent || now - last_wakeup_ns < WAKEUP_SPACING_NS)
		return BPF_RB_NO_WAKEUP;
	last_wakeup_ns = now;
	return BPF_RB_FORCE_WAKEUP;
}

struct span_end {
	__u64 now;
	__u64 raw;
	__u64 duration;
	__u64 ret;
	__u32 flags;
};

/* The record goes out before the counters grow: what the counters hold has been on the ring, or
 * has been counted as dropped. */
static __always_inline void record_send(struct lapse_cell *cell, __u32 component, __u64 start_ns,
					const struct span_end *end)
{
	struct lapse_span *span = bpf_ringbuf_reserve(&events, sizeof(*span), 0);
	__u64 id = bpf_get_current_pid_tgid();

	if (!span) {
		ADD(cell->ring_dropped, 1);
		return;
	}
	span->kind = LAPSE_REC_SPAN;
	span->component = component;
	span->pid = id >> 32;
	span->tid = id;
	span->start_ns = start_ns;
	span->duration_ns = end->duration;
	span->raw_ns = end->raw;
	span->ret = end->ret;
	span->flags = end->flags;
	span->pad = 0;
	bpf_get_current_comm(span->comm, sizeof(span->comm));
	bpf_ringbuf_submit(span, wakeup_flags(end->flags & LAPSE_SPAN_BREACH, end->now));
}

/* A whole span: the one place where durations enter the figures. @at is its frame's index. */
VERIFIED_ONCE int record_span(struct lapse_stack *stack, __u32 at, __u64 now, __u64 ret)
{
	struct span_end end = {.now = now, .ret = ret};
	struct lapse_frame *frame = stack ? frame_at(stack, at) : NULL;
	struct lapse_component *component;
	struct lapse_cell *cell;
	__u32 number, cls;
	__u64 probes;

	if (!frame)
		return 0;
	number = frame->component;
	cls = frame->cls;
	component = bpf_map_lookup_elem(&components, &number);
	cell = cell_of(number);
	if (!component || !cell || cls >= LAPSE_CLASSES)
		return 0;
	/* What its own probe and those of its children put into the figure. */
	probes = costs[cls].inside_ns + (stack->cost_ns - frame->cost_ns);
	end.raw = now - frame->start_ns;
	end.duration = end.raw > probes ? end.raw - probes : 0;
	stack->cost_ns += costs[cls].total_ns;

	if (end.duration > component->level_ns[LAPSE_LEVEL_NOTICE] ||
	    end.duration > component->level_ns[LAPSE_LEVEL_WARNING])
		end.flags = LAPSE_SPAN_BREACH;
	if (end.flags || end.duration > component->send_ns || (component->flags & LAPSE_COMP_STREAM)) {
		/* Not every span is sent, so the calibration has no part of this in it. */
		__u64 before = bpf_ktime_get_ns();

		record_send(cell, number, frame->start_ns, &end);
		stack->cost_ns += bpf_ktime_get_ns() - before;
	}

	ADD(cell->cost_ns, costs[cls].total_ns);
	ADD(cell->sum_ns, end.duration);
	ADD(cell->sum_raw_ns, end.raw);
	cell_level(cell, component, end.duration);
	histogram_add(number, end.duration);
	cell_extremes(cell, now, end.duration);
	recent_add(number, component, end.duration);
	ADD(cell->returns, 1);
	return 0;
}

#endif
