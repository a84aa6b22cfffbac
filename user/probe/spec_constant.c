// SPDX-License-Identifier: GPL-2.0-or-later
/* Constants as C writes them: numbers, characters, and the names of a few. */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "probe/spec_parts.h"

#define CONSTANT_HINT "constants are numbers, 'c', NULL, true, false and errno names such as EAGAIN"

#define E(name)             \
	{                   \
#name, name \
	}

static const struct name {
	const char *name;
	int value;
} names[] = {
	{"NULL", 0},	    {"true", 1},     {"false", 0},   E(EPERM),	      E(ENOENT),
	E(ESRCH),	    E(EINTR),	     E(EIO),	     E(ENXIO),	      E(E2BIG),
	E(ENOEXEC),	    E(EBADF),	     E(ECHILD),	     E(EAGAIN),	      E(EWOULDBLOCK),
	E(ENOMEM),	    E(EACCES),	     E(EFAULT),	     E(ENOTBLK),      E(EBUSY),
	E(EEXIST),	    E(EXDEV),	     E(ENODEV),	     E(ENOTDIR),      E(EISDIR),
	E(EINVAL),	    E(ENFILE),	     E(EMFILE),	     E(ENOTTY),	      E(ETXTBSY),
	E(EFBIG),	    E(ENOSPC),	     E(ESPIPE),	     E(EROFS),	      E(EMLINK),
	E(EPIPE),	    E(EDOM),	     E(ERANGE),	     E(EDEADLK),      E(ENAMETOOLONG),
	E(ENOLCK),	    E(ENOSYS),	     E(ENOTEMPTY),   E(ELOOP),	      E(ENODATA),
	E(ETIME),	    E(EPROTO),	     E(EBADMSG),     E(EOVERFLOW),    E(EILSEQ),
	E(ENOTSOCK),	    E(EDESTADDRREQ), E(EMSGSIZE),    E(EPROTOTYPE),   E(ENOPROTOOPT),
	E(EPROTONOSUPPORT), E(EOPNOTSUPP),   E(ENOTSUP),     E(EAFNOSUPPORT), E(EADDRINUSE),
	E(EADDRNOTAVAIL),   E(ENETDOWN),     E(ENETUNREACH), E(ENETRESET),    E(ECONNABORTED),
	E(ECONNRESET),	    E(ENOBUFS),	     E(EISCONN),     E(ENOTCONN),     E(ESHUTDOWN),
	E(ETIMEDOUT),	    E(ECONNREFUSED), E(EHOSTDOWN),   E(EHOSTUNREACH), E(EALREADY),
	E(EINPROGRESS),	    E(ESTALE),	     E(EDQUOT),	     E(ECANCELED),    E(EOWNERDEAD),
	E(ENOTRECOVERABLE),
};

/* What may stand behind the backslash, and what it means. */
static const char escapes[][2] = {
	{'n', '\n'}, {'r', '\r'}, {'t', '\t'}, {'0', '\0'}, {'\\', '\\'}, {'\'', '\''},
};

static int out_of_range(const struct spec_piece *word)
{
	return spec_wrong(word, NULL, "'%.*s' does not fit in 64 bits", SPEC_SHOW(word));
}

/* All that can be meant as a number, so that what is wrong in it is shown as a whole. */
static struct spec_piece cut_number(struct spec_piece *rest)
{
	size_t at = rest->at;

	while (at < rest->end &&
	       (isalnum((unsigned char)rest->text[at]) || rest->text[at] == '_' || rest->text[at] == '.'))
		at++;
	return spec_cut(rest, at - rest->at);
}

/* A number in base 10, 16 ("0x") or 8 ("0"), as in C. */
static int parse_number(struct spec_piece *rest, spec_constant *constant)
{
	struct spec_piece word = cut_number(rest);
	unsigned long long number;
	char *stop;

	errno = 0;
	number = strtoull(word.text + word.at, &stop, 0);
	if (stop != word.text + word.end)
		return spec_wrong(&word, "write a whole number, such as 10, 0x1f or 0644",
				  "'%.*s' is no number", SPEC_SHOW(&word));
	if (errno)
		return out_of_range(&word);
	*constant = (spec_constant)number;
	return 0;
}

/* 'c' or '\n' */
static int parse_character(struct spec_piece *rest, spec_constant *constant)
{
	const char *text = rest->text + rest->at;
	size_t length = rest->end - rest->at;
	struct spec_piece word;

	if (length >= 3 && text[1] != '\\' && text[1] != '\'' && text[2] == '\'') {
		*constant = (spec_constant)text[1];
		spec_cut(rest, 3);
		return 0;
	}
	for (size_t i = 0; length >= 4 && text[1] == '\\' && text[3] == '\'' && i < sizeof(escapes) / 2;
	     i++) {
		if (escapes[i][0] != text[2])
			continue;
		*constant = (spec_constant)escapes[i][1];
		spec_cut(rest, 4);
		return 0;
	}
	word = *rest;
	return spec_wrong(&word, "write one character, such as 'a' or '\\n'", "that is no character");
}

static int unknown(const struct spec_piece *word)
{
	struct spec_guess guess;

	spec_guess_start(&guess, word);
	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
		text_nearest_offer(&guess.nearest, names[i].name);
	return spec_wrong(word, spec_guess_hint(&guess, CONSTANT_HINT), "unknown constant '%.*s'",
			  SPEC_SHOW(word));
}

static int parse_named(struct spec_piece *rest, spec_constant *constant)
{
	struct spec_piece word = spec_cut(rest, spec_word_length(rest));

	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
		if (!spec_equals(&word, names[i].name))
			continue;
		*constant = names[i].value;
		return 0;
	}
	return unknown(&word);
}

static int parse_magnitude(struct spec_piece *rest, spec_constant *constant)
{
	if (rest->at == rest->end)
		return spec_wrong(rest, CONSTANT_HINT, "the constant is missing");
	if (isdigit((unsigned char)rest->text[rest->at]))
		return parse_number(rest, constant);
	if (rest->text[rest->at] == '\'')
		return parse_character(rest, constant);
	if (spec_word_length(rest))
		return parse_named(rest, constant);
	return spec_wrong(rest, CONSTANT_HINT, "unexpected text instead of a constant");
}

int spec_parse_constant(struct spec_piece *rest, spec_constant *constant)
{
	struct spec_piece whole = *rest;
	bool negative;
	int err;

	negative = spec_starts(rest, "-");
	if (negative) {
		spec_cut(rest, 1);
		spec_skip_blanks(rest);
	}
	err = parse_magnitude(rest, constant);
	if (err || !negative)
		return err;
	*constant = -*constant;
	whole.end = rest->at;
	return *constant < INT64_MIN ? out_of_range(&whole) : 0;
}
