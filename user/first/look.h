/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What was seen in the first minute, and what it comes to. Filled by the sampler, then judged once; nothing
 * here reads a clock or the kernel.
 */
#ifndef LAPSE_FIRST_LOOK_H
#define LAPSE_FIRST_LOOK_H

#include <uthash.h>

#include "bpf/first_event.h"
#include "first/place.h"
#include "kernel/first.h"

/* What a thread's time is divided into: enum lapse_cause, and these. */
enum { FIRST_IDLE = LAPSE_FIRST_CLIENTS, FIRST_ON_CPU = LAPSE_FIRST_PARTS, FIRST_PARTS };

/* "lock", ..., "idle", "on-cpu". */
extern const char *const first_part_names[FIRST_PARTS];

struct first_thread {
	struct lapse_first seen;
	uint64_t wall_ns;
	uint64_t ns[FIRST_PARTS]; /* adds up to wall_ns */
};

/* A stack as it was seen; one for all that are alike. */
struct first_seen {
	char *folded; /* "main;serve;read;[read]": the system call last */
	struct first_place place;
	UT_hash_handle hh;
};

/* A thread was there, in that part of its time. */
struct first_stack {
	const struct first_seen *seen;
	uint32_t pid, tid;
	unsigned part; /* as the kernel's side has counted it */
	int32_t call;
	bool condition;	    /* a futex that is no mutex */
	uint64_t weight_ns; /* as it was sampled */
	uint64_t ns;	    /* after judging: its share of what was counted */
	unsigned becomes;   /* after judging: what it is charged to */
};

/* What a person is to look at: one function, waited in or run in, over all threads. */
struct first_culprit {
	unsigned part;
	const struct first_seen *seen; /* NULL: no stack is known of it */
	uint32_t pid, tid;	       /* the thread that has most of it */
	int32_t call;
	uint64_t ns, most_ns;
};

struct first_look {
	uint64_t duration_ns;
	uint64_t processor_ticks, stolen_ticks; /* kernel/usage.h; 0: not known */
	struct first_thread *threads;
	size_t n_threads;
	struct first_stack *stacks;
	size_t n_stacks, max_stacks;
	struct first_seen *seen[2]; /* by .folded: those that ran, and those that waited */
	struct first_peer *peers;
	size_t n_peers;
	uint64_t lost;
	/* After judging. */
	uint64_t ns[FIRST_PARTS]; /* of all threads together */
	uint64_t wall_ns, busy_ns;
	struct first_culprit *culprits;
	size_t n_culprits;
};

/* A stack under the name @folded, which is taken over; NULL where memory is out. In one that @waits other
 * functions matter than where it runs, on its way into the wait. */
struct first_seen *look_seen(struct first_look *look, bool waits, char *folded,
			     const struct first_place *place);

/* One more sample; its weight is added to what is alike. 0 or -ENOMEM. */
int look_add(struct first_look *look, const struct first_stack *sample);

/* Adds what was still going on at @end_ns, divides every thread's time and ranks. 0 or -ENOMEM. */
int look_judge(struct first_look *look, uint64_t end_ns);

/* The thread's look, or NULL. */
const struct first_thread *look_thread(const struct first_look *look, uint32_t tid);

/* The stack that has most of the busy time of thread @tid, or NULL. */
const struct first_stack *look_mostly(const struct first_look *look, uint32_t tid);

void look_free(struct first_look *look);

#endif
