// SPDX-License-Identifier: GPL-2.0-or-later
/* The grammar of probe specifications, with a caret under whatever is wrong. */
#include "probe/spec.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/diag.h"
#include "base/text.h"

#define SPEC_MAX_LENGTH 4096

/* Kinds of probes that the manual names and this version does not have. */
static const char *const absent_kinds[] = {
	"span",	  "usdt",      "marker", "tcp",	   "syscall", "kprobe", "kretprobe",
	"fentry", "uretprobe", "fexit",	 "python", "java",    "js",	"node",
};

/* Words that open a modifier after the place. */
static const char *const modifiers[] = {"ok(", "err(", "value(", "hit(", "if(", "peer=", "port=", "timeout="};

static bool starts_with(const char *text, const char *prefix)
{
	return strncmp(text, prefix, strlen(prefix)) == 0;
}

static bool is_modifier(const char *text)
{
	for (size_t i = 0; i < sizeof(modifiers) / sizeof(modifiers[0]); i++) {
		if (starts_with(text, modifiers[i]))
			return true;
	}
	return false;
}

/*
 * After a plain place, "word(" can only be meant as a modifier: in a C++ name blanks stand within
 * parentheses or angle brackets, or behind "operator".
 */
static bool is_misspelt_modifier(const char *place, size_t length, const char *text)
{
	size_t word = 0;

	for (size_t i = 0; i < length; i++)
		if (strchr("()<>", place[i]))
			return false;
	if (length >= 8 && starts_with(place + length - 8, "operator"))
		return false;
	while (islower((unsigned char)text[word]))
		word++;
	return word && text[word] == '(';
}

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
	if ((n == 4 && (starts_with(text, "peer") || starts_with(text, "port"))) ||
	    (n == 8 && starts_with(text, "operator")))
		return 0;
	return n + 1;
}

/* Whether the ':' at @at stands alone, so that it is not a half of "::". */
static bool lone_colon(const char *text, size_t at, size_t from)
{
	return text[at] == ':' && text[at + 1] != ':' && (at == from || text[at - 1] != ':');
}

/*
 * Where the lone colon is that parts object and function, from @from to the first parenthesis, or
 * the text's length. In a path the last one counts.
 */
static size_t find_colon(const char *text, size_t from)
{
	size_t length = strlen(text);
	size_t found = length;

	for (size_t i = from; i < length && text[i] != '(' && text[i] != '<'; i++) {
		if (!lone_colon(text, i, from))
			continue;
		found = i;
		if (text[from] != '/')
			break;
	}
	return found;
}

/* The place's length: up to blanks that end the text or stand before a modifier. */
static size_t place_length(const char *text, size_t from, size_t *modifier)
{
	size_t end = from;
	int depth = 0;

	*modifier = 0;
	for (size_t i = from; text[i]; i++) {
		if (text[i] == '(')
			depth++;
		else if (text[i] == ')')
			depth--;
		if (!isspace((unsigned char)text[i])) {
			end = i + 1;
			continue;
		}
		if (depth == 0 && (is_modifier(text + i + 1) ||
				   is_misspelt_modifier(text + from, end - from, text + i + 1))) {
			*modifier = i + 1;
			break;
		}
	}
	return end - from;
}

static int check_all_digits(const char *text, size_t from, size_t length)
{
	for (size_t i = 0; i < length; i++) {
		if (!isdigit((unsigned char)text[from + i]) && text[from + i] != ',')
			return 0;
	}
	diag_caret(text, from, length, "did you mean -p?", "'%.*s' is a number, not a probe", (int)length,
		   text + from);
	return -EINVAL;
}

static int check_kind(const char *text, size_t from, size_t length)
{
	if (length == strlen("loop") && starts_with(text + from, "loop")) {
		diag_caret(text, from, length, "a function of that name is written ':loop'",
			   "this version has no 'loop' probes");
		return -EINVAL;
	}
	if (starts_with(text + from, "peer=") || starts_with(text + from, "port=")) {
		diag_caret(text, from, 5, NULL, "this version has no tcp: probes");
		return -EINVAL;
	}
	for (size_t i = 0; i < sizeof(absent_kinds) / sizeof(absent_kinds[0]); i++) {
		size_t n = strlen(absent_kinds[i]);

		if (!starts_with(text + from, absent_kinds[i]) || !lone_colon(text, from + n, from))
			continue;
		diag_caret(text, from, n + 1, "functions only: FUNC, LIB:FUNC or uprobe:/path:FUNC",
			   "this version has no '%s:' probes", absent_kinds[i]);
		return -EINVAL;
	}
	return 0;
}

/* Blanks are part of C++ signatures and operators only. */
static int check_function(const char *text, size_t at, size_t length)
{
	int depth = 0;

	if (length == 0) {
		diag_caret(text, at ? at - 1 : 0, 1, "the function's name is missing", "incomplete probe");
		return -EINVAL;
	}
	for (size_t i = 0; i < length; i++) {
		char c = text[at + i];

		if (c == '(' || c == '<' || c == '{')
			depth++;
		if ((isspace((unsigned char)c) && depth == 0 && !strstr(text + at, "operator") &&
		     !memchr(text + at, '(', length)) ||
		    iscntrl((unsigned char)c)) {
			diag_caret(text, at + i + 1, length > i + 1 ? length - i - 1 : 1, NULL,
				   "unexpected text after the function's name");
			return -EINVAL;
		}
	}
	return 0;
}

/* Splits the place at @from into object and function; fills the offsets and kinds in. */
static int split_place(struct probe_spec *spec, size_t from, size_t length, size_t *object_length)
{
	const char *text = spec->text;
	size_t colon;

	if (starts_with(text + from, "uprobe:")) {
		from += strlen("uprobe:");
		length -= strlen("uprobe:");
		if (text[from] != '/') {
			diag_caret(text, from, length ? length : 1, "write uprobe:/path/to/file:FUNC",
				   "'uprobe:' wants a path");
			return -EINVAL;
		}
	}
	colon = find_colon(text, from);
	spec->object_at = spec->function_at = from;
	*object_length = 0;
	if (colon >= from + length) {
		if (text[from] == '/') {
			diag_caret(text, from, length, "write /path/to/file:FUNC",
				   "the function's name is missing");
			return -EINVAL;
		}
		spec->object_kind = SPEC_OBJECT_ANY;
		return 0;
	}
	spec->function_at = colon + 1;
	*object_length = colon - from;
	if (colon == from)
		spec->object_kind = SPEC_OBJECT_MAIN;
	else
		spec->object_kind = text[from] == '/' ? SPEC_OBJECT_PATH : SPEC_OBJECT_NAME;
	return 0;
}

static int parse_text(struct probe_spec *spec)
{
	const char *text = spec->text;
	size_t from = 0, name, length, object_length, modifier, end;
	int err;

	while (isspace((unsigned char)text[from]))
		from++;
	if (text[from] == '=') {
		diag_caret(text, from, 1, "the component's name is missing", "incomplete probe");
		return -EINVAL;
	}
	name = name_length(text + from);
	if (name) {
		spec->name = strndup(text + from, name - 1);
		if (!spec->name)
			return -ENOMEM;
		from += name;
	}
	length = place_length(text, from, &modifier);
	if (length == 0) {
		diag_caret(text, from, 1, "write FUNC, LIB:FUNC or uprobe:/path:FUNC", "empty probe");
		return -EINVAL;
	}
	end = from + length;
	err = check_all_digits(text, from, length);
	if (!err)
		err = check_kind(text, from, length);
	if (!err)
		err = split_place(spec, from, length, &object_length);
	if (!err)
		err = check_function(text, spec->function_at, end - spec->function_at);
	if (err)
		return err;
	if (modifier) {
		diag_caret(text, modifier, strlen(text) - modifier, NULL,
			   "this version has no modifiers such as ok(), err(), if()");
		return -EINVAL;
	}
	spec->kind = SPEC_FUNCTION;
	if (object_length) {
		spec->object = strndup(text + spec->object_at, object_length);
		if (!spec->object)
			return -ENOMEM;
	}
	spec->function = strndup(text + spec->function_at, end - spec->function_at);
	if (!spec->function)
		return -ENOMEM;
	/* A lone '*' after "operator" or in a parameter list belongs to the C++ name. */
	spec->glob = !strchr(spec->function, '(') && !strstr(spec->function, "operator") &&
		     text_is_glob(spec->function);
	return 0;
}

int spec_parse(const char *text, struct probe_spec *spec)
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
	err = parse_text(spec);
	if (err)
		spec_free(spec);
	return err;
}

void spec_free(struct probe_spec *spec)
{
	free(spec->text);
	free(spec->name);
	free(spec->object);
	free(spec->function);
	memset(spec, 0, sizeof(*spec));
}
