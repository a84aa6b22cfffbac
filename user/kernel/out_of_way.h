/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Keeps a thread that runs ahead of all usual ones out of the way of who wakes it. The kernel wakes such a
 * thread where it has run before, though other processors have nothing to do; is that where it was woken
 * from, it takes the place of the very thread that has just been slow, for as long as it runs, which is more
 * than waking it elsewhere takes from that one (tools/bench detection prints both).
 */
#ifndef LAPSE_OUT_OF_WAY_H
#define LAPSE_OUT_OF_WAY_H

#include <linux/types.h>
#include <sched.h>
#include <stdbool.h>
#include <stdint.h>

struct out_of_way {
	const __u32 *waker; /* the processor that the thread was last woken from */
	cpu_set_t allowed;  /* all that it may use */
	unsigned met;	    /* how often that was its own, less how often it was not */
	uint64_t moved_ns;
	bool possible;
};

/* In the thread itself. */
void out_of_way_open(struct out_of_way *self, const __u32 *waker);

/* Notes that the thread, which runs on processor @cpu, has been woken by *waker. True: from now on it is
 * better off elsewhere. Moves are seldom, since each takes longer than a few of those wake-ups. */
bool out_of_way_meets(struct out_of_way *self, unsigned cpu, uint64_t now_ns);

/* Which processors are to be left to the thread: all that it may use but *waker's; how many. */
int out_of_way_choose(const struct out_of_way *self, cpu_set_t *left);

/* The thread itself, when it has been woken: goes to another processor where that is better. */
void out_of_way_go(struct out_of_way *self, uint64_t now_ns);

#endif
