/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The monitor once more, plain and slow: it keeps every span, and works out every figure anew at each tick.
 * It shares nothing with user/monitor/ but the words of a contract, so that either can find the other wrong.
 */
#ifndef LAPSE_TEST_MODEL_H
#define LAPSE_TEST_MODEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "monitor/contract.h"

#define MODEL_MOST	 3 /* components */
#define MODEL_OBJECTIVES 6

/* What happened in one tick, but for its spans. */
struct model_tick {
	uint64_t now_ns, period_ns;
	size_t spans, connects; /* how many had been counted by its end */
	uint64_t hits, misses;
	uint64_t lost;
	uint64_t seconds;  /* that it stands for: one, but for a late one */
	bool running, ran; /* a process of it did at all moments, and at some */
	uint64_t in_flight;
	uint64_t resident; /* bytes; 0: not known */
	bool hangs;	   /* a span in flight is past the critical latency */
};

struct model_span {
	uint32_t tid;
	uint64_t start_ns, ns;
	uint64_t fed_ns; /* the tick that counted it */
	bool error;
	bool told;	 /* its record came */
	unsigned values; /* bits: which of value[] are there */
	int64_t value[LAPSE_VALUES];
};

struct model_connect {
	uint64_t ns, fed_ns;
	bool failed, told;
};

/* What one call of model_tick() said besides. */
struct model_feed {
	uint64_t now_ns, lost;
};

/* A span in flight that was found past its limit. */
struct model_open {
	uint32_t tid;
	uint64_t start_ns;
	int severity;  /* the highest that was told */
	uint64_t held; /* it was counted, not announced, and would be with the announcement of this number */
};

struct model_objective {
	struct objective objective;
	uint64_t violations;
	double measured; /* NAN: not judged yet */
	bool violated, judged, unsure;
	bool breached; /* or near it, and not known to hold again */
	uint64_t breached_since;
	bool beyond; /* breached, and no less */
	uint64_t beyond_since;
	/* Of a budget: the pair of windows that speaks. */
	double burn_limit;
	enum severity burn_severity;
	/* `breaches: n/time`: when each was. */
	uint64_t *times;
	size_t n_times;
};

struct model_finding {
	enum severity severity;
	bool breach, approach; /* an approach warns of a breach that is not there yet */
	double measured;       /* NAN: not known */
	double limit;
	uint64_t n; /* violations that it stands for; 0: of one that was counted before */
	bool held;  /* n is 0: it is one of those held back */
	uint64_t time_ns, window_ns;
	bool open;
};

struct model_alert {
	bool firing, told, ever;
	enum objective_kind kind; /* as announced last, like the rest: */
	int severity;
	double limit;
	struct model_finding last;
	uint64_t since_ns, announced_ns, not_calm_ns, last_violation_ns;
	uint64_t held_back, violations, announcements;
};

struct model_component {
	struct model *model;
	uint32_t id;
	struct window_spec window;
	struct thresholds thresholds;
	struct alert_policy policy;
	bool outcome_unknown;
	const char *value_name[LAPSE_VALUES];
	struct model_objective objective[MODEL_OBJECTIVES];
	size_t n_objectives;
	struct model_alert alert[OBJ_KINDS]; /* by the first kind of the violation type */
	struct model_span *spans;	/* in the order of their ends; those up to counted are in a tick */
	size_t n_spans, counted, fresh; /* those from fresh on came with the newest tick */
	bool ever_in_flight;
	struct model_connect *connects;
	size_t n_connects, connects_counted;
	struct model_feed *feeds;
	size_t n_feeds;
	struct model_tick *ticks;
	size_t n_ticks;
	struct model_open open[16];
	size_t n_open;
	uint64_t *violation_ns; /* when each was */
	size_t n_violations;
};

struct model {
	uint64_t start_ns, now_ns;
	bool extends; /* the newest tick made the one before longer */
	int exit_severity;
	struct model_component component[MODEL_MOST + 1]; /* the last with anything: all together */
	size_t n_components;
	struct model_component system;
	uint64_t next_health_ns;
	uint64_t n_health;
	FILE *out; /* what is announced */
};

/* One tick's part of a component that spans and connections do not tell. */
struct model_input {
	uint64_t hits, misses, lost, in_flight, resident;
	bool running;
	bool ended;		       /* none is running, but one was since the tick before */
	const struct model_span *open; /* in flight; ns is the age */
	size_t n_open;
};

void model_begin(struct model *model, uint64_t start_ns, int exit_severity, const struct contract *system);
void model_end(struct model *model);
struct model_component *model_add(struct model *model, const struct window_spec *window,
				  const struct contract *contract,
				  const char *const value_name[LAPSE_VALUES]);

/* A span ended; its record is on its way if it is @span->told, and is lost otherwise. */
void model_span(struct model_component *component, const struct model_span *span);
/* The same for a connection; its record came now. */
void model_connect(struct model_component *component, const struct model_connect *connect, uint64_t end_ns);
/* A tick ended: @input by component. */
void model_tick(struct model *model, uint64_t now_ns, uint64_t period_ns, const struct model_input *input);

enum verdict model_verdict(const struct model_component *component, size_t objective);
double model_health(const struct model_component *component);

#endif
