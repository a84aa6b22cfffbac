/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What people are told of the breaches of one key: (component, violation type). */
#ifndef LAPSE_MONITOR_ALERT_H
#define LAPSE_MONITOR_ALERT_H

#include "monitor/breach.h"
#include "monitor/monitor.h"

/* `breaches: n/time` of one objective: when its last n breaches were. All zeroes: the first is told. */
struct alert_gate {
	uint64_t *times;
	uint32_t wanted;
	uint64_t within_ns, seen;
	struct alert_gate *next; /* of the same key */
};

struct alert_key {
	const char *type; /* the violation type */
	enum alert_state state;
	struct alert alert;	    /* as last announced, with counts up to now */
	uint64_t announcements;	    /* so far */
	uint64_t announced_ns;	    /* the cooldown runs from here ... */
	bool announced;		    /* ... if it was ever announced, */
	bool told;		    /* and in this firing */
	uint64_t last_breach_ns;    /* the last time it was not calm */
	uint64_t last_violation_ns; /* for forgetting it */
	struct alert_gate *gates;
};

/* Through @gate breaches make @key fire only on the @n-th within @within_ns. 0 or -ENOMEM;
 * alert_free() releases what its gates hold. */
int alert_wants(struct alert_key *key, struct alert_gate *gate, uint32_t n, uint64_t within_ns);
void alert_free(struct alert_key *key);

/* A breach, or an approach, at its time; @gate is its objective's, or NULL. True: it was held back. */
bool alert_breach(struct alert_key *key, struct alert_gate *gate, const struct alert_policy *policy,
		  const struct breach *breach, const struct monitor_sink *sink);
/* A breach that goes on: a span that still hangs. */
void alert_ongoing(struct alert_key *key, uint64_t now_ns);
/* Not known to hold again: neither a violation nor calm. */
void alert_not_calm(struct alert_key *key, uint64_t now_ns);
/* Nothing is promised of it any more: resolves it, if it fires. */
void alert_withdraw(struct alert_key *key, uint64_t now_ns, const struct monitor_sink *sink);
/* Resolves and forgets; each tick, after all its breaches. */
void alert_tick(struct alert_key *key, const struct alert_policy *policy, uint64_t now_ns,
		const struct monitor_sink *sink);

#endif
