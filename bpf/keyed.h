/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Keyed spans: from one place to another, maybe in another thread, joined by the process and up to two
 * values. Conservation: begun = ended + open + restarted + timed out + abandoned (by the end of the process)
 * + maps_full.
 */
#ifndef LAPSE_BPF_KEYED_H
#define LAPSE_BPF_KEYED_H

#include "bpf/stack.h"

static __always_inline void key_fill(struct lapse_key *key, const struct lapse_rules *r, __u32 end,
				     const struct lapse_facts *facts)
{
	key->component = facts->component;
	key->pid = bpf_get_current_pid_tgid() >> 32;
	for (__u32 i = 0; i < LAPSE_KEYS; i++) {
		const struct lapse_operand *operand = &r->key[end][i];

		key->part[i] = operand->from == LAPSE_FROM_NONE ? 0 : operand_value(operand, facts);
	}
}

/* Whether a span that began at @start has been open for too long. */
static __always_inline bool expired(const struct lapse_rules *r, __u64 start, __u64 now)
{
	return now > start && now - start > r->timeout_ns;
}

/* The span of @facts, of thread facts->tid, has been open from facts->start_ns until facts->now, and will not
 * be measured (@why: enum lapse_span_flag). It breaks the limits that it is beyond all the same, as user
 * space has it where nobody ends it. */
static __always_inline void keyed_give_up(struct lapse_cell *cell, struct lapse_facts *facts, __u32 why)
{
	struct lapse_component *component;
	__u32 number = facts->component;

	component = bpf_map_lookup_elem(&components, &number);
	if (!component)
		return;
	facts->raw = facts->duration = facts->now > facts->start_ns ? facts->now - facts->start_ns : 0;
	facts->flags = why;
	if (is_breach(component, facts->duration)) {
		facts->flags |= LAPSE_SPAN_BREACH;
		record_send(cell, facts);
	}
	cell_level(cell, component, facts->duration);
	if (why == LAPSE_SPAN_TIMED_OUT)
		ADD(cell->timed_out, 1);
	else
		ADD(cell->restarted, 1);
}

/* An open span gives way to a new one with the same key, or has been open for too long. */
static __always_inline void keyed_drop(struct lapse_cell *cell, const struct lapse_rules *r,
				       const struct lapse_key *key, struct lapse_facts *facts)
{
	struct lapse_keyed *open = bpf_map_lookup_elem(&keyed, key);

	if (!open)
		return;
	facts->tid = open->tid;
	facts->start_ns = open->start_ns;
	if (bpf_map_delete_elem(&keyed, key))
		return;
	keyed_give_up(cell, facts,
		      expired(r, facts->start_ns, facts->now) ? LAPSE_SPAN_TIMED_OUT : LAPSE_SPAN_RESTARTED);
}

/* Where if() leaves spans out their ends come all the same: of an end without a start nothing is known. */
static __always_inline void end_unmatched(struct lapse_cell *cell, const struct lapse_rules *r)
{
	if (r->flags & LAPSE_RULE_IF_ENTRY)
		ADD(cell->idle, 1);
	else
		ADD(cell->unmatched_end, 1);
}

/* Begins the span that @facts's captures and return value name, at facts->now. */
VERIFIED_ONCE int keyed_begin(struct lapse_facts *facts)
{
	struct lapse_keyed span = {};
	struct lapse_key key = {};
	struct lapse_cell *cell;
	struct lapse_rules *r;

	if (!facts)
		return 0;
	r = rules_of(facts->component);
	cell = cell_of(facts->component);
	if (!r || !cell)
		return 0;
	if (!entry_meant(r, facts))
		return 0;
	key_fill(&key, r, LAPSE_END_START, facts);
	span.start_ns = facts->now;
	span.tid = bpf_get_current_pid_tgid();
	for (int i = 0; i < LAPSE_CAPTURES; i++)
		span.capture[i] = facts->capture[i];
	bpf_get_current_comm(span.comm, sizeof(span.comm));
	ADD(cell->entries, 1);
	ADD(cell->cost_ns, facts->cost_ns);
	if (!bpf_map_update_elem(&keyed, &key, &span, BPF_NOEXIST))
		return 0;
	keyed_drop(cell, r, &key, facts);
	if (bpf_map_update_elem(&keyed, &key, &span, BPF_NOEXIST))
		ADD(cell->maps_full, 1);
	return 0;
}

static __always_inline void keyed_facts(struct lapse_facts *facts, const struct lapse_keyed *span)
{
	facts->tid = span->tid;
	facts->start_ns = span->start_ns;
	for (int i = 0; i < LAPSE_CAPTURES; i++)
		facts->capture[i] = span->capture[i];
}

/* Ends it. @facts->cost_ns: of this hit, about what both hits put into the figure. */
VERIFIED_ONCE int keyed_end(struct lapse_facts *facts)
{
	struct lapse_keyed *open;
	struct lapse_key key = {};
	struct lapse_cell *cell;
	struct lapse_rules *r;

	if (!facts)
		return 0;
	r = rules_of(facts->component);
	cell = cell_of(facts->component);
	if (!r || !cell)
		return 0;
	key_fill(&key, r, LAPSE_END_END, facts);
	open = bpf_map_lookup_elem(&keyed, &key);
	/* Once it is deleted another span may have its memory. */
	if (open)
		keyed_facts(facts, open);
	if (!open || bpf_map_delete_elem(&keyed, &key)) {
		end_unmatched(cell, r);
		return 0;
	}
	if (expired(r, facts->start_ns, facts->now)) {
		keyed_give_up(cell, facts, LAPSE_SPAN_TIMED_OUT);
		end_unmatched(cell, r);
		return 0;
	}
	facts->raw = facts->now > facts->start_ns ? facts->now - facts->start_ns : 0;
	facts->duration = facts->raw > facts->cost_ns ? facts->raw - facts->cost_ns : 0;
	return span_record(facts);
}

/* An edge that is counted alone. */
static __always_inline int count_one(struct lapse_facts *facts)
{
	struct lapse_cell *cell = cell_of(facts->component);
	struct lapse_rules *r = rules_of(facts->component);

	if (!cell || (r && !entry_meant(r, facts)))
		return 0;
	ADD(cell->entries, 1);
	facts->start_ns = facts->now;
	facts->flags |= LAPSE_SPAN_UNTIMED;
	return span_record(facts);
}

/* No memory for the task: what would have begun here is lost; an end leaves its span open. */
static __always_inline void edge_lost(__u64 cookie)
{
	struct lapse_cell *cell = cell_of(LAPSE_COOKIE_COMPONENT(cookie));

	if (cell && (LAPSE_COOKIE_EDGE(cookie) & LAPSE_EDGE_MASK) != LAPSE_EDGE_END)
		span_lost(cell);
}

/* What @edge does at facts->now. */
static __always_inline int edge_take(__u32 edge, struct lapse_facts *facts)
{
	switch (edge & LAPSE_EDGE_MASK) {
	case LAPSE_EDGE_START:
		return keyed_begin(facts);
	case LAPSE_EDGE_END:
		return keyed_end(facts);
	default:
		return count_one(facts);
	}
}

#endif
