/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Markers that a program has from lapse.h: it measures by itself and calls an empty function with what
 * it found, if the span is worth it.
 */
#ifndef LAPSE_BPF_MARKER_H
#define LAPSE_BPF_MARKER_H

#include "bpf/filter.h"
#include "bpf/stack.h"

/* The number of a value by its name: names get the next free place as they come. LAPSE_VALUES: none. */
static __always_inline __u32 marker_value_number(struct lapse_rules *r, const struct lapse_value_key *key)
{
	__u32 *known = bpf_map_lookup_elem(&value_names, key);
	__u32 next;

	if (known)
		return *known;
	if (r->n_names >= LAPSE_VALUES)
		return LAPSE_VALUES;
	next = TAKE_NUMBER(r->n_names, SERIES_NAMES | key->component);
	if (next < LAPSE_VALUES)
		bpf_map_update_elem(&value_names, key, &next, BPF_NOEXIST);
	known = bpf_map_lookup_elem(&value_names, key);
	return known ? *known : LAPSE_VALUES;
}

static __always_inline void marker_value(struct lapse_cell *cell, struct lapse_facts *facts, __u64 name,
					 __s64 value)
{
	struct lapse_value_key key = {.component = facts->component};
	struct lapse_rules *r = rules_of(facts->component);
	__u32 which;

	if (!r || bpf_probe_read_user_str(key.name, sizeof(key.name), (void *)name) < 0)
		return;
	which = marker_value_number(r, &key);
	if (which >= LAPSE_VALUES) {
		ADD(values_unnamed, 1);
		return;
	}
	facts->values = 1U << which;
	facts->value[which & (LAPSE_VALUES - 1)] = value;
	facts->start_ns = facts->now;
	facts->flags = LAPSE_SPAN_UNTIMED;
	if (VALUE_ADD(facts->component, r, which, value, facts->now)) {
		facts->flags |= LAPSE_SPAN_VALUE;
		record_send(cell, facts);
	}
}

static __always_inline void marker_span(struct lapse_cell *cell, struct lapse_facts *facts, __u64 length,
					__u64 flags)
{
	facts->raw = flags & LAPSE_MARK_NS ? length : length * tsc_mult >> LAPSE_TSC_SHIFT;
	facts->duration = facts->raw;
	facts->start_ns = facts->now - facts->raw;
	if (flags & LAPSE_MARK_ERROR)
		facts->flags |= LAPSE_SPAN_ERROR;
	ADD(cell->entries, 1);
	span_record(facts);
}

/* The four arguments that both kinds of marker functions have first. */
static __always_inline int marker_take(struct pt_regs *ctx, __u32 component)
{
	__u64 now = bpf_ktime_get_ns();
	struct lapse_cell *cell = cell_of(component);
	struct lapse_stack *stack;
	struct lapse_facts *facts;

	if (!cell || !wanted_for((void *)bpf_get_current_task(), component))
		return 0;
	stack = stack_get(true);
	if (!stack) {
		span_lost(cell);
		return 0;
	}
	facts = facts_new(stack, component, now);
	facts->cost_ns = costs[LAPSE_CLASS_NOP5].enter_ns;
	stack->cost_ns += facts->cost_ns;
	switch (ctx->di) {
	case LAPSE_MARK_SPAN:
		marker_span(cell, facts, ctx->dx, ctx->cx);
		break;
	case LAPSE_MARK_CACHE:
		if (ctx->si)
			ADD(cell->hits, 1);
		else
			ADD(cell->misses, 1);
		break;
	case LAPSE_MARK_VALUE:
		marker_value(cell, facts, ctx->si, ctx->dx);
		break;
	}
	return 0;
}

static __always_inline int marker_named(struct pt_regs *ctx)
{
	struct lapse_name name = {};
	__u32 *component;

	if (bpf_probe_read_user_str(name.text, sizeof(name.text), (void *)ctx->r8) < 0)
		return 0;
	component = bpf_map_lookup_elem(&marker_names, &name);
	return component ? marker_take(ctx, *component) : 0;
}

#endif
