// SPDX-License-Identifier: GPL-2.0-or-later
/* The tests of a condition, and whether they can hold at all. */
#include <limits.h>
#include <string.h>

#include "probe/spec_parts.h"

#define TEST_HINT "a test is [TYPE] argN or ret, an operator and a constant: int ret < 0"

/* Types as wide as this one and wider turn negative constants into their own values, as C does. */
#define PROMOTED_BITS 32

/* The longer ones first, since others begin like them. */
static const struct {
	const char *sign;
	enum lapse_op op;
} operators[] = {
	{"==", LAPSE_OP_EQ}, {"!=", LAPSE_OP_NE}, {"<=", LAPSE_OP_LE}, {">=", LAPSE_OP_GE},
	{"<", LAPSE_OP_LT},  {">", LAPSE_OP_GT},  {"&", LAPSE_OP_AND},
};

static int parse_operator(struct spec_piece *rest, enum lapse_op *op)
{
	size_t length = strspn(rest->text + rest->at, "=!<>&|");
	struct spec_piece sign = {rest->text, rest->at,
				  rest->at + length < rest->end ? rest->at + length : rest->end};

	for (size_t i = 0; i < sizeof(operators) / sizeof(*operators); i++) {
		if (!spec_equals(&sign, operators[i].sign))
			continue;
		*op = operators[i].op;
		rest->at = sign.end;
		return 0;
	}
	if (sign.at == sign.end || spec_equals(&sign, "&&") || spec_equals(&sign, "||"))
		return spec_wrong(&sign, TEST_HINT, "an operator is missing");
	return spec_wrong(&sign, "operators are == != < <= > >= and &", "unknown operator '%.*s'",
			  SPEC_SHOW(&sign));
}

/* ---- what can hold --------------------------------------------------------------------------- */

struct limits {
	spec_constant low, high;
};

static spec_constant power(unsigned bits)
{
	return (spec_constant)1 << bits;
}

static struct limits limits_of(const struct spec_type *type)
{
	if (!type->bytes)
		return (struct limits){LONG_MIN, LONG_MAX};
	if (type->is_signed)
		return (struct limits){-power(type->bits - 1), power(type->bits - 1) - 1};
	return (struct limits){0, power(type->bits) - 1};
}

/* Where only bits count, a long that nobody wrote may be an unsigned one, and -1 all bits of a type. */
static void widen(const struct spec_type *type, enum lapse_op op, struct limits *limits)
{
	unsigned bits = type->bytes ? type->bits : 64;

	if (op == LAPSE_OP_AND) {
		limits->low = -power(bits - 1);
		limits->high = power(bits) - 1;
	} else if (op == LAPSE_OP_EQ || op == LAPSE_OP_NE) {
		if (!type->bytes)
			limits->high = ULONG_MAX;
		else if (!type->is_signed && bits >= PROMOTED_BITS)
			limits->low = -power(bits - 1);
	}
}

/* What comparing comes to, whatever the value is. */
enum outcome { DEPENDS, NEVER, ALWAYS };

static enum outcome outcome_of(const struct limits *limits, enum lapse_op op, spec_constant constant)
{
	bool below = limits->low > constant, above = limits->high < constant;

	switch (op) {
	case LAPSE_OP_EQ:
		return below || above ? NEVER : DEPENDS;
	case LAPSE_OP_NE:
		return below || above ? ALWAYS : DEPENDS;
	case LAPSE_OP_LT:
		return constant <= limits->low ? NEVER : above ? ALWAYS : DEPENDS;
	case LAPSE_OP_LE:
		return below ? NEVER : constant >= limits->high ? ALWAYS : DEPENDS;
	case LAPSE_OP_GT:
		return constant >= limits->high ? NEVER : below ? ALWAYS : DEPENDS;
	case LAPSE_OP_GE:
		return above ? NEVER : constant <= limits->low ? ALWAYS : DEPENDS;
	case LAPSE_OP_AND:
		return below || above ? NEVER : DEPENDS;
	}
	return DEPENDS;
}

/* @test: its text; @where: its constant. */
static int say_foregone(const struct spec_piece *test, const struct spec_piece *where,
			const struct spec_type *type, enum outcome outcome)
{
	struct limits limits = limits_of(type);
	char name[64] = "without a type it is a long,", hint[128];

	if (type->bytes)
		snprintf(name, sizeof(name), "%.*s is", SPEC_SHOW(&type->as_written));
	snprintf(hint, sizeof(hint), "%s %lld to %llu", name, (long long)limits.low,
		 (unsigned long long)limits.high);
	return spec_wrong(where, hint, "'%.*s' %s", SPEC_SHOW(test),
			  outcome == NEVER ? "can never hold" : "always holds");
}

/* The constant as the value's own type has it. */
static int64_t converted(const struct spec_type *type, spec_constant constant)
{
	if (constant < 0 && type->bytes && !type->is_signed)
		constant += power(type->bits);
	return (int64_t)(uint64_t)constant;
}

/* ---- tests ----------------------------------------------------------------------------------- */

static int parse_constant(struct spec_piece *rest, struct spec_piece test, const struct spec_type *type,
			  struct spec_test *into)
{
	struct limits limits = limits_of(type);
	struct spec_piece where;
	spec_constant constant;
	enum outcome outcome;
	int err;

	spec_skip_blanks(rest);
	where = *rest;
	err = spec_parse_constant(rest, &constant);
	if (err)
		return err;
	test.end = where.end = rest->at;
	if (into->op == LAPSE_OP_AND && constant == 0)
		return spec_wrong(&where, "& asks whether any of the bits is set", "there is no bit in 0");
	widen(type, into->op, &limits);
	outcome = outcome_of(&limits, into->op, constant);
	if (outcome != DEPENDS)
		return say_foregone(&test, &where, type, outcome);
	into->constant = converted(type, constant);
	return 0;
}

static int parse_test(struct spec_piece *rest, struct spec_scope *scope, struct spec_test *test)
{
	struct spec_piece whole;
	struct spec_type type;
	int err;

	whole = *rest;
	err = spec_parse_operand(rest, scope, &test->operand, &type);
	if (err)
		return err;
	spec_skip_blanks(rest);
	err = parse_operator(rest, &test->op);
	return err ? err : parse_constant(rest, whole, &type, test);
}

/* "&&", or nothing any more. */
static int parse_join(struct spec_piece *rest)
{
	spec_skip_blanks(rest);
	if (rest->at == rest->end)
		return 0;
	if (spec_starts(rest, "||")) {
		struct spec_piece join = spec_cut(rest, 2);

		return spec_wrong(&join, "write two probes", "tests are joined by && only");
	}
	if (!spec_starts(rest, "&&"))
		return spec_wrong(rest, "tests are joined by &&", "unexpected text after the constant");
	spec_cut(rest, 2);
	return 1;
}

int spec_parse_expr(struct spec_piece expr, struct spec_scope *scope, struct spec_condition *condition)
{
	int err;

	spec_trim(&expr);
	do {
		spec_skip_blanks(&expr);
		if (condition->n == LAPSE_TESTS)
			return spec_wrong(&expr, NULL, "a condition has at most %d tests", LAPSE_TESTS);
		err = parse_test(&expr, scope, &condition->test[condition->n]);
		if (err)
			return err;
		condition->n++;
		err = parse_join(&expr);
	} while (err > 0);
	return err;
}
