// SPDX-License-Identifier: GPL-2.0-or-later
#include "probe/rules.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/diag.h"
#include "probe/types.h"

/* An operand without a type is a long. */
#define LONG_BYTES 8

/* Registers that Go passes integers in (src/cmd/compile/abi-internal.md). */
#define GO_REGISTERS 9

static void no_operand(struct lapse_operand *operand)
{
	*operand = (struct lapse_operand){.from = LAPSE_FROM_NONE};
}

void rules_init(struct lapse_rules *rules)
{
	memset(rules, 0, sizeof(*rules));
	memset(rules->capture, LAPSE_FROM_NONE, sizeof(rules->capture));
	for (int end = 0; end < LAPSE_ENDS; end++)
		for (int i = 0; i < LAPSE_KEYS; i++)
			no_operand(&rules->key[end][i]);
	for (int i = 0; i < LAPSE_VALUES; i++) {
		no_operand(&rules->value[i].operand);
		for (int level = 0; level < LAPSE_LEVELS; level++) {
			rules->value[i].above[level] = INT64_MAX;
			rules->value[i].below[level] = INT64_MIN;
		}
	}
}

/* The capture that holds argument @arg of @end's call; the parser has seen to it that there is room. */
static uint8_t capture_of(struct lapse_rules *rules, enum lapse_end end, uint8_t arg)
{
	uint8_t i = 0;

	while (i < LAPSE_CAPTURES - 1 && rules->capture[end][i] != LAPSE_FROM_NONE &&
	       rules->capture[end][i] != arg)
		i++;
	rules->capture[end][i] = arg;
	return i;
}

static struct lapse_operand operand_of(struct lapse_rules *rules, enum lapse_end end,
				       const struct spec_operand *operand)
{
	struct lapse_operand result = {
		.bytes = operand->bytes ? operand->bytes : LONG_BYTES,
		.is_signed = operand->bytes ? operand->is_signed : true,
	};

	if (operand->source == SPEC_RET)
		result.from = LAPSE_FROM_RET;
	else if (operand->source == SPEC_TID)
		result.from = LAPSE_FROM_TID;
	else
		result.from = capture_of(rules, end, operand->arg);
	return result;
}

static void add_test(struct lapse_rules *rules, const struct spec_test *test,
		     struct lapse_condition *condition)
{
	condition->test[condition->n++] = (struct lapse_test){
		.operand = operand_of(rules, LAPSE_END_START, &test->operand),
		.op = test->op,
		.constant = test->constant,
	};
}

static bool add_condition(struct lapse_rules *rules, const struct spec_condition *from,
			  struct lapse_condition *condition)
{
	for (size_t i = 0; i < from->n; i++)
		add_test(rules, &from->test[i], condition);
	return from->n;
}

/* What of if() can be judged before the call runs, is. */
static bool add_filter(struct lapse_rules *rules, const struct spec_condition *from)
{
	for (size_t i = 0; i < from->n; i++)
		add_test(rules, &from->test[i],
			 from->test[i].operand.source == SPEC_RET ? &rules->if_return : &rules->if_entry);
	return from->n;
}

static void add_keys(struct lapse_rules *rules, const struct probe_spec *spec)
{
	rules->flags |= LAPSE_RULE_KEYED;
	rules->timeout_ns = spec->modifiers.timeout_ns;
	for (int end = 0; end < LAPSE_ENDS; end++)
		for (size_t i = 0; i < spec->ends[end].n_keys; i++)
			rules->key[end][i] = operand_of(rules, end, &spec->ends[end].key[i]);
}

static void add_values(const struct spec_modifiers *modifiers, struct plan_component *component)
{
	for (size_t i = 0; i < modifiers->n_values; i++) {
		component->rules.value[i].operand =
			operand_of(&component->rules, LAPSE_END_START, &modifiers->values[i].operand);
		memcpy(component->value_name[i], modifiers->values[i].name, LAPSE_VALUE_NAME);
	}
	component->has_values = modifiers->n_values;
}

void rules_of_spec(const struct probe_spec *spec, struct plan_component *component)
{
	const struct spec_modifiers *modifiers = &spec->modifiers;
	struct lapse_rules *rules = &component->rules;
	bool filtered;

	rules_init(rules);
	if (spec->kind == SPEC_SPAN)
		add_keys(rules, spec);
	if (add_condition(rules, &modifiers->ok, &rules->ok))
		rules->flags |= LAPSE_RULE_OK;
	if (add_condition(rules, &modifiers->err, &rules->err))
		rules->flags |= LAPSE_RULE_ERR;
	if (add_condition(rules, &modifiers->hit, &rules->hit))
		rules->flags |= LAPSE_RULE_HIT;
	filtered = add_filter(rules, &modifiers->only_if);
	if (spec->kind == SPEC_SYSCALL && !(rules->flags & (LAPSE_RULE_OK | LAPSE_RULE_ERR)))
		rules->flags |= LAPSE_RULE_ERRNO;
	add_values(modifiers, component);
	component->has_errors = rules->flags & (LAPSE_RULE_OK | LAPSE_RULE_ERR | LAPSE_RULE_ERRNO);
	component->has_cache = rules->flags & LAPSE_RULE_HIT;
	component->untimed = spec->kind == SPEC_USDT;
	component->has_rules = rules->flags || filtered || modifiers->n_values;
	/* The kernel itself says that a connection failed. */
	if (spec->kind == SPEC_TCP)
		component->has_errors =
			spec->tcp.kind == LAPSE_TCP_CONNECT || spec->tcp.kind == LAPSE_TCP_REQUEST;
	if (spec->kind == SPEC_MARKER)
		component->has_rules = component->has_errors = component->has_cache = component->has_values =
			true;
}

/* ---- types from debug information -------------------------------------------------------------- */

struct typing {
	const struct probe_spec *spec;
	enum lapse_end end; /* whose function it is */
	const struct function *function;
	struct function_types types;
};

static int no_value(const struct typing *typing, const struct spec_operand *operand, const char *why)
{
	diag_caret(typing->spec->text, operand->at, operand->length, NULL, "%s: %s", typing->function->symbol,
		   why);
	return -EINVAL;
}

static int type_ret(const struct typing *typing, const struct spec_operand *operand,
		    struct lapse_operand *out)
{
	const struct value_type *type = &typing->types.ret;

	switch (type->kind) {
	case TYPE_VOID:
		return no_value(typing, operand, "it returns nothing");
	case TYPE_FLOATING:
		return no_value(typing, operand, "it returns a floating-point value, which is not read");
	case TYPE_AGGREGATE:
		return no_value(typing, operand, "it returns a struct, which is not read");
	default:
		break;
	}
	if (type->bytes) {
		out->bytes = type->bytes;
		out->is_signed = type->is_signed;
	}
	return 0;
}

static int type_arg(const struct typing *typing, const struct spec_operand *operand,
		    struct lapse_operand *out)
{
	const struct function_types *types = &typing->types;
	const struct value_type *type;
	char why[96];

	if (operand->arg >= types->n_args) {
		if (types->more)
			return 0;
		snprintf(why, sizeof(why), "it has %zu arguments that are integers or pointers",
			 types->n_args);
		return no_value(typing, operand, why);
	}
	type = &types->args[operand->arg].type;
	if (type->kind == TYPE_AGGREGATE)
		return no_value(typing, operand, "that argument is a struct by value, which is not read");
	if (type->bytes) {
		out->bytes = type->bytes;
		out->is_signed = type->is_signed;
	}
	return 0;
}

/* The type of one operand, if nobody wrote it and it is of this end's function. */
static int type_operand(const struct typing *typing, enum lapse_end end, const struct spec_operand *operand,
			struct lapse_operand *out)
{
	/* Of a span the start has the arguments, and the end the return value. */
	if (typing->spec->kind == SPEC_SPAN && operand->source == SPEC_RET)
		end = LAPSE_END_END;
	if (operand->bytes || operand->source == SPEC_TID || end != typing->end)
		return 0;
	return operand->source == SPEC_RET ? type_ret(typing, operand, out) : type_arg(typing, operand, out);
}

/* A negative constant is what C makes of it beside an unsigned operand: unsigned ret == -1. */
static void convert_constant(struct lapse_test *test)
{
	const struct lapse_operand *operand = &test->operand;

	if (!operand->is_signed && operand->bytes == sizeof(uint32_t) && test->constant < 0)
		test->constant = (uint32_t)test->constant;
}

static int type_test(const struct typing *typing, const struct spec_operand *operand, struct lapse_test *test)
{
	int err = type_operand(typing, LAPSE_END_START, operand, &test->operand);

	if (!err)
		convert_constant(test);
	return err;
}

static int type_condition(const struct typing *typing, const struct spec_condition *from,
			  struct lapse_condition *condition)
{
	int err = 0;

	for (size_t i = 0; i < from->n && !err; i++)
		err = type_test(typing, &from->test[i].operand, &condition->test[i]);
	return err;
}

static int type_filter(const struct typing *typing, const struct spec_condition *from,
		       struct lapse_rules *rules)
{
	size_t n_entry = 0, n_return = 0;
	int err = 0;

	for (size_t i = 0; i < from->n && !err; i++) {
		const struct spec_operand *operand = &from->test[i].operand;
		struct lapse_test *test = operand->source == SPEC_RET ? &rules->if_return.test[n_return++]
								      : &rules->if_entry.test[n_entry++];

		err = type_test(typing, operand, test);
	}
	return err;
}

static int type_keys(const struct typing *typing, struct lapse_rules *rules)
{
	const struct probe_spec *end;
	int err = 0;

	if (typing->spec->kind != SPEC_SPAN)
		return 0;
	end = &typing->spec->ends[typing->end];
	for (size_t i = 0; i < end->n_keys && !err; i++)
		if (!end->key[i].bytes && end->key[i].source != SPEC_TID)
			err = end->key[i].source == SPEC_RET
				      ? type_ret(typing, &end->key[i], &rules->key[typing->end][i])
				      : type_arg(typing, &end->key[i], &rules->key[typing->end][i]);
	return err;
}

/* Arguments whose registers are not those that their numbers tell: behind the place for a large result. */
static void place_captures(const struct typing *typing, struct lapse_rules *rules)
{
	struct plan_component plain = {0};

	rules_of_spec(typing->spec, &plain);
	for (int i = 0; i < LAPSE_CAPTURES; i++) {
		uint8_t arg = plain.rules.capture[typing->end][i];

		if (arg < typing->types.n_args)
			rules->capture[typing->end][i] = typing->types.args[arg].slot;
	}
}

int rules_of_go(const struct probe_spec *spec, enum lapse_end end, const struct function *function,
		struct lapse_rules *rules)
{
	rules->flags |= LAPSE_RULE_GO_ARGS;
	for (int i = 0; i < LAPSE_CAPTURES; i++) {
		uint8_t arg = rules->capture[end][i];

		if (arg == LAPSE_FROM_NONE || arg < GO_REGISTERS)
			continue;
		diag_error("'%s': arg%u of %s lies on the stack: of Go's arguments those in the first %d "
			   "registers are read",
			   spec->text, arg, function->symbol, GO_REGISTERS);
		return -EINVAL;
	}
	return 0;
}

int rules_type(const struct probe_spec *spec, enum lapse_end end, const struct object *object,
	       const struct function *function, struct lapse_rules *rules)
{
	const struct spec_modifiers *modifiers = &spec->modifiers;
	struct typing typing = {.spec = spec, .end = end, .function = function};
	int err = types_of(object, function, &typing.types);

	if (err || !typing.types.known)
		return err == -EOPNOTSUPP ? 0 : err;
	place_captures(&typing, rules);
	err = type_condition(&typing, &modifiers->ok, &rules->ok);
	if (!err)
		err = type_condition(&typing, &modifiers->err, &rules->err);
	if (!err)
		err = type_condition(&typing, &modifiers->hit, &rules->hit);
	if (!err)
		err = type_filter(&typing, &modifiers->only_if, rules);
	for (size_t i = 0; i < modifiers->n_values && !err; i++)
		err = type_operand(&typing, LAPSE_END_START, &modifiers->values[i].operand,
				   &rules->value[i].operand);
	return err ?: type_keys(&typing, rules);
}
