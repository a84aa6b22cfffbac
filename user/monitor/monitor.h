/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The pipeline from spans and ticks to figures, verdicts and alerts. It holds no descriptor, reads
 * no clock and prints nothing: what it finds goes to the sink, what it knows into the snapshot.
 */
#ifndef LAPSE_MONITOR_H
#define LAPSE_MONITOR_H

#include <stdbool.h>

#include "monitor/contract.h"
#include "monitor/feed.h"
#include "monitor/snapshot.h"

struct monitor;

struct monitor_sink {
	void (*violation)(void *context, const struct violation *violation);
	void (*alert)(void *context, const struct alert *alert);
	/* Every 10 s of fed time, after the tick; take the snapshot for its figures. */
	void (*health)(void *context);
	void *context;
};

struct monitor_options {
	uint64_t start_ns;	/* monotonic, when tracing began */
	int64_t epoch_ns;	/* wall clock less monotonic */
	uint64_t tick_ns;	/* 1 s */
	uint64_t interval_ns;	/* of reports; a multiple of the tick */
	unsigned bucket_bits;	/* LAPSE_BUCKET_BITS_FINE or _COARSE */
	uint32_t exit_severity; /* enum severity: breaches below it leave the verdict alone */
	/* The objective over all components, checked every 10 s; copied; NULL: none. */
	const struct contract *system;
	bool system_promised; /* asked for: not known to hold is unknown then, and no matter else */
};

struct monitor_component {
	const char *name, *function, *object; /* copied */
	struct window_spec window;
	bool outcome_unknown; /* nothing tells a failed span from a good one */
	bool untimed;	      /* counted, without durations */
	bool has_cache;	      /* look-ups of a cache are counted for it ... */
	bool cache_apart;     /* ... by a probe that is not its own */
	bool tcp;	      /* its spans are of connections */
	bool connects;	      /* a probe of their own tells of the connections that it opens */
	bool spare;	      /* has what finds no place elsewhere: declared only once there is something */
	/* Captured values by index, copied; NULL: none, or named by a tick_value later. */
	const char *value_name[LAPSE_VALUES];
	const struct contract *contract; /* copied; NULL: none */
};

/* NULL when out of memory. @sink is copied; its functions may be NULL. */
struct monitor *monitor_new(const struct monitor_options *options, const struct monitor_sink *sink);
void monitor_free(struct monitor *monitor);

/* Adds a component; its number is the count of those added before. Returns it, or -ENOMEM. */
int monitor_add(struct monitor *monitor, const struct monitor_component *component);

/* The limits that the kernel must know so that it counts and sends what the contract needs. */
void monitor_kernel_levels(const struct monitor *monitor, uint32_t component,
			   uint64_t level_ns[LAPSE_LEVELS]);

/* The same for the connections that it opens. */
void monitor_kernel_connect_levels(const struct monitor *monitor, uint32_t component,
				   uint64_t level_ns[LAPSE_LEVELS]);

/*
 * The same for captured value @name: a span is counted at the highest level whose limit it exceeds
 * (@above) or falls below (@below). INT64_MAX and INT64_MIN: not in use.
 */
void monitor_kernel_value_levels(const struct monitor *monitor, uint32_t component, const char *name,
				 int64_t above[LAPSE_LEVELS], int64_t below[LAPSE_LEVELS]);

/* Tracing begins now, not when the monitor was made; before the first tick. */
void monitor_start(struct monitor *monitor, uint64_t start_ns);

/*
 * Feeds the next of the sequence. Returns 0, -EINVAL (unknown component or bucket; nothing was taken)
 * or -ENOMEM. What a tick's counters hold has been fed as records before, but for those that were lost, and
 * none of its spans in flight has.
 * The sink is called from within; it may take the snapshot, but not feed.
 */
int monitor_span(struct monitor *monitor, const struct lapse_span *span);
int monitor_tick(struct monitor *monitor, const struct tick *tick);
/* @span is the opening of a connection by @component, whatever component it is of. */
int monitor_connect(struct monitor *monitor, uint32_t component, const struct lapse_span *span);

/* Whether the last tick ended a reporting interval: the snapshot's interval figures are new. */
bool monitor_interval_ended(const struct monitor *monitor);

/* The end: @reason is kept for the snapshot (not copied). True if a last, shorter interval ended. */
bool monitor_end(struct monitor *monitor, const char *reason);

/* Parts of what was to be fed are missing, nobody knows which: what did not break is not known to have held.
 * @why is not copied. */
void monitor_has_gaps(struct monitor *monitor, const char *why);

/* What a component promises from now on. */
struct monitor_promise {
	struct window_spec window; /* a count window as before */
	const struct contract *contract;
};

/*
 * Other contracts, one a component in their order, and of all together; labels are not copied. What was
 * measured stays, as do violations and alerts of objectives that are still there; what the kernel counts by
 * is to be asked for anew. 0, or -ENOMEM where nothing has changed. The sink is called for alerts that
 * nothing is promised of any more: they are resolved.
 */
int monitor_renew(struct monitor *monitor, const struct monitor_promise *promises,
		  const struct contract *system, bool system_promised);

/* How the handlers have fared, for the snapshot (not copied). */
void monitor_set_handlers(struct monitor *monitor, const struct handler_stats *handlers, size_t n);

/* Lines of the output that were not written, for the snapshot. */
void monitor_dropped_lines(struct monitor *monitor, uint64_t n);

/* For the snapshot; not copied. */
void monitor_recorded(struct monitor *monitor, const struct recording *recording);

/* All but the newest violations and the histograms, which grow while lapse runs. Valid until the next call on
 * @monitor; NULL when out of memory. */
const struct snapshot *monitor_snapshot(struct monitor *monitor);

/* With those, as a report wants them. */
const struct snapshot *monitor_snapshot_full(struct monitor *monitor);

/* The same for what happens to @component alone, which of many is made sooner: what is said of others but
 * their names, and of all together, may be as the last snapshot had it. */
const struct snapshot *monitor_snapshot_of(struct monitor *monitor, uint32_t component);

/* The same where nothing but names is wanted of @component either, as lines on single spans and violations
 * want it: thousands may come in a second. */
const struct snapshot *monitor_names_of(struct monitor *monitor, uint32_t component);

#endif
