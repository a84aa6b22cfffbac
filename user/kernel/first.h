/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The first minute's view of the kernel: what the threads of some processes wait for and where they run, from
 * tracepoints and a sampling timer alone. Steps in call order: open, look as often as wanted, stop, read,
 * free.
 */
#ifndef LAPSE_KERNEL_FIRST_H
#define LAPSE_KERNEL_FIRST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "bpf/first_event.h"

struct first_tracer;

struct first_tracer_options {
	const pid_t *pids;
	size_t n_pids;
	size_t n_threads; /* that they have now; there is room for as many again */
	bool follow;	  /* the processes that they start, too */
};

struct first_peer {
	struct lapse_first_peer key;
	struct lapse_first_sum sum;
};

/*
 * Loads, attaches and takes in the threads that are there. 0, or -errno after a message; *out is to be freed
 * in either case.
 */
int first_tracer_open(const struct first_tracer_options *options, struct first_tracer **out);

/* Takes @pid in, which has come later, with the threads that it has. 0, or -errno after a message. */
int first_tracer_join(struct first_tracer *tracer, pid_t pid);

/* How often a running thread is sampled, in nanoseconds of its time. */
uint64_t first_tracer_period_ns(const struct first_tracer *tracer);

/* Calls @take for each sample that has come since the last call. */
void first_tracer_drain(struct first_tracer *tracer,
			void (*take)(void *context, const struct lapse_look *piece), void *context);

/* From the beginning of a look to its end, and for what lasts then, it is remembered how waits end. */
void first_tracer_look_begins(struct first_tracer *tracer);
void first_tracer_look_ends(struct first_tracer *tracer);

/* The ids of all threads seen so far, at most @max; how many. */
size_t first_tracer_tids(const struct first_tracer *tracer, uint32_t *tids, size_t max);

/* What is known of thread @tid just now; false: nothing. */
bool first_tracer_thread(const struct first_tracer *tracer, uint32_t tid, struct lapse_first *first);

/* The next drain has a sample of thread @tid as it begins to wait, with .off_ns, if it does until then. */
void first_tracer_want(struct first_tracer *tracer, uint32_t tid);

/* Nothing is counted any more; when that was. */
uint64_t first_tracer_stop(struct first_tracer *tracer);

/* All peers, at most @max; how many. */
size_t first_tracer_peers(const struct first_tracer *tracer, struct first_peer *peers, size_t max);

/* Threads, peers and samples that found no room. */
uint64_t first_tracer_lost(const struct first_tracer *tracer);

/* How many threads there can be. */
size_t first_tracer_room(const struct first_tracer *tracer);

void first_tracer_free(struct first_tracer *tracer);

#endif
