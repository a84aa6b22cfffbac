/* SPDX-License-Identifier: GPL-2.0-or-later */
/* CPU time and memory, as the kernel accounts them: the target's, lapse's own, and what the host keeps. */
#ifndef LAPSE_USAGE_H
#define LAPSE_USAGE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct usage;

/* Below ten clock ticks the target's time is too coarse to be compared with anything. */
#define USAGE_RESOLVED_NS 100000000ULL

/* NULL when out of memory. */
struct usage *usage_new(void);
void usage_free(struct usage *usage);

/* Counts what @pid uses from now on; a process that is counted already stays so. 0 or -errno. */
int usage_watch(struct usage *usage, pid_t pid);

struct usage_sum {
	uint64_t cpu_ns;	 /* since each was first watched; one that has ended keeps its last reading */
	uint64_t resident_bytes; /* of those that run */
	bool alive;		 /* one of them runs */
	bool ended;		 /* one of them was last seen to run, and does not now */
};

/* Of all watched processes together. The resolution of the CPU time is a clock tick, 10 ms. */
struct usage_sum usage_target(struct usage *usage);

/* Clock ticks of all processors together since usage_new(), and of these what the host gave to others while
 * something wanted to run here. Both 0: the kernel does not tell. Dear where there are many interrupts: not
 * for each tick. */
void usage_processors(const struct usage *usage, uint64_t *all, uint64_t *stolen);

/* Nanoseconds of CPU time of the calling process, and its resident set in bytes. */
uint64_t usage_own_ns(void);
uint64_t usage_own_rss(void);

#endif
