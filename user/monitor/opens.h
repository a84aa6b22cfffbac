/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Spans in flight that were reported as breaches, so that their return is not a second one. */
#ifndef LAPSE_MONITOR_OPENS_H
#define LAPSE_MONITOR_OPENS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define HASH_NONFATAL_OOM 1
#include <uthash.h>

#include "monitor/contract.h"

/* More than these are counted when they return. */
#define OPENS_MAX 4096

struct open_span {
	struct open_span_key {
		uint64_t start_ns;
		uint32_t tid, pad;
	} key;
	uint64_t seen;		/* number of the last tick in which it was in flight */
	uint64_t abandoned;	/* the component's counter at the time */
	enum severity severity; /* the highest it was reported with */
	uint64_t held;		/* whether that was held back, for breaches_tell() */
	bool present;		/* in flight at the last tick */
	UT_hash_handle hh;
};

struct opens {
	struct open_span *spans; /* a hash, in the order they were reported */
	size_t n, present;
};

void opens_free(struct opens *opens);

/* All are missing until opens_mark(). */
void opens_begin_tick(struct opens *opens);
struct open_span *opens_find(const struct opens *opens, uint32_t tid, uint64_t start_ns);
/* NULL: no room. */
struct open_span *opens_add(struct opens *opens, uint32_t tid, uint64_t start_ns);
void opens_mark(struct opens *opens, struct open_span *span, uint64_t number, uint64_t abandoned);
void opens_drop(struct opens *opens, struct open_span *span);

/*
 * Drops those that are missing and were last seen by tick @last: their records were lost, or they were
 * abandoned. The latter is taken of those since which the component's counter has grown, at most
 * @credit of them; returns how many.
 */
uint64_t opens_evict(struct opens *opens, uint64_t last, uint64_t abandoned, uint64_t credit);

#endif
