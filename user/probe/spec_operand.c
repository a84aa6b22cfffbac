// SPDX-License-Identifier: GPL-2.0-or-later
/* argN, ret and tid, and what a probe has of them. */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "probe/spec_parts.h"

/* What ends the part before an operator. */
#define OPERATOR_CHARS "=!<>&|"

#define OPERAND_HINT "write argN or ret, with a C type before it if need be: int ret"

/* Digits of the largest number that can be meant; more would only overflow. */
#define ARG_DIGITS 3

static bool is_number(const struct spec_piece *word, size_t from)
{
	for (size_t i = from; i < word->end; i++)
		if (!isdigit((unsigned char)word->text[i]))
			return false;
	return word->end > from && word->end - from <= ARG_DIGITS;
}

bool spec_is_operand(const struct spec_piece *word, struct spec_operand *operand)
{
	*operand = (struct spec_operand){.at = word->at, .length = word->end - word->at};
	if (spec_equals(word, "ret")) {
		operand->source = SPEC_RET;
	} else if (spec_equals(word, "tid")) {
		operand->source = SPEC_TID;
	} else if (spec_starts(word, "arg") && is_number(word, word->at + strlen("arg"))) {
		unsigned long arg = strtoul(word->text + word->at + strlen("arg"), NULL, 10);

		operand->source = SPEC_ARG;
		operand->arg = arg < UINT8_MAX ? (uint8_t)arg : UINT8_MAX;
	} else {
		return false;
	}
	return true;
}

static int take_arg(struct spec_scope *scope, unsigned arg, const struct spec_piece *where)
{
	if (arg >= scope->n_args)
		return spec_wrong(where, NULL, "arguments are arg0 to arg%u", scope->n_args - 1);
	scope->used |= 1U << arg;
	if (__builtin_popcount(scope->used) > LAPSE_CAPTURES)
		return spec_wrong(where, NULL, "a probe can look at %d different arguments, keys included",
				  LAPSE_CAPTURES);
	return 0;
}

int spec_scope_take(struct spec_scope *scope, const struct spec_operand *operand,
		    const struct spec_piece *where)
{
	if (operand->source == SPEC_RET && scope->no_ret)
		return spec_wrong(where, scope->hint, "there is no 'ret': %s", scope->no_ret);
	return operand->source == SPEC_ARG ? take_arg(scope, operand->arg, where) : 0;
}

/* The first operand before any operator; false where there is none. */
static bool find_operand(const struct spec_piece *rest, struct spec_piece *word, struct spec_operand *operand)
{
	*word = *rest;
	while (word->at < rest->end && !strchr(OPERATOR_CHARS, rest->text[word->at])) {
		size_t length;

		word->end = rest->end;
		length = spec_word_length(word);
		word->end = word->at + length;
		if (length && spec_is_operand(word, operand))
			return true;
		word->at += length ? length : 1;
	}
	return false;
}

/* The last word before the operator is the one that should have been the operand. */
static struct spec_piece misnamed(const struct spec_piece *rest)
{
	struct spec_piece word = *rest;

	while (word.at < word.end && !strchr(OPERATOR_CHARS, word.text[word.at]))
		word.at++;
	word = (struct spec_piece){rest->text, rest->at, word.at};
	spec_trim(&word);
	for (size_t i = word.at; i < word.end; i++)
		if (isspace((unsigned char)word.text[i]) || word.text[i] == '*')
			word.at = i + 1;
	return word;
}

static int no_operand(const struct spec_piece *rest)
{
	struct spec_piece word = misnamed(rest);
	struct spec_guess guess;

	if (word.at == word.end)
		return spec_wrong(&word, OPERAND_HINT, "argN or ret is missing");
	spec_guess_start(&guess, &word);
	text_nearest_offer(&guess.nearest, "ret");
	text_nearest_offer(&guess.nearest, "arg0");
	return spec_wrong(&word, spec_guess_hint(&guess, OPERAND_HINT), "'%.*s' is neither argN nor ret",
			  SPEC_SHOW(&word));
}

int spec_parse_operand(struct spec_piece *rest, struct spec_scope *scope, struct spec_operand *operand,
		       struct spec_type *type)
{
	struct spec_piece word, before;
	int err;

	spec_skip_blanks(rest);
	if (!find_operand(rest, &word, operand))
		return no_operand(rest);
	before = spec_cut(rest, word.at - rest->at);
	spec_trim(&before);
	spec_cut(rest, word.end - word.at);
	if (operand->source == SPEC_TID)
		return spec_wrong(&word, "write argN or ret", "'tid' is for the keys of a span");
	err = spec_scope_take(scope, operand, &word);
	if (!err)
		err = spec_parse_type(before, type);
	if (err)
		return err;
	operand->at = before.at;
	operand->length = word.end - before.at;
	operand->bytes = type->bytes;
	operand->is_signed = type->is_signed;
	return 0;
}
