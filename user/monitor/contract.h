/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What is promised: objectives, thresholds and the alert policy, as monitor parts read them. */
#ifndef LAPSE_CONTRACT_H
#define LAPSE_CONTRACT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "bpf/event.h"

enum objective_kind {
	OBJ_MAX_LATENCY,
	OBJ_MAX_P50,
	OBJ_MAX_P90,
	OBJ_MAX_P95,
	OBJ_MAX_P99,
	OBJ_MAX_P999,
	OBJ_MAX_ERROR_RATE,
	OBJ_MAX_FAILURE_RATE,
	OBJ_MIN_CACHE_HIT_RATE,
	OBJ_MIN_THROUGHPUT,
	OBJ_MIN_BATCH_SIZE,
	OBJ_MAX_MEMORY,
	OBJ_MIN_POOL_EFFICIENCY,
	OBJ_MAX_CONNECTION_TIME,
	OBJ_MIN_UPTIME,
	OBJ_MAX_BACKLOG,
	OBJ_MAX_VALUE,
	OBJ_MIN_VALUE,
	OBJ_MAX_SYSTEM_ERROR_RATE,
	/* By the budget of bad spans instead of by single ones, or a rate. */
	OBJ_LATENCY_BUDGET,
	OBJ_ERROR_BUDGET,
	OBJ_FAILURE_BUDGET,
	OBJ_KINDS,
};

enum severity { SEV_NOTICE, SEV_WARNING, SEV_CRITICAL };

enum verdict { VERDICT_NONE, VERDICT_HELD, VERDICT_VIOLATED, VERDICT_UNKNOWN };

/* How an objective's limit is written, and so what may be compared with it. */
enum quantity {
	QUANTITY_DURATION,
	QUANTITY_RATE,
	QUANTITY_THROUGHPUT,
	QUANTITY_SIZE,
	QUANTITY_COUNT,
	QUANTITY_BURN
};

/* What an objective is measured by, and so what a component's probes must tell. */
enum objective_source {
	SOURCE_DURATIONS,
	SOURCE_OUTCOMES, /* which spans failed */
	SOURCE_CACHE,	 /* hits and misses */
	SOURCE_VALUE,	 /* a captured value */
	SOURCE_OPEN,	 /* spans in flight */
	SOURCE_SPANS,	 /* that they are completed, at all */
	SOURCE_CONNECTS, /* the connections that it opens */
	SOURCE_REUSE,	 /* these, beside its spans */
	SOURCE_MEMORY,	 /* what its processes have in memory */
};

/* What makes a breach critical. */
enum severity_rule {
	SEVERITY_BY_RATIO, /* measured to limit, by the latency multipliers */
	SEVERITY_BY_ERROR_RATE,
	SEVERITY_BY_UPTIME,
	SEVERITY_BY_BURN, /* the pair of windows that burns */
	SEVERITY_WARNING, /* nothing does */
};

/* One row of the table that everything about objectives comes from. */
struct objective_kind_info {
	enum objective_kind kind;
	const char *key;       /* in a contract: "max_latency" */
	const char *violation; /* "LATENCY_VIOLATION" */
	enum quantity quantity;
	enum objective_source source;
	enum severity_rule severity_rule;
	bool upper;	   /* breach is measured > limit; else < */
	bool per_span;	   /* judged span by span, else at each tick: */
	bool at_tick;	   /* by what is there at the tick alone, else over the window, */
	bool by_period;	   /* or over a stretch of time that is neither shorter nor longer, */
	bool by_ticks;	   /* or by what each tick of one was, */
	bool by_burn;	   /* or by how fast a budget burns: a limit of 1 is that it just lasts */
	bool of_system;	   /* of all components together; its key stands under `system` */
	bool names_value;  /* one objective a captured value, which the contract names; any limit will do */
	const char *value; /* the captured value that it is always about; NULL: none */
	double quantile;   /* of max_pNN; 0 elsewhere */
	const char *help;
};
const struct objective_kind_info *objective_info(enum objective_kind kind);
/* NULL if @key names no objective of a component. */
const struct objective_kind_info *objective_by_key(const char *key);

struct objective {
	enum objective_kind kind;
	double limit;		      /* ns, fraction, per second, bytes or count, by the quantity */
	char value[LAPSE_VALUE_NAME]; /* max_value and min_value: the captured value meant */
	uint64_t for_ns;	      /* window objectives: must stay breached that long; 0: at once */
	uint64_t over_ns;	      /* 0: the component's window */
	bool since_start;	      /* the system's error rate: over all time */
	uint64_t min_samples;	      /* 0: by the rule of the manual */
	double span_limit;	      /* budget of latencies: a span that takes longer is bad, ns */
	double target, budget;	      /* the share of spans that are to be good, that may be bad ... */
	uint64_t period_ns;	      /* ... over that time */
	bool has_severity;
	enum severity severity; /* of every breach, where has_severity */
	uint32_t breaches;	/* span objectives: alert on the nth breach ... */
	uint64_t breaches_ns;	/* ... within this time; 0 and 0: the first */
};

/* The same objective by a budget; NULL: it has none. */
const struct objective_kind_info *objective_by_budget(enum objective_kind kind);

/* Two windows that must both burn so fast for an alert; user/monitor/burn.h has the rule. */
struct burn_pair {
	uint64_t long_ns, short_ns;
	double rate;
	enum severity severity;
};
#define BURN_PAIRS 3
struct burn_pair burn_pair(size_t i, uint64_t period_ns);

/* Of an objective on durations, the one that must not be passed. */
double objective_duration(const struct objective *objective);

/* The name of the captured value that @objective is about; NULL: of none. */
const char *objective_value(const struct objective *objective);

struct thresholds {
	double warning_multiplier;  /* warning.latency_multiplier, 1.0 */
	double critical_multiplier; /* critical.latency_multiplier, 2.0 */
	double critical_error_rate; /* 0.10 */
	double warning_uptime;	    /* 0.995 */
	double critical_uptime;	    /* 0.99 */
};

/* Names and texts that go with every alert: of people, not of what is measured. */
struct label {
	char *name, *value;
};
struct label_set {
	struct label *list;
	size_t n;
};

struct alert_policy {
	uint64_t cooldown_ns;	   /* 60 s */
	uint64_t resolve_after_ns; /* 30 s */
};

/* A duration of whole ticks, or the last n spans. */
struct window_spec {
	uint32_t last;	      /* count window, at most WINDOW_MAX_LAST; 0: by duration */
	uint64_t duration_ns; /* 10 s */
	uint64_t max_ns;      /* how far back it may reach for enough spans, 10 min */
};
#define WINDOW_MAX_LAST 10000
#define WINDOW_MAX_NS	(600 * 1000000000ULL)
/* Of min_uptime, unless `over` says another. */
#define UPTIME_OVER_NS	(3600 * 1000000000ULL)

struct contract {
	struct objective *objectives;
	size_t n_objectives;
	struct thresholds thresholds;
	struct alert_policy alerts;
	/* Labels say who an alert is for, annotations what to do about it; not copied by the monitor. */
	struct label_set labels, annotations;
};

/* The captured values that @contract's objectives are about, each name once: the first @most of them into
 * @names (they are @contract's). Returns how many there are. */
size_t contract_values(const struct contract *contract, const char **names, size_t most);

/* The defaults of the manual. */
struct thresholds thresholds_default(void);
struct alert_policy alert_policy_default(void);
struct window_spec window_spec_default(void);

/* The built-in objective over all components: 5 % of errors over 5 minutes. */
struct objective objective_system_default(void);

/* The severity of a breach of @objective by @measured. */
enum severity severity_of(const struct objective *objective, const struct thresholds *thresholds,
			  double measured);

#endif
