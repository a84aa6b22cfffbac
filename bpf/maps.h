/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The maps. Cells and histograms are arrays that user space maps and reads in place; they are shared
 * by shards of CPUs, not per CPU: per-CPU histograms would cost megabytes a component on large hosts.
 */
#ifndef LAPSE_BPF_MAPS_H
#define LAPSE_BPF_MAPS_H

#include "bpf/config.h"

const volatile __u32 cfg_shard_mask = 0; /* shards - 1; shards are a power of two */
const volatile __u32 cfg_shard_bits = 0;
const volatile __u32 cfg_bucket_bits = 6;
const volatile __u32 cfg_overflow = 2368; /* index of the overflow bucket */
const volatile __u64 cfg_tick_ns = 1000000000;
const volatile __u32 cfg_ring_bytes = 1 << 20;
/* Spans that LAPSE_COMP_STREAM alone sends, at most, in a slice of time; beyond that one in so many goes. */
const volatile __u64 cfg_stream_a_slice = 0;
const volatile bool cfg_processes = false; /* tell of fork, exec and exit */
const volatile bool cfg_anyone = false;	   /* of exec everywhere */
const volatile __u64 cfg_follow = 0;	   /* the targets whose children are in tgids, too ... */
const volatile bool cfg_groups = false;	   /* ... as long as they are in the same control groups */
const volatile bool cfg_targets = false;   /* components are measured in different ones */
/* Bytes from a processor's run queue to its variable that counts interrupts (bpf/ready.h); 0: not known. */
const volatile __s64 cfg_interrupts = 0;
const volatile __s64 cfg_softirqs = 0; /* to its statistics, which have soft interrupts by kind */
const volatile __u32 cfg_hardirqs = 0; /* in which these bits are of interrupts that are not soft */
const volatile __u32 cfg_kfuncs = 0;   /* those that the kernel has: 1 << enum lapse_kfunc */
/* The kernel's number of struct bpf_uprobe_multi_run_ctx (bpf/run_context.h); 0: it is not read. */
const volatile __u32 cfg_run_context = 0;
const volatile __u32 cfg_task = 0; /* of struct task_struct */
/* What nobody has asked for the verifier does not look at, which is most of what a start takes. */
const volatile __u32 cfg_filters = ~0U; /* enum lapse_filter: those that may come in force */
const volatile bool cfg_rules = true;	/* some component has modifiers */
const volatile bool cfg_turns = true;	/* system calls, or turns of loops, are measured */
const volatile bool cfg_edges = true;	/* some place is an edge of a keyed span, is counted, or is a wait */

/*
 * Variables are initialized, so that they lie in this order, whatever a program uses first: both objects (see
 * bpf/compat.h) have them at the same places then.
 *
 * Whose calls count; not constants, because the calibration comes before them. filter: enum
 * lapse_filter, 0 for whoever the link lets through. filter_places: the same where the links of places leave
 * that to the programs, too. only_tid: one thread alone, or 0; sample_tgid: and the calibration's process,
 * while there is one.
 */
__u32 filter = 0;
__u32 filter_places = 0;
__u32 only_tid = 0;
__u32 sample_tgid = 0;
/* Changes with what filter stands for. */
__u32 filter_generation = 0;

/* LAPSE_EDGE_GENERATION, or 0: which links of globs begin spans. */
__u32 generation = 0;
/* Links are being made: a return may be seen twice, or before its function's entry has a probe. */
__u32 renewing = 0;

/* From now on nothing is measured: links are about to go one after the other, and what the first of them no
 * longer sees would look lost to the others. */
__u32 stopped = 0;

/* Calibrated by user space before the target is attached. */
struct lapse_cost costs[LAPSE_COSTS] = {};

/* Records that belong to no component and found the ring full. */
__u64 records_dropped = 0;
/* Some process has loaded a library: only from then on is it looked up which. */
__u32 libraries_changed = 0;
/* Entries that got no return probe because of that, and are not measured. */
__u64 unsafe_skipped = 0;
/* Cycles of the time stamp counter to nanoseconds, as user space keeps measuring it. */
__u64 tsc_mult = 0;
/* Markers whose value's name found no room. */
__u64 values_unnamed = 0;
/* Stacks of blocks that could not be kept. */
__u64 stacks_lost = 0;
/* Records that want to be seen at once, each counted before it can be read. */
__u64 urgent_sent = 0;
/* When the consumer was last woken for one of them ... */
__u64 last_urgent_ns = 0;
__u64 urgent_woken = 0; /* as many urgent ones had been sent then */
/* ... and from when on it may be because many records lie there. */
__u64 crowd_again_ns = 0;
/* What it takes to send a span without waking anybody, as last measured; 0: never. */
__u64 sending_ns = 0;
/* The processor that the consumer was last woken from. */
__u32 woken_from = 0;
/* The slice of time at hand, the spans that were to be streamed in it, and of all those that were not. */
__u64 stream_slice = 0;
__u64 stream_asked = 0;
__u64 not_streamed = 0;
/* Stacks that were looked at in that second, those of them that were copied, and those that were not, because
 * it had its share. */
__u64 stacks_second = 0;
__u64 stacks_taken = 0;
__u64 pieces_taken = 0;
__u64 pieces_over_budget = 0;

struct {
	__uint(type, BPF_MAP_TYPE_TASK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, int);
	__type(value, struct lapse_stack);
} stacks SEC(".maps");

/* The same by thread, for kernels without attach cookies, of which some have no task storage either. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1);
	__type(key, __u64); /* pid_tgid */
	__type(value, struct lapse_stack);
} stacks_by_thread SEC(".maps");

/* For kernels without atomic instructions that give what they found (before 5.12). */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1);
	__type(key, struct lapse_claim);
	__type(value, __u8);
} claims SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct lapse_component);
} components SEC(".maps");

/* Component << shard bits | shard. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct lapse_cell);
} cells SEC(".maps");

/* The same index; the value's size is set for the precision chosen. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1);
	__uint(key_size, sizeof(__u32));
	__uint(value_size, 2369 * sizeof(__u32));
} histograms SEC(".maps");

/* By component. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct lapse_rules);
} rules SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct lapse_value_cell);
} value_cells SEC(".maps");

/* Keyed spans that are open. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1);
	__type(key, struct lapse_key);
	__type(value, struct lapse_keyed);
} keyed SEC(".maps");

/* Stacks of goroutines that are inside probed functions, by process and g. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, 1);
	__type(key, struct lapse_goroutine);
	__type(value, struct lapse_stack);
} goroutines SEC(".maps");

/* By system call number. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 512);
	__type(key, __u32);
	__type(value, struct lapse_syscall);
} syscalls SEC(".maps");

/* Components by the name that a program gives, and values of components. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1);
	__type(key, struct lapse_name);
	__type(value, __u32);
} marker_names SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1);
	__type(key, struct lapse_value_key);
	__type(value, __u32);
} value_names SEC(".maps");

/* Circular arrays of the last durations, one stretch a component with a count window. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u64);
} recent SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 1 << 20);
} events SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 16384);
	__type(key, __u32);
	__type(value, __u64);
} tgids SEC(".maps");

/* Kernels without attach cookies: that of the place where the current program was begun, and the programs
 * that go on from there, by enum lapse_next. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u64);
} cookie_passed SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PROG_ARRAY);
	__uint(max_entries, LAPSE_NEXTS);
	__type(key, __u32);
	__type(value, __u32);
} cookie_next SEC(".maps");

/* How often a process has loaded libraries since tracing began (negative: the loads of its start are
 * still to come), and the count up to which user space has looked at what they are. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 16384);
	__type(key, __u32);
	__type(value, __s64);
} loads SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 16384);
	__type(key, __u32);
	__type(value, __s64);
} judged SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 256);
	__type(key, struct lapse_exe);
	__type(value, __u64);
} exes SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, LAPSE_TARGETS);
	__type(key, struct lapse_comm);
	__type(value, __u64);
} comms SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, LAPSE_STRANGERS);
	__type(key, __u32);
	__type(value, struct lapse_stranger);
} strangers SEC(".maps");

/* ---- why ---- */

const volatile bool cfg_why = false;
const volatile bool cfg_waits = false;	      /* some functions are waits */
const volatile bool cfg_switch_state = false; /* sched_switch tells the state, too (5.18) */

struct {
	__uint(type, BPF_MAP_TYPE_TASK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, int);
	__type(value, struct lapse_thread_waits);
} thread_waits SEC(".maps");

/* The same by thread, where stacks_by_thread is in use. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1);
	__type(key, __u64); /* pid_tgid */
	__type(value, struct lapse_thread_waits);
} waits_by_thread SEC(".maps");

/* Of a thread that has not waited; too large for a program's stack. */
const volatile struct lapse_thread_waits no_waits = {};

/* Component * LAPSE_WHY_ROWS + row. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct lapse_why_row);
} why_rows SEC(".maps");

/* By system call number: enum lapse_call. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 512);
	__type(key, __u32);
	__type(value, __u32);
} why_calls SEC(".maps");

/* Measured threads that wait for a processor, and that poll. They lie by themselves: every switch of every
 * processor, and all data that arrives, reads them. */
__u64 why_waiting SEC(".data.waiting") = 0;
__u64 why_polling SEC(".data.waiting") = 0;

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct lapse_runs);
} why_runs SEC(".maps");

/* The socket that became readable last on this processor. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct lapse_ready);
} why_ready SEC(".maps");

/* By their number (bpf/traces.h). */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct lapse_trace);
} why_stacks SEC(".maps");

/* Where a processor's program puts a stack together. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct lapse_trace);
} why_trace SEC(".maps");

/* Stacks are looked at of blocks that may make a span slow: none is shorter than this, the least block_ns of
 * all components. */
__u64 stacks_ns = 0;
const volatile __u32 cfg_stacks_a_second = 0;
const volatile __u32 cfg_piece_bytes = LAPSE_PIECE_MAX; /* a multiple of what is read at once; 0: none are */
const volatile __u32 cfg_pieces_a_second = 0;
const volatile __u32 cfg_piece_rings = 1; /* a power of two */

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct lapse_piece_due);
} piece_due SEC(".maps");

/* User space makes the rings, a power of two, and says which one a processor has. */
struct piece_ring {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 1 << 18);
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY_OF_MAPS);
	__uint(max_entries, LAPSE_PIECE_RINGS);
	__type(key, __u32);
	__array(values, struct piece_ring);
} piece_rings SEC(".maps");

/* ---- TCP ---- */

/* How many rules there are, and their generation: names of peers are looked up again. */
__u32 tcp_n_rules = 0;
__u32 tcp_generation = 0;
/* Components for groups: the first, how many, and where to look for a free one. */
__u32 tcp_first_group = 0;
__u32 tcp_n_groups = 0;
__u32 tcp_next_group = 0;
/* Connections that found no room, or more components than they can have. */
__u64 tcp_lost = 0;

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, LAPSE_TCP_RULES);
	__type(key, __u32);
	__type(value, struct lapse_tcp_rule);
} tcp_rules SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1);
	__type(key, __u64);
	__type(value, struct lapse_socket);
} sockets SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1024);
	__type(key, struct lapse_port);
	__type(value, struct lapse_listener);
} listeners SEC(".maps");

/* The component of a group, and the group that has taken a component. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1024);
	__type(key, struct lapse_tcp_group);
	__type(value, __u32);
} tcp_groups SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1024);
	__type(key, __u32);
	__type(value, struct lapse_tcp_group);
} tcp_members SEC(".maps");

/* The same index as cells. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct lapse_tcp_cell);
} tcp_cells SEC(".maps");

#endif
