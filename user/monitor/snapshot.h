/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The whole state at a moment, read only: every output renders this and nothing else. A figure
 * that is not known says so (has_*, NAN, NULL); it is never 0 in place of unknown.
 */
#ifndef LAPSE_SNAPSHOT_H
#define LAPSE_SNAPSHOT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "bpf/event.h"
#include "monitor/contract.h"

enum trend { TREND_UNKNOWN, TREND_STABLE, TREND_INCREASING, TREND_DECREASING };

/* A captured value over some stretch of time. */
struct value_stats {
	const char *name;
	uint64_t count;
	double mean;	   /* NAN with none */
	int64_t last;	   /* with count alone */
	bool has_extremes; /* those of the newest values come a tick late */
	int64_t min, max;
};

/* What connections did over some stretch of time. */
struct tcp_stats {
	uint64_t opened; /* connections that began */
	uint64_t mux;	 /* and that were told to carry several requests at once: these have no spans */
	uint64_t sent, received;
	uint64_t retransmits, pipelined;
	double network_ns, unread_ns; /* means of its requests; NAN with none */
	double srtt_ns;		      /* mean over its spans; NAN: unknown */
	bool has_min_rtt;
	uint64_t min_rtt_ns; /* since the start */
};

/* Figures over some stretch of time. */
struct stats {
	uint64_t covered_ns; /* the stretch itself */
	uint64_t count, errors;
	bool has_errors;      /* false: nothing tells a failed span from a good one */
	double rate_per_s;    /* count / covered; NAN while nothing is covered */
	double error_rate;    /* NAN with no span */
	double avg_ns;	      /* NAN with no span, or no duration */
	bool has_percentiles; /* two spans or more */
	uint64_t p50_ns, p90_ns, p95_ns, p99_ns, p999_ns;
	bool has_extremes;
	uint64_t min_ns, max_ns;
	uint64_t hits, misses; /* of the component's cache */
	double cache_hit_rate; /* NAN with no look-up */
	struct value_stats values[LAPSE_VALUES];
	size_t n_values;
	struct tcp_stats tcp; /* all 0 in the window, which does not keep them */
};

/* An occupied bucket: durations in [low, high). */
struct histogram_row {
	uint64_t low_ns, high_ns, count;
};

/* Who or what a wait was for: the span or the command that ended it, the remote end, who ran instead. */
enum cause_namer { CAUSE_UNNAMED, CAUSE_COMPONENT, CAUSE_COMMAND, CAUSE_PEER };
struct cause_name {
	uint32_t by;	    /* enum cause_namer */
	uint32_t component; /* the span that the waker was in */
	char comm[LAPSE_COMM_LEN];
	struct lapse_address peer;
};

/* The name that was seen longest for one cause. */
struct cause_named {
	uint32_t cause; /* enum lapse_cause */
	double share;	/* of the cause's time, for which it was seen; single waits that were not sent are not
			 */
	struct cause_name name;
};
#define CAUSE_NAMES 3

/* What the slowest share of spans spent their time on. */
struct cause_band {
	double share;	/* of all spans, as asked for: 1, 0.1, 0.01 */
	double held;	/* ... and as it is: spans are only told apart by how slow they roughly were */
	uint64_t count; /* spans in it; 0: nothing is known of them */
	double mean_ns;
	double part[LAPSE_CAUSES + 1]; /* of their time, by enum lapse_cause; the last: on the CPU */
	struct cause_named named[CAUSE_NAMES];
	size_t n_named;
};
#define CAUSE_BANDS 3
extern const double cause_shares[CAUSE_BANDS];

/* Where the thread of a span in flight is. */
enum thread_state { THREAD_UNKNOWN, THREAD_RUNNING, THREAD_RUNNABLE, THREAD_BLOCKED };
#define THREAD_PLACE 128
struct thread_now {
	uint32_t state;		   /* enum thread_state */
	uint32_t cause;		   /* of a blocked one, enum lapse_cause; LAPSE_CAUSES: not known */
	uint64_t for_ns;	   /* so far; 0: not known */
	struct lapse_address peer; /* port 0: none, or several */
	uint64_t n_peers;	   /* remote ends of the connections that it polls; 0: none, or it does not */
	struct thread_holder {
		uint32_t tid;	    /* of the same process; 0: not known */
		uint32_t component; /* counted from 1, of the span that it is in; 0: none */
		char comm[LAPSE_COMM_LEN];
	} holder;		  /* of the lock */
	char place[THREAD_PLACE]; /* "futex_wait_queue <- pthread_mutex_lock <- handle_order"; "": not known
				   */
};

/* Why something was slow: a span, or the slowest of many. */
struct explanation {
	struct cause_band causes;
	struct thread_now now; /* of a span in flight */
};

struct violation {
	uint32_t component; /* snapshot.n_components: all together, the row behind the last */
	enum objective_kind kind;
	enum severity severity;
	const char *value; /* the captured value that it is about; NULL: none */
	double measured, limit;
	uint64_t time_ns;  /* monotonic: the span's end, or the tick */
	bool open;	   /* a span still in flight */
	uint32_t pid, tid; /* of the span; 0 for window objectives */
	char comm[16];
	const struct explanation *why; /* as long as it is told of; NULL: not known */
};

enum alert_state { ALERT_OK, ALERT_PENDING, ALERT_FIRING, ALERT_RESOLVED };
/* What an announcement says happened. */
enum alert_event { ALERT_EVENT_FIRING, ALERT_EVENT_ESCALATED, ALERT_EVENT_RESOLVED };

struct alert {
	enum alert_event event;
	uint32_t component;
	enum objective_kind kind;
	enum severity severity;
	const char *value;
	double measured, limit;
	uint64_t time_ns;
	uint64_t since_ns;   /* when it began to fire */
	uint64_t held_back;  /* violations since the last announcement that were not announced */
	uint64_t violations; /* since it began to fire */
	uint64_t window_ns;  /* covered by a window objective; 0 for span objectives */
	bool approach;	     /* warned on approach: below the limit */
	bool open;
	uint32_t pid, tid;
	char comm[16];
	struct explanation why;
};

/* A span in flight past its limit, as the last tick saw it. */
struct hung {
	uint32_t pid, tid;
	uint64_t start_ns, age_ns;
	char comm[16];
	struct explanation why;
};
#define HUNG_SHOWN 10

struct objective_state {
	struct objective objective;
	enum verdict verdict;
	double measured;	 /* last; NAN: not judged yet */
	double worst;		 /* NAN: none */
	uint64_t violations;	 /* since start */
	const char *why_unknown; /* NULL where the verdict is known */
	uint64_t spans_needed;	 /* in the window, where there are too few; else 0 */
	uint64_t until_ns;	 /* of one that is no longer promised so: when that ended, monotonic */
};

struct component_snapshot {
	const char *name, *function, *object;
	bool fed;			      /* a probe of its own has been hit */
	bool unused;			      /* not even declared, as long as nothing needs it */
	bool untimed;			      /* its spans are events without a duration */
	bool tcp;			      /* its spans are of connections */
	bool detached;			      /* its probes were too dear, and have been taken away */
	bool has_cache;			      /* look-ups of a cache are counted, or have been */
	bool connects_unseen;		      /* it has a probe of its connections, which has shown none */
	const char *value_name[LAPSE_VALUES]; /* by index in a span; NULL: not in use */
	struct stats interval;		      /* the last reporting interval */
	struct stats window;
	struct stats total; /* since start */
	struct window_spec window_spec;
	const struct cause_band *bands; /* all spans first, the slowest last */
	size_t n_bands;			/* 0: causes are not known */
	const struct hung *hung;	/* the oldest of those in flight past their limit, the oldest first */
	size_t n_hung;
	uint64_t hung_more; /* and how many there are besides */
	uint64_t in_flight;
	bool has_oldest;
	uint64_t oldest_in_flight_ns; /* age */
	enum trend latency_trend, error_trend, throughput_trend;
	double health;		 /* NAN: no data yet */
	uint64_t last_update_ns; /* monotonic; 0: never */
	enum verdict verdict;
	struct label_set labels, annotations; /* that go with its alerts */
	uint64_t violations;		      /* since start, all objectives */
	uint64_t violations_24h;
	struct violation *newest; /* of them, the newest 1,000 at most, oldest first; in a full snapshot */
	size_t n_newest;
	struct objective_state *objectives;
	size_t n_objectives;
	/* Violated, and then taken back or given another limit; the oldest first. */
	const struct objective_state *withdrawn;
	size_t n_withdrawn;
	struct histogram_row
		*histogram; /* since start, ascending, occupied buckets only; in a full snapshot */
	size_t n_histogram;
	/* Conservation: entries = returns + in_flight + too_deep + abandoned + jumps + maps_full +
	 * restarted. */
	uint64_t entries, returns, too_deep, abandoned, jumps, stray, maps_full, ring_dropped;
	uint64_t restarted, unmatched_end; /* keyed spans */
	uint64_t timed_out;		   /* keyed spans too; abandoned has them */
	double raw_avg_ns; /* since start, before what the probes cost was taken out; NAN: no span */
};

struct integrity {
	uint64_t entries, returns, in_flight, abandoned, jumps, stray, too_deep, maps_full;
	uint64_t restarted, unmatched_end;
	uint64_t unwound, timed_out; /* what abandoned consists of */
	uint64_t ring_dropped, kernel_missed;
	uint64_t values_unnamed; /* of markers, beyond the names that are kept; no contract is about them */
	uint64_t stacks_lost;	 /* of waits, that could not be kept */
	uint64_t lines_dropped;	 /* of the output, that its reader did not take in time */
	int64_t unaccounted;	 /* entries less everything else; 0 unless something is wrong */
};

struct overhead {
	uint64_t hits;
	double ns_per_hit;	 /* NAN with no hit */
	double target_cpu_share; /* probe cost as a share of the target's CPU time; NAN: unknown */
	double tracer_cpu_s;
	uint64_t tracer_rss_bytes;
	double delivery_p50_ns, delivery_p99_ns; /* from a breach's end to lapse; NAN: unknown */
};

/* What became of the alerts that a handler was told of. */
struct handler_stats {
	const char *kind;   /* as in a contract: "webhook" */
	const char *target; /* the path, program, address or signal */
	uint64_t runs;	    /* alerts that it acted on, or tried to */
	uint64_t failures;  /* of them, those that came to nothing */
	uint64_t retries;   /* further tries, of deliveries that are tried again */
	uint64_t drops;	    /* alerts, or readers, that there was no room or time for */
	uint64_t waiting;   /* alerts that it has still to act on */
};

/* What has been recorded, at the end. */
struct recording {
	const char *path;	      /* of the file that was written last; NULL: none was */
	uint64_t spans, ticks, bytes; /* in it */
	uint64_t dropped_ticks;	      /* that gave way to newer ones */
	uint64_t lost;		      /* records that found no room */
	uint64_t files;
	const char *stopped; /* why nothing more could be written; NULL: all was */
};

struct system_snapshot {
	uint64_t start_ns, now_ns, observed_ns;
	uint64_t requests, errors;
	bool has_errors;	   /* some component's spans can be told failed */
	double error_rate, avg_ns; /* NAN: no span */
	double uptime;		   /* NAN: not judged */
	size_t active_alerts;
	double overall; /* mean health, NAN: no data */
	size_t components_declared, components_fed;
	double stolen_share; /* of the processors' time, that the host gave to others; NAN: not known */
};

struct snapshot {
	int64_t epoch_ns; /* add to a monotonic time for the wall clock */
	struct system_snapshot system;
	/* Behind the last one stands a further row, "system": what all promise together. */
	struct component_snapshot *components;
	size_t n_components;
	const struct alert *firing; /* alerts that are active now, as last announced */
	size_t n_firing;
	struct integrity integrity;
	struct overhead overhead;
	unsigned bucket_bits;		   /* precision of the histograms */
	const struct recording *recording; /* NULL: nothing is recorded */
	enum verdict verdict;
	const struct handler_stats *handlers; /* in the order of the contract file */
	size_t n_handlers;
	const char *end_reason; /* NULL while running: "interrupted", "target exited (0)", ... */
};

#endif
