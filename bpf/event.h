/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The ABI between the BPF programs and user space: the one header both sides include.
 * Records are numbered and append-only; a retired number stays a hole. Fields have fixed
 * widths and explicit padding, and every layout is pinned by a static assertion.
 */
#ifndef LAPSE_EVENT_H
#define LAPSE_EVENT_H

#ifndef __VMLINUX_H__
#include <linux/types.h>
#endif

#define LAPSE_COMM_LEN 16

/* The kernel keeps at most 64 return probes a thread (uprobes: MAX_URETPROBE_DEPTH). */
#define LAPSE_MAX_DEPTH 64

/* Slots of the per-tick extremes: the tick that runs, the one being read, and slack. */
#define LAPSE_TICK_SLOTS 4

/* ---- ring records -------------------------------------------------------------------- */

enum lapse_record_kind {
	LAPSE_REC_SPAN = 1, /* struct lapse_span */
	LAPSE_REC_PROC = 2, /* struct lapse_proc */
};

/* Why a span was sent singly, and what is known of it. */
enum lapse_span_flag {
	LAPSE_SPAN_BREACH = 1 << 0, /* longer than the component's limit */
	LAPSE_SPAN_ERROR = 1 << 1,  /* ended with an error */
	LAPSE_SPAN_OPEN = 1 << 2,   /* still in flight; duration is its age (user space makes these) */
};

struct lapse_span {
	__u32 kind; /* LAPSE_REC_SPAN */
	__u32 component;
	__u32 pid; /* thread group, as the initial PID namespace numbers it */
	__u32 tid;
	__u64 start_ns;	   /* CLOCK_MONOTONIC at entry */
	__u64 duration_ns; /* corrected for what the probes cost */
	__u64 raw_ns;	   /* as the clock gave it */
	__u64 ret;	   /* the return value's register */
	__u32 flags;	   /* enum lapse_span_flag */
	__u32 pad;
	char comm[LAPSE_COMM_LEN];
};

enum lapse_proc_event {
	LAPSE_PROC_EXEC = 1,
	LAPSE_PROC_EXIT = 2,
	LAPSE_PROC_FORK = 3,
	LAPSE_PROC_LIBS = 4, /* it loads or unloads libraries; code counts the times */
};

struct lapse_proc {
	__u32 kind;  /* LAPSE_REC_PROC */
	__u32 event; /* enum lapse_proc_event */
	__u32 pid;
	__u32 parent; /* forks: the parent's thread group */
	__s32 code;   /* exits: the wait status; libraries: how often so far */
	__u32 pad;
	__u64 time_ns;
	char comm[LAPSE_COMM_LEN];
};

/* ---- per component ------------------------------------------------------------------- */

/*
 * Levels of a span objective, ascending limits: a span is counted at the highest one that
 * its duration exceeds. A level that is not in use has limit ~0.
 */
enum lapse_level { LAPSE_LEVEL_NOTICE, LAPSE_LEVEL_WARNING, LAPSE_LEVEL_CRITICAL, LAPSE_LEVELS };

enum lapse_component_flag {
	LAPSE_COMP_STREAM = 1 << 0,	/* send every span, not only breaching ones */
	LAPSE_COMP_SELF_JUMP = 1 << 1,	/* the function jumps to its own entry: no new span then */
	LAPSE_COMP_TAIL_CALLS = 1 << 2, /* return-instruction probes follow its tail calls */
	LAPSE_COMP_SWITCHES = 1 << 3,	/* fibers may leave it on one stack and go on with another */
};

struct lapse_component {
	__u64 level_ns[LAPSE_LEVELS]; /* count at this level above this duration */
	__u64 send_ns;		      /* send spans longer than this singly; ~0: none */
	__u32 flags;		      /* enum lapse_component_flag */
	__u32 recent_base;	      /* first slot in the map of recent durations */
	__u32 recent_len;	      /* slots there; 0: no count window */
	__u32 pad;
};

/*
 * Conservation, per component: entries = returns + in flight + too_deep + abandoned + jumps.
 * One cell per component and shard, on cache lines of its own; all fields only grow.
 */
struct lapse_cell {
	__u64 entries;
	__u64 returns;
	__u64 errors;
	__u64 sum_ns;	  /* of corrected durations */
	__u64 sum_raw_ns; /* of raw durations */
	__u64 level[LAPSE_LEVELS];
	__u64 too_deep;
	__u64 abandoned; /* unwound by longjmp, an exception or the thread's end */
	__u64 jumps;	 /* entered again by a jump: not a new span */
	__u64 stray;	 /* returns without an entry */
	__u64 maps_full; /* entries that found no memory for a frame stack */
	__u64 ring_dropped;
	__u64 recent_pos; /* shard 0 only: spans ever written to the recent slots */
	__u64 idle;	  /* return instructions hit without a span to end */
	__u64 cost_ns;	  /* of the probes of all spans that have returned */
	__u64 pad[7];
	/* (tick number + 1) mod 2^16 << 48 | duration, and the same with the duration's
	 * complement: one atomic maximum serves as reset, as max and as min. */
	__u64 slot_max[LAPSE_TICK_SLOTS];
	__u64 slot_min[LAPSE_TICK_SLOTS];
};

#define LAPSE_SLOT_SHIFT 48
#define LAPSE_SLOT_MASK	 ((1ULL << LAPSE_SLOT_SHIFT) - 1)

/* A recent duration's top bit says that the span ended with an error. */
#define LAPSE_RECENT_ERROR (1ULL << 63)

/* ---- places ---------------------------------------------------------------------------- */

/* The cookie of an attached place: the component, the role, the cost class, and a number that tells
 * the functions of one component apart. */
enum lapse_role {
	LAPSE_ROLE_ENTRY = 0,	     /* a return probe ends the span */
	LAPSE_ROLE_ENTRY_RETINS = 1, /* return-instruction probes end it */
	LAPSE_ROLE_RETINS = 2,	     /* at a return instruction: ends the frames at this sp */
};

/* Cost classes: how the kernel executes the instruction under the entry probe, and what ends
 * the span. Each is calibrated on its own. */
enum lapse_class {
	LAPSE_CLASS_EMULATED,
	LAPSE_CLASS_NOP5,
	LAPSE_CLASS_STEPPED,
	LAPSE_CLASS_EMULATED_RETINS,
	LAPSE_CLASS_NOP5_RETINS,
	LAPSE_CLASS_STEPPED_RETINS,
	LAPSE_CLASSES,
};

#define LAPSE_COOKIE(component, role, cls, place) \
	((__u64)(component) | (__u64)(role) << 32 | (__u64)(cls) << 40 | (__u64)(place) << 48)
#define LAPSE_COOKIE_COMPONENT(cookie) ((__u32)(cookie))
#define LAPSE_COOKIE_ROLE(cookie)      ((__u32)((cookie) >> 32) & 0xff)
#define LAPSE_COOKIE_CLASS(cookie)     ((__u32)((cookie) >> 40) & 0xff)
#define LAPSE_COOKIE_PLACE(cookie)     ((__u16)((cookie) >> 48))

struct lapse_cost {
	__u64 inside_ns; /* of a probe's cost, what falls inside its own span */
	__u64 total_ns;	 /* entry and return together: what a parent's span holds of it */
	__u64 enter_ns;	 /* the entry's share of the total */
};

/* ---- frames ------------------------------------------------------------------------------ */

enum lapse_frame_flag {
	LAPSE_FRAME_RETINS = 1 << 0,	 /* ended at a return instruction */
	LAPSE_FRAME_TAIL_CALLS = 1 << 1, /* it may go on in another function, with the same caller */
};

struct lapse_frame {
	__u64 sp; /* at entry: where the return address lies */
	__u64 start_ns;
	__u64 cost_ns; /* the task's probe cost at entry */
	__u64 caller;  /* the return address, where a return instruction ends it */
	__u32 component;
	__u16 flags; /* enum lapse_frame_flag */
	__u16 extra; /* return probes that the kernel stacked for jumps to the entry */
	__u8 cls;    /* enum lapse_class */
	__u8 pad;
	__u16 place; /* of the cookie */
	__u32 pad2;
};

/* One a task, in task storage (by thread id in a hash where that is missing). */
struct lapse_stack {
	__u32 depth;
	__u32 pad;
	__u64 cost_ns; /* probe cost that this task has paid so far */
	struct lapse_frame frame[LAPSE_MAX_DEPTH];
};

/* What the task iterator writes for each open frame. */
struct lapse_open {
	__u32 component;
	__u32 pid;
	__u32 tid;
	__u32 depth; /* 0 is the outermost */
	__u64 sp;
	__u64 caller;
	__u64 start_ns;
	__u32 flags; /* enum lapse_frame_flag */
	__u32 pad;
	char comm[LAPSE_COMM_LEN];
};

#ifndef __cplusplus
_Static_assert(sizeof(struct lapse_span) == 72, "lapse_span");
_Static_assert(sizeof(struct lapse_proc) == 48, "lapse_proc");
_Static_assert(sizeof(struct lapse_component) == 48, "lapse_component");
_Static_assert(sizeof(struct lapse_cell) == 256, "lapse_cell");
_Static_assert(sizeof(struct lapse_frame) == 48, "lapse_frame");
_Static_assert(sizeof(struct lapse_stack) == 16 + 48 * LAPSE_MAX_DEPTH, "lapse_stack");
_Static_assert(sizeof(struct lapse_open) == 64, "lapse_open");
#endif

#endif
