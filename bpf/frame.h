/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a thread has between the entries and the returns of its calls; user space reads what is open. */
#ifndef LAPSE_BPF_FRAME_H
#define LAPSE_BPF_FRAME_H

#include "bpf/event.h"

/* ---- frames ------------------------------------------------------------------------------ */

enum lapse_frame_flag {
	LAPSE_FRAME_RETINS = 1 << 0,	 /* ended at a return instruction */
	LAPSE_FRAME_TAIL_CALLS = 1 << 1, /* it may go on in another function, with the same caller */
	LAPSE_FRAME_TURN = 1 << 2,	 /* a system call or a turn of a loop: open until it ends */
	LAPSE_FRAME_WAITS = 1 << 3,	 /* of struct lapse_open alone: a struct lapse_open_waits follows */
};

struct lapse_frame {
	__u64 sp; /* at entry: where the return address lies */
	__u64 start_ns;
	__u64 cost_ns; /* the task's probe cost at entry */
	__u64 caller;  /* the return address, where a return instruction ends it */
	__u32 component;
	__u16 flags;	  /* enum lapse_frame_flag */
	__u16 extra;	  /* return probes that the kernel stacked for jumps to the entry */
	__u8 cls;	  /* enum lapse_class */
	__u8 edge;	  /* enum lapse_edge: what its return means */
	__u16 place;	  /* of the cookie */
	__u16 generation; /* LAPSE_EDGE_GENERATION, as in the cookie of the link that began it */
	__u8 why;	  /* bool: the thread's waits have its totals at entry */
	__u8 wait;	  /* of LAPSE_EDGE_WAIT: enum lapse_cause; 0: what blocks is not charged to it */
	__u64 capture[LAPSE_CAPTURES];
};

/* 1.024 us. */
#define LAPSE_PLACE_SHIFT 10

/* What a thread had waited when a span began. */
struct lapse_before {
	struct lapse_waited waited;
	__u32 place[LAPSE_RIVALS]; /* each place's time (bpf/rivals.h), in units of LAPSE_PLACE_SHIFT */
};

/* Where that is kept: with the frame of that number, or one of these. */
enum lapse_before_of { LAPSE_BEFORE_SYSCALL = LAPSE_MAX_DEPTH, LAPSE_BEFORE_LOOP };

/* What a thread does one at a time: a system call, a turn of its event loop. */
struct lapse_turn {
	__u64 start_ns; /* 0: none */
	__u64 cost_ns;
	__u32 component;
	__u32 pad;
	__u64 capture[LAPSE_CAPTURES];
	struct lapse_before before;
};

/* The arguments of a call at its entry: those in registers, and the first ones on the stack. */
#define LAPSE_MAX_ARGS	    12
#define LAPSE_REGISTER_ARGS 6 /* of C's */
struct lapse_args {
	__u64 arg[LAPSE_MAX_ARGS];
};

/* What is known of a span when it ends. */
struct lapse_facts {
	__u32 component;
	__u32 tid; /* of the thread that began it; 0: the one that ends it */
	__u64 start_ns;
	__u64 now;
	__u64 raw;
	__u64 duration;
	__u64 ret;
	__u64 cost_ns; /* what its probes cost */
	__u32 flags;   /* enum lapse_span_flag */
	__u32 values;
	__u64 capture[LAPSE_CAPTURES];
	__s64 value[LAPSE_VALUES];
};

/* A call of connect() that a thread is in. */
struct lapse_connecting {
	__u64 sk; /* the kernel's address of the socket; 0: none */
	__u64 start_ns;
	struct lapse_address peer;
	__u32 begun; /* the socket's state has told of its beginning */
	__u32 pad;
};

/* Frames of a stack that are kept: innermost first; a zero ends a shorter one. */
#define LAPSE_STACK_DEPTH 48
struct lapse_trace {
	__u64 frame[LAPSE_STACK_DEPTH];
	__u32 check; /* of its hash */
	__u32 pad;
};

/* One a task, in task storage (by thread id in a hash where that is missing). */
struct lapse_stack {
	__u32 depth;
	__u32 owed;	 /* return probes of calls that found no room among the frames */
	__u64 cost_ns;	 /* probe cost that this task has paid so far */
	__u64 outermost; /* the highest stack pointer of a call that was seen */
	struct lapse_turn syscall, loop;
	struct lapse_connecting connecting;
	__u64 sending; /* the kernel's address of a socket that has no room for what is sent; 0: none */
	/* Of the program that runs: these are too large for a program's own stack. A task runs one at a
	 * time, and none of them is entered again before it has ended. */
	struct lapse_facts facts;
	struct lapse_args args;
	/* Beside the facts, where the span's causes are known: what the thread did instead of running, and
	 * where is kept what it had waited before (enum lapse_before_of). */
	struct lapse_waited waited;
	__u32 before, pad;
	struct lapse_frame frame[LAPSE_MAX_DEPTH];
};

/* A keyed span that is open. */
struct lapse_key {
	__u32 component;
	__u32 pid;
	__u64 part[LAPSE_KEYS];
};

struct lapse_keyed {
	__u64 start_ns;
	__u32 tid; /* of the thread that began it */
	__u32 pad;
	__u64 capture[LAPSE_CAPTURES];
	char comm[LAPSE_COMM_LEN];
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

/* ---- waits ---------------------------------------------------------------------------- */

/* What is known of a block that has ended, beside when, how long and for what. */
struct lapse_kept {
	__s32 kernel_stack;
	__s32 user_stack;
	struct lapse_address peer;
	struct lapse_waker waker;
};

/* Blocks that a thread remembers since its outermost span began, in no order: bpf/blocks.h. What they are
 * searched by lies together: each look at it would be a cache line else. */
#define LAPSE_BLOCKS 8 /* a power of two */
struct lapse_blocks {
	__u64 end_ns[LAPSE_BLOCKS]; /* before that span began: none */
	__u64 duration_ns[LAPSE_BLOCKS];
	__u8 cause[LAPSE_BLOCKS];
	__u8 longer[LAPSE_BLOCKS]; /* another cause, counted from 1, that had a later block which was no
				      shorter */
	__u16 piece[LAPSE_BLOCKS];
	__u32 found, pad;	    /* of the search that goes on */
	__u64 lost_end_ns, lost_ns; /* of those that found no room: the last end, the longest */
	struct lapse_kept kept[LAPSE_BLOCKS];
};

/* Where a thread keeps what a process ran instead of it. */
struct lapse_place {
	__u64 ns;	/* of all processes that have had the place since the outermost span began */
	__u64 since_ns; /* what that was when the present one got it */
	__u64 weight;	/* what the place is worth */
	__u64 cgroup;
	__u32 pid; /* 0: nobody's */
	__u32 pad;
	char comm[LAPSE_COMM_LEN];
};

/* A thread's running totals, and where it stands now. */
struct lapse_waits {
	struct lapse_waited total;
	__u64 off_ns;		/* not running since; 0: it runs, and that has been accounted for */
	__u64 woken_ns;		/* runnable again since; 0: blocked, or it runs */
	__u64 in_ns;		/* it runs since, but who woke it, and when, was not seen; else 0 */
	__u64 run_delay;	/* what it had waited for processors when it left, by the kernel */
	__u64 begun_ns;		/* when its outermost span began; 0: none is open */
	__u16 woken_early;	/* bool: it has been woken, and may have been on its way out then */
	__u16 places;		/* bool: somebody has had one since the outermost span began */
	__u16 counted;		/* bool: it is among those that wait for a processor */
	__u16 polling;		/* bool: it is among those that poll */
	struct lapse_block now; /* the present one, as far as known */
	struct lapse_blocks blocks;
	struct lapse_place place[LAPSE_RIVALS];
};

/* One a thread, beside its frames: together they would be more than newer kernels give a task (some 7.4 KiB).
 */
struct lapse_thread_waits {
	struct lapse_waits waits;
	struct lapse_before at_entry[LAPSE_MAX_DEPTH]; /* by frame */
	__u64 thread;				       /* where they lie in a hash: under which key */
};

/*
 * What the task iterator writes behind an open frame that is past its limit. The thread runs meanwhile: where
 * the three moments of leaving the processor are not the same, it has been copied in the midst of a switch.
 */
struct lapse_open_waits {
	__u64 off_before;
	struct lapse_before at_entry;
	struct lapse_waits waits;
	__u64 off_after;
	__u64 ip, sp, bp; /* with which it goes on; while it runs, as it last entered the kernel */
};

/* What a system call that blocks is charged to. */
enum lapse_call {
	LAPSE_CALL_OTHER,
	LAPSE_CALL_LOCK,
	LAPSE_CALL_DISK,
	LAPSE_CALL_SLEEP,
	LAPSE_CALL_POLL, /* by what ends it */
	LAPSE_CALL_FD,	 /* by the file that its first argument means */
};

#ifndef __cplusplus
_Static_assert(sizeof(struct lapse_frame) == 80, "lapse_frame");
_Static_assert(sizeof(struct lapse_stack) == 696 + 80 * LAPSE_MAX_DEPTH, "lapse_stack");
_Static_assert(sizeof(struct lapse_waits) == 128 + 88 + 696 + 4 * 56, "lapse_waits");
_Static_assert(sizeof(struct lapse_thread_waits) == 1144 + 96 * LAPSE_MAX_DEPTH, "lapse_thread_waits");
/* Linux 7: what a slab object may have (8 KiB), less 512 bytes of a program's stack and the element's head.
 */
_Static_assert(sizeof(struct lapse_stack) <= 7424 && sizeof(struct lapse_thread_waits) <= 7424,
	       "task storage");
_Static_assert(sizeof(struct lapse_open) == 64, "lapse_open");
_Static_assert(sizeof(struct lapse_keyed) == 64, "lapse_keyed");
_Static_assert(sizeof(struct lapse_open_waits) == 8 + 96 + 1136 + 4 * 8, "lapse_open_waits");
#endif

#endif
