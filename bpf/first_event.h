/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The first minute, as both sides see it: what each thread did while lapse looked, no probe being named. */
#ifndef LAPSE_FIRST_EVENT_H
#define LAPSE_FIRST_EVENT_H

#include "bpf/event.h"

/* The causes of blocks, and one more: waiting for a client of one's own, which is no delay of anything. */
#define LAPSE_FIRST_CLIENTS LAPSE_CAUSES
#define LAPSE_FIRST_PARTS   (LAPSE_CAUSES + 1)

struct lapse_first_sum {
	__u64 ns;
	__u64 count;
	__u64 longest_ns;
};

/* A block that has ended, for who may have looked at it while it lasted. */
struct lapse_first_ended {
	__u64 off_ns; /* when it began */
	__u32 part;
	__u32 pad;
};
#define LAPSE_FIRST_ENDED 8 /* a power of two: so many are remembered */

/* A thread that has ended blocks of another, for so long of its time. */
struct lapse_first_waker {
	__u64 ns;
	__u32 pid, tid;
	__u32 part; /* of these blocks */
	__u32 pad;
	char comm[LAPSE_COMM_LEN];
};
#define LAPSE_FIRST_WAKERS 4

struct lapse_first {
	__u64 begun_ns;	   /* looked at since */
	__u64 off_ns;	   /* not running since; 0: it runs */
	__u64 woken_ns;	   /* runnable again since; 0: blocked */
	__u64 ended_ns;	   /* the thread's own end; 0: it lives */
	__u64 ip, sp, bp;  /* of its program, where it was last blocked */
	__u64 argument[2]; /* of the system call there */
	__u64 turn_ns;	   /* its event loop's turn runs since; 0: none */
	struct lapse_first_sum turns;
	__u32 pid, tid;
	__s32 call;    /* the system call in which it was last blocked; negative: none */
	__u32 clients; /* bool: .now waits for a client */
	__u32 polls;   /* bool: .now is a poll, whatever ends it */
	__u32 n_ended;
	__u32 condition;	/* bool: .now is a futex that is no mutex: someone else has to do something */
	__u32 n_kept;		/* of those that have ended, in .ended */
	struct lapse_block now; /* the present block, as far as known */
	struct lapse_first_sum part[LAPSE_FIRST_PARTS];
	struct lapse_block longest[LAPSE_FIRST_PARTS]; /* of each, the longest block */
	struct lapse_first_ended ended[LAPSE_FIRST_ENDED];
	struct lapse_first_ended sent; /* the last whose stack was sent; part LAPSE_FIRST_PARTS: it lasts */
	struct lapse_rival rival[LAPSE_RIVALS];
	struct lapse_first_waker waker[LAPSE_FIRST_WAKERS];
	char comm[LAPSE_COMM_LEN];
};

/* The remote end of a connection that the process has opened. */
struct lapse_first_peer {
	__u32 pid;
	__u32 pad;
	struct lapse_address peer;
};

/* Where a thread was when the sampling timer found it running, or as it began to wait where that was asked
 * for; the bytes are of its stack, from sp on. */
#define LAPSE_LOOK_PAGE	 4096
#define LAPSE_LOOK_PAGES 4
struct lapse_look {
	__u32 pid, tid;
	__s32 call; /* the system call that it was in; negative: none */
	__u32 size; /* of what was there of the stack */
	__u64 ip, sp, bp;
	__u64 off_ns;	 /* the wait that began; 0: it runs */
	__u32 condition; /* as lapse_first.condition, of that wait */
	__u32 pad;
	__u8 bytes[LAPSE_LOOK_PAGES * LAPSE_LOOK_PAGE];
};

#ifndef __cplusplus
_Static_assert(sizeof(struct lapse_first_sum) == 24, "lapse_first_sum");
_Static_assert(sizeof(struct lapse_first) ==
		       80 + 24 + 32 + 88 + 11 * (24 + 88) + 9 * 16 + LAPSE_RIVALS * 40 + 4 * 40 + 16,
	       "lapse_first");
_Static_assert(sizeof(struct lapse_first_peer) == 32, "lapse_first_peer");
_Static_assert(sizeof(struct lapse_look) == 56 + LAPSE_LOOK_PAGES * LAPSE_LOOK_PAGE, "lapse_look");
#endif

#endif
