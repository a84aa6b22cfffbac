/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the modifiers of a probe come to: arguments captured at entry, conditions judged, values kept.
 */
#ifndef LAPSE_BPF_RULES_H
#define LAPSE_BPF_RULES_H

#include "bpf/cell.h"

static __always_inline struct lapse_rules *rules_of(__u32 component)
{
	return cfg_rules ? bpf_map_lookup_elem(&rules, &component) : NULL;
}

static __always_inline __u64 user_word(__u64 address)
{
	__u64 word = 0;

	bpf_probe_read_user(&word, sizeof(word), (void *)address);
	return word;
}

/* The System V calling convention: six registers, then, if they are wanted, what is on the stack
 * above the return address at @sp. */
static __always_inline void args_of_c(struct pt_regs *ctx, __u64 sp, bool stack, struct lapse_args *args)
{
	args->arg[0] = ctx->di;
	args->arg[1] = ctx->si;
	args->arg[2] = ctx->dx;
	args->arg[3] = ctx->cx;
	args->arg[4] = ctx->r8;
	args->arg[5] = ctx->r9;
	if (stack)
		bpf_probe_read_user(&args->arg[LAPSE_REGISTER_ARGS],
				    (LAPSE_MAX_ARGS - LAPSE_REGISTER_ARGS) * sizeof(__u64),
				    (void *)(sp + sizeof(__u64)));
}

/* Go's internal calling convention (src/cmd/compile/abi-internal.md), integers only. */
static __always_inline void args_of_go(struct pt_regs *ctx, struct lapse_args *args)
{
	args->arg[0] = ctx->ax;
	args->arg[1] = ctx->bx;
	args->arg[2] = ctx->cx;
	args->arg[3] = ctx->di;
	args->arg[4] = ctx->si;
	args->arg[5] = ctx->r8;
	args->arg[6] = ctx->r9;
	args->arg[7] = ctx->r10;
	args->arg[8] = ctx->r11;
}

static __always_inline void args_of(struct pt_regs *ctx, __u64 sp, const struct lapse_rules *r,
				    struct lapse_args *args)
{
	if (r->flags & LAPSE_RULE_GO_ARGS)
		args_of_go(ctx, args);
	else
		args_of_c(ctx, sp, r->flags & LAPSE_RULE_STACK_ARGS, args);
}

/* Fills @facts->capture with those arguments that the rules of @end want. */
VERIFIED_ONCE int rules_capture(const struct lapse_rules *r, __u32 end, const struct lapse_args *args,
				struct lapse_facts *facts)
{
	if (!r || !args || !facts || end >= LAPSE_ENDS)
		return 0;
	for (__u32 i = 0; i < LAPSE_CAPTURES; i++) {
		__u32 arg = r->capture[end & 1][i];

		if (arg < LAPSE_MAX_ARGS)
			facts->capture[i] = args->arg[arg];
	}
	return 0;
}

static __always_inline __s64 extend(__u64 raw, const struct lapse_operand *operand)
{
	__u32 shift = 64 - 8 * operand->bytes;

	if (!operand->bytes || operand->bytes > 8)
		return raw;
	raw <<= shift & 63;
	return operand->is_signed ? (__s64)raw >> (shift & 63) : (__s64)(raw >> (shift & 63));
}

static __always_inline __s64 operand_value(const struct lapse_operand *operand,
					   const struct lapse_facts *facts)
{
	__u32 from = operand->from;

	if (from == LAPSE_FROM_RET)
		return extend(facts->ret, operand);
	if (from == LAPSE_FROM_TID)
		return (__u32)bpf_get_current_pid_tgid();
	return extend(facts->capture[from & (LAPSE_CAPTURES - 1)], operand);
}

static __always_inline bool compares(__s64 value, __u32 op, __s64 constant, bool is_signed)
{
	bool less = is_signed ? value < constant : (__u64)value < (__u64)constant;

	switch (op) {
	case LAPSE_OP_EQ:
		return value == constant;
	case LAPSE_OP_NE:
		return value != constant;
	case LAPSE_OP_LT:
		return less;
	case LAPSE_OP_LE:
		return less || value == constant;
	case LAPSE_OP_GT:
		return !less && value != constant;
	case LAPSE_OP_GE:
		return !less;
	default:
		return value & constant;
	}
}

/* 1 where all tests of @condition hold for @facts. */
VERIFIED_ONCE int condition_holds(const struct lapse_condition *condition, const struct lapse_facts *facts)
{
	if (!condition || !facts)
		return 0;
	for (__u32 i = 0; i < LAPSE_TESTS; i++) {
		const struct lapse_test *test = &condition->test[i];

		if (i >= condition->n)
			break;
		if (!compares(operand_value(&test->operand, facts), test->op, test->constant,
			      test->operand.is_signed))
			return 0;
	}
	return 1;
}

/* Whether if() means the call, as far as what @facts has captured tells. */
static __always_inline bool entry_meant(const struct lapse_rules *r, const struct lapse_facts *facts)
{
	return !(r->flags & LAPSE_RULE_IF_ENTRY) || condition_holds(&r->if_entry, facts);
}

/* The highest level whose limit @value is beyond, counted; whether there is one. */
static __always_inline bool value_judge(struct lapse_value_cell *cell, const struct lapse_value_rule *rule,
					__s64 value)
{
	bool beyond = false;

	for (int level = LAPSE_LEVELS - 1; level >= 0; level--) {
		if (value > rule->above[level]) {
			ADD(cell->above[level], 1);
			beyond = true;
			break;
		}
	}
	for (int level = LAPSE_LEVELS - 1; level >= 0; level--) {
		if (value < rule->below[level]) {
			ADD(cell->below[level], 1);
			return true;
		}
	}
	return beyond;
}

static __always_inline __u64 slot_biased(__s64 value)
{
	__s64 biased = value + LAPSE_VALUE_BIAS;

	if (value < -LAPSE_VALUE_BIAS)
		return 0;
	return value >= LAPSE_VALUE_BIAS ? LAPSE_SLOT_MASK : (__u64)biased;
}

/* Counts @value as the @which-th of a component; 1 where it is beyond a limit. */
VERIFIED_FOUND int value_add(const struct lapse_rules *r, __u32 which, __s64 value, __u64 now)
{
	struct lapse_value_cell *cell;
	__u64 tick, mark, biased;
	__u32 index, slot;
	int beyond;

	if (!r || which >= LAPSE_VALUES)
		return 0;
	index = (r->value_base + which) << cfg_shard_bits | (bpf_get_smp_processor_id() & cfg_shard_mask);
	cell = bpf_map_lookup_elem(&value_cells, &index);
	if (!cell)
		return 0;
	tick = now / cfg_tick_ns;
	mark = (tick + 1) << LAPSE_SLOT_SHIFT;
	slot = tick & (LAPSE_TICK_SLOTS - 1);
	biased = slot_biased(value);
	beyond = value_judge(cell, &r->value[which & (LAPSE_VALUES - 1)], value);
	ADD(cell->sum, value);
	slot_raise(&cell->slot_max[slot], mark | biased);
	slot_raise(&cell->slot_min[slot], mark | (LAPSE_SLOT_MASK - biased));
	cell->last = value;
	cell->last_ns = now;
	ADD(cell->count, 1);
	return beyond;
}

/* value_add() by the component's rules @r; before 5.12, as ON_STACK of span.h, by a function that finds them
 * again. */
#ifndef LAPSE_OLD
#define VALUE_ADD(component, r, which, value, now) value_add(r, which, value, now)
#else
#define VALUE_ADD(component, r, which, value, now) value_add_found(component, which, value, now)

VERIFIED_ALONE int value_add_found(__u32 component, __u32 which, __s64 value, __u64 now)
{
	return value_add(rules_of(component), which, value, now);
}
#endif

/* The values that the span has captured. */
static __always_inline void rules_values(const struct lapse_rules *r, struct lapse_facts *facts)
{
	for (__u32 i = 0; i < LAPSE_VALUES; i++) {
		if (!(r->flags & LAPSE_RULE_VALUE << i))
			continue;
		facts->value[i] = operand_value(&r->value[i].operand, facts);
		facts->values |= 1U << i;
		if (VALUE_ADD(facts->component, r, i, facts->value[i], facts->now))
			facts->flags |= LAPSE_SPAN_VALUE;
	}
}

static __always_inline bool rules_error(const struct lapse_rules *r, const struct lapse_facts *facts)
{
	if ((r->flags & LAPSE_RULE_ERR) && condition_holds(&r->err, facts))
		return true;
	if ((r->flags & LAPSE_RULE_OK) && !condition_holds(&r->ok, facts))
		return true;
	return (r->flags & LAPSE_RULE_ERRNO) && (__s64)facts->ret < 0 && (__s64)facts->ret >= -4095;
}

/* Judges a span that has ended: fills in its flags and values. 0 where if() does not mean it. */
VERIFIED_ONCE int rules_judge(const struct lapse_rules *r, struct lapse_cell *cell, struct lapse_facts *facts)
{
	if (!r || !cell || !facts)
		return 1;
	if ((r->flags & LAPSE_RULE_IF_RETURN) && !condition_holds(&r->if_return, facts))
		return 0;
	if (rules_error(r, facts))
		facts->flags |= LAPSE_SPAN_ERROR;
	if (r->flags & LAPSE_RULE_HIT) {
		if (condition_holds(&r->hit, facts))
			ADD(cell->hits, 1);
		else
			ADD(cell->misses, 1);
	}
	rules_values(r, facts);
	return 1;
}

#endif
