/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The parts of the parser of specifications, one file each:
 *
 *   spec.c           the name, and which kind of measure it is
 *   spec_place.c     functions and marks; where a measure ends and its modifiers begin
 *   spec_span.c      the two places of a span and their keys
 *   spec_words.c     modifiers
 *   spec_tcp.c       kinds of TCP spans, peers and ports
 *   spec_expr.c      the tests of ok(), err(), hit() and if(), and whether they can hold at all
 *   spec_operand.c   argN, ret and tid, and what a probe has of them
 *   spec_type.c      C's integer types
 *   spec_constant.c  numbers, characters and names of constants
 *   spec_wait.c      functions that are waits
 *
 * All of them return 0, -EINVAL after a message with a caret, or -ENOMEM, and all offsets are those of
 * the whole text.
 */
#ifndef LAPSE_SPEC_PARTS_H
#define LAPSE_SPEC_PARTS_H

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/diag.h"
#include "base/text.h"
#include "probe/spec.h"

/* What is still to be read of a text, or a piece cut out of it: from .at up to .end. */
struct spec_piece {
	const char *text;
	size_t at, end;
};

/* Says what is wrong with @piece, as diag_caret() does. A macro, for the message's arguments. */
#define spec_wrong(piece, hint, ...)                                                                         \
	(diag_caret((piece)->text, (piece)->at, (piece)->end > (piece)->at ? (piece)->end - (piece)->at : 1, \
		    hint, __VA_ARGS__),                                                                      \
	 -EINVAL)

/* The piece's length and beginning, as "%.*s" takes them. */
#define SPEC_SHOW(piece) (int)((piece)->end - (piece)->at), (piece)->text + (piece)->at

bool spec_starts(const struct spec_piece *piece, const char *prefix);
bool spec_equals(const struct spec_piece *piece, const char *word);
void spec_skip_blanks(struct spec_piece *piece);
/* Takes blanks off the end. */
void spec_trim(struct spec_piece *piece);
/* Cuts the next @length characters off the beginning of @rest. */
struct spec_piece spec_cut(struct spec_piece *rest, size_t length);
/* How many letters, digits and '_' the piece begins with. */
size_t spec_word_length(const struct spec_piece *piece);
/* A copy to be freed, or NULL. */
char *spec_copy(const struct spec_piece *piece);

/* The word that was meant instead of a wrong one: start, offer to .nearest, ask for the hint. */
struct spec_guess {
	char wanted[64], hint[64];
	struct text_nearest nearest;
};

void spec_guess_start(struct spec_guess *guess, const struct spec_piece *word);
/* "nearest is ...", or @otherwise where nothing is near. */
const char *spec_guess_hint(struct spec_guess *guess, const char *otherwise);

/* ---- places ---------------------------------------------------------------------------------- */

/* Whether the ':' at @at stands alone, so that it is not a half of "::"; the text begins at @from. */
bool spec_lone_colon(const char *text, size_t at, size_t from);
/* Whether @piece begins with @prefix, whose last character is such a colon. */
bool spec_has_prefix(const struct spec_piece *piece, const char *prefix);
/* Cuts the place at the beginning of @rest off, up to its modifiers or the text's end. */
struct spec_piece spec_cut_place(struct spec_piece *rest);
/* FUNCTION, which is all of @place. */
int spec_parse_function(struct probe_spec *spec, struct spec_piece place);
/* PROVIDER ':' MARK at the beginning of @rest, without keys. */
int spec_parse_mark(struct probe_spec *spec, struct spec_piece *rest);

/* PLACE '..' PLACE at the beginning of @rest. */
int spec_parse_span(struct probe_spec *spec, struct spec_piece *rest);

/* KIND at the beginning of @rest. */
int spec_parse_tcp(struct probe_spec *spec, struct spec_piece *rest);
/* PEER and PORT, which are all of the piece. */
int spec_parse_peer(struct spec_tcp *tcp, struct spec_piece peer);
int spec_parse_port(struct spec_piece piece, uint16_t *port);

/* ---- modifiers ------------------------------------------------------------------------------- */

/* Whether a word that opens a modifier, such as "ok(", begins at @text. */
bool spec_is_modifier(const char *text);
/* All modifiers in @rest. The measure has been parsed: it tells what they may ask for. */
int spec_parse_modifiers(struct probe_spec *spec, struct spec_piece rest);

/* What operands may name, and which arguments have been named so far. */
struct spec_scope {
	unsigned n_args;    /* arg0 and so on; tid there is everywhere */
	const char *no_ret; /* why there is no return value, or NULL */
	const char *hint;   /* ... and what to do about it, or NULL */
	uint16_t used;	    /* bits: arguments */
};

/* Checks that @scope has @operand, and room for its argument. @where: for the caret. */
int spec_scope_take(struct spec_scope *scope, const struct spec_operand *operand,
		    const struct spec_piece *where);

/* An integer type as written. .bytes is 0 where none was. */
struct spec_type {
	uint8_t bytes;
	uint8_t bits; /* that values use: one of bool's eight */
	bool is_signed;
	struct spec_piece as_written;
};

int spec_parse_type(struct spec_piece piece, struct spec_type *type);

/* "argN", "ret" or "tid", which is all of @word; false where it is none of them. */
bool spec_is_operand(const struct spec_piece *word, struct spec_operand *operand);
/* [TYPE] (argN | ret) at the beginning of @rest. */
int spec_parse_operand(struct spec_piece *rest, struct spec_scope *scope, struct spec_operand *operand,
		       struct spec_type *type);

/* Wide enough for all that a signed or an unsigned register holds. */
typedef __int128 spec_constant;

int spec_parse_constant(struct spec_piece *rest, spec_constant *constant);

/* EXPR, which is all of @expr. */
int spec_parse_expr(struct spec_piece expr, struct spec_scope *scope, struct spec_condition *condition);

#endif
