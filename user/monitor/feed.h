/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What enters the pipeline: spans and ticks, one numbered sequence. All time is in them; nothing
 * behind them reads a clock. The same sequence gives the same figures and alerts, live, replayed
 * or in a test.
 */
#ifndef LAPSE_FEED_H
#define LAPSE_FEED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "bpf/event.h"
#include "monitor/snapshot.h"
#include "monitor/why_rows.h"

/* So many spans fell into this bucket since the last tick. */
struct bucket_delta {
	uint16_t index;
	uint32_t count;
};

/* Sums over the shards of struct lapse_cell, since the start of tracing. */
struct tick_counters {
	uint64_t entries, returns, errors, sum_ns, sum_raw_ns;
	uint64_t level[LAPSE_LEVELS];
	uint64_t too_deep, abandoned, jumps, stray, maps_full, ring_dropped;
	uint64_t restarted, unmatched_end; /* keyed spans */
	uint64_t timed_out;		   /* keyed spans that were given up; abandoned has them too */
	uint64_t hits, misses;		   /* of a cache */
};

/* A captured value, since the start of tracing but for what is said of the late extremes. */
struct tick_value {
	char name[LAPSE_VALUE_NAME]; /* empty: this one is not in use */
	uint64_t count;
	int64_t sum, last;
	uint64_t above[LAPSE_LEVELS]; /* spans whose value exceeded the limits of max_value */
	uint64_t below[LAPSE_LEVELS]; /* ... or fell below those of min_value */
	int64_t late_min, late_max;   /* of spans that ended in the tick before; min > max: none */
};
/* In place of extremes that are further out than the kernel keeps: how far is not known. */
#define TICK_VALUE_BELOW_ALL INT64_MIN
#define TICK_VALUE_ABOVE_ALL INT64_MAX

/* What a component's connections did since the start. */
struct tick_tcp {
	uint64_t sent, received;
	uint64_t retransmits, pipelined;
	uint64_t network_ns, unread_ns; /* of its requests, together */
	uint64_t opened, mux;		/* connections that began, and that were told to be multiplexed */
	uint64_t srtt_us, srtt_n;	/* sum over spans, and how many knew it */
	uint64_t min_rtt_us;		/* the lowest so far; 0: none */
	uint64_t before; /* of connects: connections that stood before the start, or were seen late */
};

/* Of a component's processes, since the tick before. Recordings hold these numbers. */
enum tick_running {
	TICK_IDLE,    /* none was alive */
	TICK_RUNNING, /* one is alive */
	TICK_ENDED,   /* one was, and none is */
};

/* The connections that a component opens, by a probe of their own, since the start. */
struct tick_connects {
	uint64_t opened, failed;
	uint64_t level[LAPSE_LEVELS]; /* as tick_counters.level, of max_connection_time */
	uint64_t lost;		      /* attempts that tracing missed */
	uint64_t before;	      /* connections of that probe that stood already */
	uint64_t ring_dropped;	      /* records of attempts */
	uint64_t late_max_ns;	      /* of those that ended in the tick before; 0: none */
};

struct tick_component {
	uint32_t component;
	enum tick_running running;
	bool detached;		 /* its probes were taken away before the end */
	uint64_t resident_bytes; /* of its processes; 0: not known */
	/* Replayed by other limits than it was traced by: of some spans it is not known whether they are
	 * beyond. */
	bool unplaced;
	struct tick_counters counters;
	const struct bucket_delta *buckets; /* in ascending order of index */
	size_t n_buckets;
	/* The least and the greatest of what the buckets hold. One that does not lie in the outermost of them
	 * is not known. */
	uint64_t min_ns, max_ns;
	/* Of spans that ended in the tick before, when none of them can be on its way any more; max 0 and min
	 * ~0: none. */
	uint64_t late_max_ns, late_min_ns;
	/* Count windows: the newest durations, oldest first (top bit: error); else none. */
	const uint64_t *recent;
	size_t n_recent;
	uint64_t recent_total; /* how many were ever written */
	struct tick_value value[LAPSE_VALUES];
	uint64_t cache_lost; /* hits or misses that were lost since the start */
	struct tick_tcp tcp;
	struct why_rows causes; /* since the start */
	struct tick_connects connects;
};

/* What tracing lost and cost, since the start. */
struct tick_self {
	uint64_t kernel_missed;	 /* runs of measuring programs that the kernel skipped */
	uint64_t values_unnamed; /* of markers: under more names than a component has room for */
	uint64_t stacks_lost;	 /* of waits, that could not be kept */
	uint64_t ring_dropped;	 /* of records that belong to no component */
	uint64_t not_streamed;	 /* spans that were to be sent, and were not: above the rate that is wanted */
	uint64_t hits;		 /* probe hits */
	double ns_per_hit;	 /* as calibrated, weighted by the hits of each class */
	uint64_t probe_ns;	 /* measured cost of all hits */
	uint64_t target_cpu_ns;	 /* what the target used since tracing began */
	uint64_t tracer_cpu_ns;
	uint64_t tracer_rss_bytes;
	double delivery_p50_ns, delivery_p99_ns; /* from a breach to lapse; NAN: none, or not measured */
	uint64_t processor_ticks; /* of all processors together, in clock ticks; 0: not looked up */
	uint64_t stolen_ticks;	  /* of them, those that the host gave to others */
};

/*
 * A span in flight past its limit, and what its thread is at. The head's flags say what is known:
 * LAPSE_SPAN_OPEN | LAPSE_SPAN_HUNG, and LAPSE_SPAN_WHY where its causes until now are.
 */
struct hung_span {
	struct lapse_why_span head; /* first: who has the span finds the rest by its flags */
	struct thread_now now;
	uint64_t since_ns;		  /* of the present state; 0: not known */
	int32_t kernel_stack, user_stack; /* of the present wait, as in struct lapse_block */
	bool has_registers; /* with which it goes on; of one that runs, as it last entered the kernel */
	uint64_t ip, sp, bp;
};

struct tick {
	uint64_t now_ns;    /* CLOCK_MONOTONIC */
	uint64_t period_ns; /* since the tick before; 0 in the first: since the start */
	const struct tick_component *components;
	size_t n_components;
	/* Spans in flight, as struct lapse_span with LAPSE_SPAN_OPEN and duration_ns = their age. */
	const struct lapse_span *open;
	size_t n_open;
	/* Those of them that are past their limit, sorted for tick_open_span(). */
	struct hung_span *hung;
	size_t n_hung;
	/* False where open spans could not be enumerated: then in flight is entries less the rest. */
	bool open_known;
	struct tick_self self;
};

/* Orders spans by what no other has: for qsort() and bsearch(). */
int span_by_identity(const void *a, const void *b);

/* Span @i of those in flight, as the head of all that is known of it. */
const struct lapse_span *tick_open_span(const struct tick *tick, size_t i);

#endif
