/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What is promised: objectives, thresholds and the alert policy, as monitor parts read them. */
#ifndef LAPSE_CONTRACT_H
#define LAPSE_CONTRACT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum objective_kind {
	OBJ_MAX_LATENCY,
	OBJ_MAX_P50,
	OBJ_MAX_P90,
	OBJ_MAX_P95,
	OBJ_MAX_P99,
	OBJ_MAX_P999,
	OBJ_KINDS,
};

enum severity { SEV_NOTICE, SEV_WARNING, SEV_CRITICAL };

enum verdict { VERDICT_NONE, VERDICT_HELD, VERDICT_VIOLATED, VERDICT_UNKNOWN };

/* How an objective's limit is written, and so what may be compared with it. */
enum quantity { QUANTITY_DURATION, QUANTITY_RATE, QUANTITY_THROUGHPUT, QUANTITY_SIZE, QUANTITY_COUNT };

/* One row of the table that everything about objectives comes from. */
struct objective_kind_info {
	enum objective_kind kind;
	const char *key;       /* in a contract: "max_latency" */
	const char *violation; /* "LATENCY_VIOLATION" */
	enum quantity quantity;
	bool upper;	 /* breach is measured > limit; else < */
	bool per_span;	 /* judged span by span, else over the window */
	double quantile; /* of max_pNN; 0 elsewhere */
	const char *help;
};
const struct objective_kind_info *objective_info(enum objective_kind kind);
/* NULL if @key names no objective. */
const struct objective_kind_info *objective_by_key(const char *key);

struct objective {
	enum objective_kind kind;
	double limit;	      /* ns, fraction, per second, bytes or count, by the quantity */
	uint64_t for_ns;      /* window objectives: must stay breached that long; 0: at once */
	uint64_t over_ns;     /* 0: the component's window */
	uint64_t min_samples; /* 0: by the rule of the manual */
	bool has_severity;
	enum severity severity; /* of every breach, where has_severity */
	uint32_t breaches;	/* span objectives: alert on the nth breach ... */
	uint64_t breaches_ns;	/* ... within this time; 0 and 0: the first */
};

struct thresholds {
	double warning_multiplier;  /* warning.latency_multiplier, 1.0 */
	double critical_multiplier; /* critical.latency_multiplier, 2.0 */
	double critical_error_rate; /* 0.10 */
	double warning_uptime;	    /* 0.995 */
	double critical_uptime;	    /* 0.99 */
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

struct contract {
	struct objective *objectives;
	size_t n_objectives;
	struct thresholds thresholds;
	struct alert_policy alerts;
};

/* The defaults of the manual. */
struct thresholds thresholds_default(void);
struct alert_policy alert_policy_default(void);
struct window_spec window_spec_default(void);

/* The severity of a breach of @objective by @measured. */
enum severity severity_of(const struct objective *objective, const struct thresholds *thresholds,
			  double measured);

#endif
