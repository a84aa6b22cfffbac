// SPDX-License-Identifier: GPL-2.0-or-later
/* C's integer types in all their spellings, and pointers. */
#include <ctype.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "probe/spec_parts.h"

static const struct named_type {
	const char *name;
	uint8_t bytes;
	bool is_signed;
	uint8_t bits; /* where not all are in use */
} named[] = {
	{"bool", sizeof(bool), false, 1},
	{"_Bool", sizeof(bool), false, 1},
	{"size_t", 8, false, 0},
	{"ssize_t", 8, true, 0},
	{"ptrdiff_t", 8, true, 0},
	{"intptr_t", 8, true, 0},
	{"uintptr_t", 8, false, 0},
	{"off_t", 8, true, 0},
	{"time_t", 8, true, 0},
	{"pid_t", 4, true, 0},
	{"int8_t", 1, true, 0},
	{"int16_t", 2, true, 0},
	{"int32_t", 4, true, 0},
	{"int64_t", 8, true, 0},
	{"uint8_t", 1, false, 0},
	{"uint16_t", 2, false, 0},
	{"uint32_t", 4, false, 0},
	{"uint64_t", 8, false, 0},
	{"s8", 1, true, 0},
	{"s16", 2, true, 0},
	{"s32", 4, true, 0},
	{"s64", 8, true, 0},
	{"u8", 1, false, 0},
	{"u16", 2, false, 0},
	{"u32", 4, false, 0},
	{"u64", 8, false, 0},
};

/* The words that the basic types are made of, in any order. */
enum basic { CHAR, SHORT, INT, LONG, SIGNED, UNSIGNED, N_BASIC };

static const char *const basic_words[N_BASIC] = {"char", "short", "int", "long", "signed", "unsigned"};

static const char *const qualifiers[] = {"const", "volatile", "restrict"};

static const char *const floating[] = {"float", "double"};

static bool is_one_of(const struct spec_piece *word, const char *const *list, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (spec_equals(word, list[i]))
			return true;
	return false;
}

/* Cuts the next word off, be it of letters or a single other character; false at the end. */
static bool next_word(struct spec_piece *rest, struct spec_piece *word)
{
	size_t length;

	spec_skip_blanks(rest);
	if (rest->at == rest->end)
		return false;
	length = spec_word_length(rest);
	*word = spec_cut(rest, length ? length : 1);
	return true;
}

/* As next_word(), without what makes no difference to a value. */
static bool next_meaning(struct spec_piece *rest, struct spec_piece *word)
{
	while (next_word(rest, word))
		if (!is_one_of(word, qualifiers, sizeof(qualifiers) / sizeof(*qualifiers)))
			return true;
	return false;
}

static void set(struct spec_type *type, size_t bytes, bool is_signed)
{
	type->bytes = (uint8_t)bytes;
	type->bits = (uint8_t)(bytes * CHAR_BIT);
	type->is_signed = is_signed;
}

/* ---- pointers -------------------------------------------------------------------------------- */

/* Anything that ends in '*', but for qualifiers behind it. */
static bool is_pointer(struct spec_piece piece)
{
	struct spec_piece word;
	bool named_before = false, star = false;

	while (next_meaning(&piece, &word)) {
		star = spec_equals(&word, "*");
		named_before |= !star;
	}
	return named_before && star;
}

/* ---- basic types ----------------------------------------------------------------------------- */

/* How often each of the basic words is there; false where there is any other word. */
static bool count_words(struct spec_piece piece, unsigned count[N_BASIC])
{
	struct spec_piece word;
	unsigned n = 0;

	memset(count, 0, N_BASIC * sizeof(*count));
	while (next_meaning(&piece, &word)) {
		size_t i = 0;

		while (i < N_BASIC && !spec_equals(&word, basic_words[i]))
			i++;
		if (i == N_BASIC)
			return false;
		count[i]++;
		n++;
	}
	return n;
}

static bool parse_basic(const struct spec_piece *piece, struct spec_type *type)
{
	unsigned count[N_BASIC];

	if (!count_words(*piece, count) || count[CHAR] > 1 || count[SHORT] > 1 || count[INT] > 1 ||
	    count[LONG] > 2 || count[SIGNED] + count[UNSIGNED] > 1)
		return false;
	if (count[CHAR]) {
		set(type, sizeof(char), count[UNSIGNED] ? false : count[SIGNED] || CHAR_MIN < 0);
		return !count[SHORT] && !count[INT] && !count[LONG];
	}
	if (count[SHORT] && count[LONG])
		return false;
	set(type, count[SHORT] ? sizeof(short) : count[LONG] ? sizeof(long) : sizeof(int), !count[UNSIGNED]);
	return true;
}

/* ---- types with a name of their own ---------------------------------------------------------- */

static bool parse_named(struct spec_piece piece, struct spec_type *type)
{
	struct spec_piece word, more;

	if (!next_meaning(&piece, &word) || next_meaning(&piece, &more))
		return false;
	for (size_t i = 0; i < sizeof(named) / sizeof(*named); i++) {
		if (!spec_equals(&word, named[i].name))
			continue;
		set(type, named[i].bytes, named[i].is_signed);
		if (named[i].bits)
			type->bits = named[i].bits;
		return true;
	}
	return false;
}

/* ---- what is none ---------------------------------------------------------------------------- */

static bool is_floating(struct spec_piece piece)
{
	struct spec_piece word;

	while (next_word(&piece, &word))
		if (is_one_of(&word, floating, sizeof(floating) / sizeof(*floating)))
			return true;
	return false;
}

static int unknown(const struct spec_piece *piece)
{
	struct spec_guess guess;

	spec_guess_start(&guess, piece);
	for (size_t i = 0; i < sizeof(named) / sizeof(*named); i++)
		text_nearest_offer(&guess.nearest, named[i].name);
	for (size_t i = 0; i < N_BASIC; i++)
		text_nearest_offer(&guess.nearest, basic_words[i]);
	return spec_wrong(piece,
			  spec_guess_hint(&guess, "types are C's integers, and pointers such as void *"),
			  "unknown type '%.*s'", SPEC_SHOW(piece));
}

int spec_parse_type(struct spec_piece piece, struct spec_type *type)
{
	*type = (struct spec_type){.as_written = piece};
	if (piece.at == piece.end)
		return 0;
	if (is_pointer(piece)) {
		set(type, sizeof(void *), false);
		return 0;
	}
	if (is_floating(piece))
		return spec_wrong(&piece, "integers and pointers can be read",
				  "floating-point values are in other registers");
	return parse_basic(&piece, type) || parse_named(piece, type) ? 0 : unknown(&piece);
}
