/* SPDX-License-Identifier: GPL-2.0-or-later */
/* All that is known of one component, and what happens to it at a span and at a tick. */
#ifndef LAPSE_MONITOR_COMPONENT_H
#define LAPSE_MONITOR_COMPONENT_H

#include "monitor/alert.h"
#include "monitor/breaches.h"
#include "monitor/burn.h"
#include "monitor/causes.h"
#include "monitor/connects.h"
#include "monitor/figures.h"
#include "monitor/latency.h"
#include "monitor/liveness.h"
#include "monitor/objective.h"
#include "monitor/recent.h"
#include "monitor/rolling.h"
#include "monitor/stage.h"
#include "monitor/values.h"
#include "monitor/violation_log.h"

struct objective_run {
	struct objective objective;
	const struct objective_kind_info *info;
	struct alert_key *alert;  /* shared by all objectives of one violation type */
	struct alert_gate gate;	  /* `breaches: n/time` */
	struct breaches breaches; /* span objectives */
	int view;		  /* of the window; -1: the count window, or none */
	struct uptime uptime;	  /* min_uptime */
	struct burn *burn;	  /* of a budget; NULL: it has none */
	struct burning burning;	  /* as last judged */
	int value;		  /* index of its captured value; -1: none, or not named yet */
	uint64_t violations;
	double measured, worst; /* NAN: none */
	bool violated;		/* severe enough for the verdict */
	bool judged, unsure;	/* ever held or breached; ever not sure because of losses */
	bool breached;		/* and not known to hold again since */
	uint64_t breached_since;
	bool beyond; /* breached, and not only near it */
	uint64_t beyond_since;
};

struct component {
	struct stage *stage;
	uint32_t id;
	char *name, *function, *object;
	struct window_spec spec;
	bool outcome_unknown; /* nothing tells a failed span from a good one */
	bool untimed, has_cache, cache_apart, tcp, spare, connects_apart;
	bool detached; /* not measured any more */
	bool unplaced; /* spans that may be beyond a limit, or may not */
	struct thresholds thresholds;
	struct alert_policy policy;
	struct label_set labels, annotations; /* the contract's own */

	struct tick_counters counters;
	struct tick_value values[LAPSE_VALUES]; /* names, counts and sums */
	uint64_t cache_lost;
	struct tick_tcp connections;
	struct causes causes;
	struct tick_connects connects;
	struct figures total, interval, last_interval; /* the last is the newest full one */
	uint64_t interval_ticks;
	struct window window; /* view 0 is the one that is shown */
	struct recent recent;

	struct liveness liveness; /* of the newest tick */
	double critical_ns;	  /* the latency beyond which a span hangs */
	uint64_t resident_bytes;  /* of its processes; 0: not known */

	uint64_t in_flight, oldest_ns;
	bool open_known, has_oldest;
	uint64_t last_update_ns;

	struct objective_run *objectives;
	size_t n_objectives;
	struct alert_key *alerts;
	size_t n_alerts;
	struct latency latency;
	struct hung *hung; /* the oldest in flight past their limit at the last tick; NULL: never any */
	size_t n_hung;
	uint64_t hung_more;
	struct objective_run *latency_budget;  /* max_latency by a budget, or NULL */
	struct objective_run *connection_time; /* max_connection_time, or NULL */
	uint64_t idle_tick;		       /* the last at whose end no process of it ran; 0: none */
	uint64_t violations;
	bool violated_before; /* an objective that is not promised any more */
	struct objective_state *withdrawn;
	size_t n_withdrawn, max_withdrawn;
	struct violation_log log;
	struct rolling day, five_minutes;
};

/* NULL when out of memory. */
struct component *component_new(struct stage *stage, uint32_t id, const struct monitor_component *wanted);
void component_free(struct component *component);

/* The end of the feed: a last interval that is shorter than the others is one too. False: none. */
bool component_end(struct component *component);

/* The steps of a tick, in this order; @input is NULL where the tick holds nothing of it. */
void component_begin_tick(struct component *component, bool open_known);
void component_open(struct component *component, const struct lapse_span *open);
int component_count(struct component *component, const struct tick_component *input);
void component_end_tick(struct component *component);

/* Adds @growth violations of @run. */
void component_violated(struct component *component, struct objective_run *run, uint64_t growth);
/* Notes the last measure of @run, and whether it is the worst. */
void component_measured(struct objective_run *run, double measured);
/* Notes a finding: in the log and to the sink if it is a violation (unless @breach->n is 0), and
 * its severity for the verdict. */
void component_report(struct component *component, struct objective_run *run, const struct breach *breach);

/* Judges the objectives that are not judged by span, and tells their alerts. */
void judge_window(struct component *component);
/* In its place where it is not due: what was breached is not known to hold again. */
void judge_later(struct component *component);

/* A step of component_end_tick() that its alerts take without being judged. */
void component_alerts_tick(struct component *component);

struct stats component_window_stats(const struct component *component);
struct stats component_stats(const struct component *component, const struct figures *figures);
/* What max_latency says, by a budget or not; NAN: nothing. */
double component_latency_limit(const struct component *component);
/* Spans of which tracing saw no whole; a verdict may hang on each. */
uint64_t component_lost(const struct component *component);

#endif
