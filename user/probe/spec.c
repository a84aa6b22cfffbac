// SPDX-License-Identifier: GPL-2.0-or-later
/* A specification's name, and which kind of measure follows it. */
#include "probe/spec.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "probe/spec_parts.h"

#define SPEC_MAX_LENGTH 4096

/* ---- pieces of text -------------------------------------------------------------------------- */

bool spec_starts(const struct spec_piece *piece, const char *prefix)
{
	size_t length = strlen(prefix);

	return piece->end - piece->at >= length && memcmp(piece->text + piece->at, prefix, length) == 0;
}

bool spec_equals(const struct spec_piece *piece, const char *word)
{
	return piece->end - piece->at == strlen(word) && spec_starts(piece, word);
}

void spec_skip_blanks(struct spec_piece *piece)
{
	while (piece->at < piece->end && isspace((unsigned char)piece->text[piece->at]))
		piece->at++;
}

void spec_trim(struct spec_piece *piece)
{
	while (piece->end > piece->at && isspace((unsigned char)piece->text[piece->end - 1]))
		piece->end--;
}

struct spec_piece spec_cut(struct spec_piece *rest, size_t length)
{
	struct spec_piece piece = {rest->text, rest->at, rest->at + length};

	rest->at = piece.end;
	return piece;
}

size_t spec_word_length(const struct spec_piece *piece)
{
	size_t at = piece->at;

	while (at < piece->end && (isalnum((unsigned char)piece->text[at]) || piece->text[at] == '_'))
		at++;
	return at - piece->at;
}

char *spec_copy(const struct spec_piece *piece)
{
	return strndup(piece->text + piece->at, piece->end - piece->at);
}

/* ---- what was meant -------------------------------------------------------------------------- */

void spec_guess_start(struct spec_guess *guess, const struct spec_piece *word)
{
	memset(guess, 0, sizeof(*guess));
	snprintf(guess->wanted, sizeof(guess->wanted), "%.*s", SPEC_SHOW(word));
	guess->nearest.wanted = guess->wanted;
}

const char *spec_guess_hint(struct spec_guess *guess, const char *otherwise)
{
	if (!guess->nearest.best)
		return otherwise;
	snprintf(guess->hint, sizeof(guess->hint), "nearest is '%s'", guess->nearest.best);
	return guess->hint;
}

/* ---- the name -------------------------------------------------------------------------------- */

/* The length of "NAME=" at the start of @text, or 0 where there is no such thing. */
static size_t name_length(const char *text)
{
	size_t n = 0;

	if (!isalpha((unsigned char)text[0]) && text[0] != '_')
		return 0;
	while (isalnum((unsigned char)text[n]) || text[n] == '_' || text[n] == '-' || text[n] == '.')
		n++;
	if (text[n] != '=')
		return 0;
	if ((n == 4 && (strncmp(text, "peer", n) == 0 || strncmp(text, "port", n) == 0)) ||
	    (n == 8 && strncmp(text, "operator", n) == 0))
		return 0;
	return n + 1;
}

static int parse_name(struct probe_spec *spec, struct spec_piece *rest)
{
	struct spec_piece name;
	size_t length;

	spec_skip_blanks(rest);
	if (spec_starts(rest, "=")) {
		name = spec_cut(rest, 1);
		return spec_wrong(&name, "the component's name is missing", "incomplete probe");
	}
	length = name_length(rest->text + rest->at);
	if (!length)
		return 0;
	name = spec_cut(rest, length);
	name.end--;
	spec->name = spec_copy(&name);
	spec_skip_blanks(rest);
	return spec->name ? 0 : -ENOMEM;
}

/* ---- kinds of measures ----------------------------------------------------------------------- */

static int parse_function(struct probe_spec *spec, struct spec_piece *rest)
{
	return spec_parse_function(spec, spec_cut_place(rest));
}

/* The next @length characters are what the kind calls a @what. */
static int take_function(struct probe_spec *spec, struct spec_piece *rest, size_t length, const char *what)
{
	struct spec_piece word = spec_cut(rest, length);

	if (!length)
		return spec_wrong(&word, NULL, "the %s's name is missing", what);
	spec->function_at = word.at;
	spec->function = spec_copy(&word);
	return spec->function ? 0 : -ENOMEM;
}

/* Programs may give components any name, so it ends at a blank only. */
static int parse_marker(struct probe_spec *spec, struct spec_piece *rest)
{
	struct spec_piece word = *rest;
	int err;

	while (word.at < word.end && !isspace((unsigned char)word.text[word.at]))
		word.at++;
	word = (struct spec_piece){rest->text, rest->at, word.at};
	if (word.end - word.at >= LAPSE_NAME_LEN)
		return spec_wrong(&word, NULL, "a component's name has at most %d characters",
				  LAPSE_NAME_LEN - 1);
	err = take_function(spec, rest, word.end - word.at, "component");
	spec->glob = !err && text_is_glob(spec->function);
	return err;
}

static int parse_syscall(struct probe_spec *spec, struct spec_piece *rest)
{
	return take_function(spec, rest, spec_word_length(rest), "system call");
}

static const struct measure {
	const char *prefix;
	enum spec_kind kind;
	int (*parse)(struct probe_spec *spec, struct spec_piece *rest);
} measures[] = {
	{"span:", SPEC_SPAN, spec_parse_span},	{"usdt:", SPEC_USDT, spec_parse_mark},
	{"marker:", SPEC_MARKER, parse_marker}, {"syscall:", SPEC_SYSCALL, parse_syscall},
	{"tcp:", SPEC_TCP, spec_parse_tcp},
};

/* A function of that name is ":loop". */
static bool is_loop(const struct spec_piece *rest)
{
	return spec_starts(rest, "loop") && spec_word_length(rest) == strlen("loop") &&
	       (rest->at + strlen("loop") == rest->end ||
		isspace((unsigned char)rest->text[rest->at + strlen("loop")]));
}

static int parse_measure(struct probe_spec *spec, struct spec_piece *rest)
{
	if (rest->at == rest->end)
		return spec_wrong(rest, "write FUNC, LIB:FUNC or uprobe:/path:FUNC", "empty probe");
	spec->object_at = spec->function_at = rest->at;
	if (is_loop(rest)) {
		spec->kind = SPEC_LOOP;
		spec_cut(rest, strlen("loop"));
		return 0;
	}
	for (size_t i = 0; i < sizeof(measures) / sizeof(*measures); i++) {
		if (!spec_has_prefix(rest, measures[i].prefix))
			continue;
		spec->kind = measures[i].kind;
		spec_cut(rest, strlen(measures[i].prefix));
		return measures[i].parse(spec, rest);
	}
	if (spec_starts(rest, "peer=") || spec_starts(rest, "port="))
		return spec_wrong(rest, "quote both together: 'tcp:request peer=10.0.0.5'",
				  "a modifier without its probe");
	if (spec_is_modifier(rest->text + rest->at))
		return spec_wrong(rest, "quote both together: 'FUNC err(int ret < 0)'",
				  "a modifier without its probe");
	spec->kind = SPEC_FUNCTION;
	return parse_function(spec, rest);
}

static int parse_text(struct probe_spec *spec)
{
	struct spec_piece rest = {spec->text, 0, strlen(spec->text)};
	int err;

	spec_trim(&rest);
	err = parse_name(spec, &rest);
	if (!err)
		err = parse_measure(spec, &rest);
	return err ? err : spec_parse_modifiers(spec, rest);
}

static int parse_filter(struct probe_spec *spec)
{
	struct spec_piece rest = {spec->text, 0, strlen(spec->text)};

	spec->kind = SPEC_TCP;
	spec_trim(&rest);
	return spec_parse_modifiers(spec, rest);
}

static int parse_by(int (*parse)(struct probe_spec *spec), const char *text, struct probe_spec *spec)
{
	int err;

	memset(spec, 0, sizeof(*spec));
	if (strlen(text) > SPEC_MAX_LENGTH) {
		diag_error("a probe of over %d characters", SPEC_MAX_LENGTH);
		return -EINVAL;
	}
	spec->text = strdup(text);
	if (!spec->text)
		return -ENOMEM;
	err = parse(spec);
	if (err)
		spec_free(spec);
	return err;
}

int spec_parse(const char *text, struct probe_spec *spec)
{
	return parse_by(parse_text, text, spec);
}

int spec_parse_tcp_filter(const char *text, struct probe_spec *spec)
{
	return parse_by(parse_filter, text, spec);
}

void spec_free(struct probe_spec *spec)
{
	for (int end = 0; spec->ends && end < LAPSE_ENDS; end++)
		spec_free(&spec->ends[end]);
	free(spec->ends);
	free(spec->text);
	free(spec->place.path);
	free(spec->name);
	free(spec->object);
	free(spec->function);
	free(spec->tcp.peer);
	free(spec->tcp.host);
	memset(spec, 0, sizeof(*spec));
}
