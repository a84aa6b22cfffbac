// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The states of an alert. A breach makes it fire (from the n-th on, where so many are wanted);
 * resolve_after without one resolves it. Every firing announcement starts the cooldown, which
 * outlasts a resolution: a key that flaps is announced once per cooldown and otherwise counted.
 * Only a higher rank than the one announced last breaks through.
 */
#include "monitor/alert.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define FORGET_NS (24 * 3600 * 1000000000ULL)

int alert_wants(struct alert_key *key, struct alert_gate *gate, uint32_t n, uint64_t within_ns)
{
	if (n < 2)
		return 0;
	gate->times = calloc(n, sizeof(*gate->times));
	if (!gate->times)
		return -ENOMEM;
	gate->wanted = n;
	gate->within_ns = within_ns;
	gate->next = key->gates;
	key->gates = gate;
	return 0;
}

void alert_free(struct alert_key *key)
{
	struct alert_gate *gate;

	for (gate = key->gates; gate; gate = gate->next)
		free(gate->times);
	key->gates = NULL;
}

static bool firing(const struct alert_key *key)
{
	return key->state == ALERT_FIRING;
}

/* An approach is below any breach, so that the breach after it is told at once. */
static int rank_of_finding(bool approach, enum severity severity)
{
	return approach ? 0 : (int)severity;
}

static bool higher_than_announced(const struct alert_key *key, const struct breach *b)
{
	return rank_of_finding(b->approach, b->violation.severity) >
	       rank_of_finding(key->alert.approach, key->alert.severity);
}

/* How many breaches before @now_ns, the newest first, lie within the time asked for, up to the n-th. */
static uint64_t near(const struct alert_gate *gate, uint64_t now_ns)
{
	uint64_t n = 0;

	while (n < gate->seen && n + 1 < gate->wanted &&
	       gate->times[(gate->seen - n - 1) % gate->wanted] + gate->within_ns >= now_ns)
		n++;
	return n;
}

/* Notes @n breaches at @now_ns; true once enough of them lie within the time asked for, *@before of them
 * earlier. */
static bool enough(struct alert_gate *gate, uint64_t n, uint64_t now_ns, uint64_t *before)
{
	*before = 0;
	if (!gate || !gate->times)
		return true;
	*before = near(gate, now_ns);
	for (uint64_t i = 0; i < n && i < gate->wanted; i++)
		gate->times[gate->seen++ % gate->wanted] = now_ns;
	return *before + n >= gate->wanted;
}

static void begin(struct alert_key *key, const struct breach *b, uint64_t before, uint64_t now_ns)
{
	key->state = ALERT_FIRING;
	key->told = false;
	key->alert.since_ns = now_ns;
	key->alert.violations = before;
	key->alert.held_back += before;
	/* One that was counted before it was severe enough to be told of. */
	if (!b->n && !b->approach)
		key->alert.violations++;
}

static void describe(struct alert *alert, const struct breach *b)
{
	const struct violation *v = &b->violation;

	alert->component = v->component;
	alert->kind = v->kind;
	alert->severity = v->severity;
	alert->value = v->value;
	alert->measured = v->measured;
	alert->limit = v->limit;
	alert->window_ns = b->window_ns;
	alert->approach = b->approach;
	alert->open = v->open;
	alert->pid = v->pid;
	alert->tid = v->tid;
	memcpy(alert->comm, v->comm, sizeof(alert->comm));
	alert->why = v->why ? *v->why : (struct explanation){.now.state = THREAD_UNKNOWN};
}

static void announce(struct alert_key *key, enum alert_event event, uint64_t now_ns,
		     const struct monitor_sink *sink)
{
	key->alert.event = event;
	key->alert.time_ns = now_ns;
	if (sink->alert)
		sink->alert(sink->context, &key->alert);
	key->alert.held_back = 0;
	key->announcements++;
}

static bool must_tell(const struct alert_key *key, const struct alert_policy *policy, const struct breach *b,
		      uint64_t now_ns)
{
	if (!key->announced || higher_than_announced(key, b))
		return true;
	return (b->n || b->approach) && now_ns - key->announced_ns >= policy->cooldown_ns;
}

static void tell(struct alert_key *key, const struct breach *b, uint64_t now_ns,
		 const struct monitor_sink *sink)
{
	bool escalated = key->told && higher_than_announced(key, b);

	/* The announcement is itself the news of one of them. */
	key->alert.held_back += b->n ? b->n - 1 : 0;
	key->alert.held_back -= b->held;
	describe(&key->alert, b);
	announce(key, escalated ? ALERT_EVENT_ESCALATED : ALERT_EVENT_FIRING, now_ns, sink);
	key->announced = key->told = true;
	key->announced_ns = now_ns;
}

/* Threads' records arrive out of order; an alert's time does not run backwards. */
static uint64_t not_before(const struct alert_key *key, uint64_t now_ns)
{
	return now_ns > key->last_breach_ns ? now_ns : key->last_breach_ns;
}

bool alert_breach(struct alert_key *key, struct alert_gate *gate, const struct alert_policy *policy,
		  const struct breach *breach, const struct monitor_sink *sink)
{
	uint64_t now = not_before(key, breach->violation.time_ns);
	bool quiet = breach->violation.severity == SEV_NOTICE && !breach->approach;
	uint64_t before;

	if (!firing(key)) {
		if (quiet || !enough(gate, breach->n, now, &before))
			return false;
		begin(key, breach, before, now);
	}
	key->last_breach_ns = key->last_violation_ns = now;
	key->alert.violations += breach->n;
	if (!quiet && must_tell(key, policy, breach, now)) {
		tell(key, breach, now, sink);
		return false;
	}
	key->alert.held_back += breach->n;
	return true;
}

void alert_ongoing(struct alert_key *key, uint64_t now_ns)
{
	if (firing(key))
		key->last_breach_ns = key->last_violation_ns = not_before(key, now_ns);
}

void alert_not_calm(struct alert_key *key, uint64_t now_ns)
{
	if (firing(key))
		key->last_breach_ns = not_before(key, now_ns);
}

static void clear_gates(struct alert_key *key)
{
	struct alert_gate *gate;

	for (gate = key->gates; gate; gate = gate->next)
		gate->seen = 0;
}

static void forget(struct alert_key *key)
{
	*key = (struct alert_key){
		.type = key->type, .gates = key->gates, .announcements = key->announcements};
	clear_gates(key);
}

/* Of what was held back, the end tells how many violations there were. Where there were none, and nobody
 * heard of its beginning, there is nothing to tell. */
static void resolve(struct alert_key *key, uint64_t now_ns, const struct monitor_sink *sink)
{
	key->state = ALERT_RESOLVED;
	clear_gates(key);
	if (key->told || key->alert.violations)
		announce(key, ALERT_EVENT_RESOLVED, now_ns, sink);
}

void alert_withdraw(struct alert_key *key, uint64_t now_ns, const struct monitor_sink *sink)
{
	if (firing(key))
		resolve(key, not_before(key, now_ns), sink);
}

void alert_tick(struct alert_key *key, const struct alert_policy *policy, uint64_t now_ns,
		const struct monitor_sink *sink)
{
	if (firing(key) && now_ns >= key->last_breach_ns + policy->resolve_after_ns)
		resolve(key, now_ns, sink);
	if (key->state != ALERT_OK && now_ns >= key->last_violation_ns + FORGET_NS)
		forget(key);
}
