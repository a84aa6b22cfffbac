/* SPDX-License-Identifier: GPL-2.0-or-later */
/* CPU time and memory, as the kernel accounts them: the target's and lapse's own. */
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

/* Nanoseconds of CPU time that all watched processes have used since they were first watched; one
 * that has ended keeps its last reading. Resolution: a clock tick, 10 ms. *alive: one of them runs. */
uint64_t usage_target_ns(struct usage *usage, bool *alive);

/* Nanoseconds of CPU time of the calling process, and its resident set in bytes. */
uint64_t usage_own_ns(void);
uint64_t usage_own_rss(void);

#endif
