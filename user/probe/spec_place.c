// SPDX-License-Identifier: GPL-2.0-or-later
/* Functions and marks, and where a measure ends and its modifiers begin. */
#include <ctype.h>
#include <string.h>

#include "probe/spec_parts.h"

/* Kinds of probes that people know and this version does not have. */
static const char *const absent_kinds[] = {
	"kprobe:", "kretprobe:", "fentry:", "uretprobe:", "fexit:", "python:", "java:", "js:", "node:",
};

bool spec_lone_colon(const char *text, size_t at, size_t from)
{
	return text[at] == ':' && text[at + 1] != ':' && (at == from || text[at - 1] != ':');
}

bool spec_has_prefix(const struct spec_piece *piece, const char *prefix)
{
	return spec_starts(piece, prefix) &&
	       spec_lone_colon(piece->text, piece->at + strlen(prefix) - 1, piece->at);
}

/* ---- where a place ends ---------------------------------------------------------------------- */

/* What stands before "(" behind a C++ function's parameters. */
static bool is_specifier(const char *word, size_t length)
{
	return (length == 8 && (memcmp(word, "noexcept", 8) == 0 || memcmp(word, "decltype", 8) == 0 ||
				memcmp(word, "requires", 8) == 0));
}

/*
 * After a plain place or behind a closing parenthesis, "word(" can only be meant as a modifier:
 * elsewhere in C++ names blanks stand within parentheses or angle brackets, or behind "operator".
 */
static bool is_misspelt_modifier(const struct spec_piece *place, const char *text)
{
	size_t length = place->end - place->at, word = 0;
	const char *name = place->text + place->at;

	while (islower((unsigned char)text[word]) || text[word] == '_')
		word++;
	if (!word || (text[word] != '(' && text[word] != '='))
		return false;
	if (length && name[length - 1] == ')')
		return !is_specifier(text, word);
	for (size_t i = 0; i < length; i++)
		if (strchr("()<>", name[i]))
			return false;
	return length < 8 || memcmp(name + length - 8, "operator", 8) != 0;
}

struct spec_piece spec_cut_place(struct spec_piece *rest)
{
	struct spec_piece place = {rest->text, rest->at, rest->at};
	int depth = 0;

	for (size_t i = rest->at; i < rest->end; i++) {
		const char *next = rest->text + i + 1;

		if (next[-1] == '(')
			depth++;
		else if (next[-1] == ')')
			depth--;
		if (!isspace((unsigned char)next[-1]))
			place.end = i + 1;
		else if (depth == 0 && (spec_is_modifier(next) || is_misspelt_modifier(&place, next)))
			break;
	}
	rest->at = place.end;
	return place;
}

/* ---- functions ------------------------------------------------------------------------------- */

static int check_all_digits(const struct spec_piece *place)
{
	for (size_t i = place->at; i < place->end; i++) {
		if (!isdigit((unsigned char)place->text[i]) && place->text[i] != ',')
			return 0;
	}
	return place->at == place->end ? 0
				       : spec_wrong(place, "did you mean -p?",
						    "'%.*s' is a number, not a probe", SPEC_SHOW(place));
}

static int check_kind(struct spec_piece place)
{
	if (spec_has_prefix(&place, "loop:")) {
		spec_cut(&place, strlen("loop"));
		return spec_wrong(&place, "write loop; a function is /path/to/loop:FUNC",
				  "'loop' is a measure by itself: nothing stands behind it");
	}
	for (size_t i = 0; i < sizeof(absent_kinds) / sizeof(*absent_kinds); i++) {
		if (!spec_has_prefix(&place, absent_kinds[i]))
			continue;
		place.end = place.at + strlen(absent_kinds[i]);
		return spec_wrong(&place, "a function is FUNC, LIB:FUNC or uprobe:/path:FUNC",
				  "this version has no '%s' probes", absent_kinds[i]);
	}
	return 0;
}

/* "f ()" is a name of C++'s but for the blank, which demangled ones have behind a keyword alone. */
static int check_blank(const struct spec_piece *name)
{
	size_t at = name->at;

	while (at < name->end && (isalnum((unsigned char)name->text[at]) || strchr("_:$~", name->text[at])))
		at++;
	if (at == name->at || at == name->end || !isspace((unsigned char)name->text[at]) ||
	    is_specifier(name->text + name->at, at - name->at))
		return 0;
	for (struct spec_piece blank = {name->text, at, at + 1}; at < name->end; at++) {
		if (name->text[at] == '(')
			return spec_wrong(&blank, "write FUNC, or a C++ signature without the blank: f(int)",
					  "unexpected blank before '('");
		if (!isspace((unsigned char)name->text[at]))
			break;
	}
	return 0;
}

/* Blanks are part of C++ signatures and operators only. */
static int check_name(const struct spec_piece *name)
{
	const char *text = name->text + name->at;
	size_t length = name->end - name->at;
	bool cxx = memchr(text, '(', length) || memmem(text, length, "operator", 8);
	int depth = 0;

	if (length == 0) {
		struct spec_piece before = {name->text, name->at ? name->at - 1 : 0, name->at};

		return spec_wrong(&before, "the function's name is missing", "incomplete probe");
	}
	for (size_t i = 0; i < length; i++) {
		struct spec_piece tail = {name->text, name->at + i + 1, name->end};

		if (text[i] == '(' || text[i] == '<' || text[i] == '{')
			depth++;
		if (iscntrl((unsigned char)text[i]) ||
		    (isspace((unsigned char)text[i]) && depth == 0 && !cxx))
			return spec_wrong(
				&tail, "only modifiers such as err(int ret < 0) may stand behind a function",
				"unexpected text after the function's name");
	}
	return 0;
}

/*
 * Where the lone colon is that parts object and function, before the first parenthesis, or the place's
 * end. In a path the last one counts.
 */
static size_t find_colon(const struct spec_piece *place)
{
	size_t found = place->end;

	for (size_t i = place->at; i < place->end && place->text[i] != '(' && place->text[i] != '<'; i++) {
		if (!spec_lone_colon(place->text, i, place->at))
			continue;
		found = i;
		if (place->text[place->at] != '/')
			break;
	}
	return found;
}

static enum spec_object object_kind(const struct spec_piece *object)
{
	if (object->at == object->end)
		return SPEC_OBJECT_MAIN;
	return object->text[object->at] == '/' ? SPEC_OBJECT_PATH : SPEC_OBJECT_NAME;
}

static int set_object(struct probe_spec *spec, const struct spec_piece *object)
{
	spec->object_kind = object_kind(object);
	spec->object_at = object->at;
	if (spec->object_kind == SPEC_OBJECT_MAIN)
		return 0;
	spec->object = spec_copy(object);
	return spec->object ? 0 : -ENOMEM;
}

/* Takes "OBJECT:" off the beginning of @place. */
static int take_object(struct probe_spec *spec, struct spec_piece *place)
{
	struct spec_piece object;
	size_t colon;

	if (spec_starts(place, "uprobe:")) {
		spec_cut(place, strlen("uprobe:"));
		if (!spec_starts(place, "/"))
			return spec_wrong(place, "write uprobe:/path/to/file:FUNC", "'uprobe:' wants a path");
	}
	colon = find_colon(place);
	spec->object_at = place->at;
	if (colon == place->end) {
		if (spec_starts(place, "/"))
			return spec_wrong(place, "write /path/to/file:FUNC",
					  "the function's name is missing");
		spec->object_kind = SPEC_OBJECT_ANY;
		return 0;
	}
	object = spec_cut(place, colon - place->at);
	spec_cut(place, 1);
	return set_object(spec, &object);
}

/* Whether it is a C++ name with its parameter list: what stands in parentheses is no Go receiver. */
static bool has_parameters(const char *name)
{
	for (const char *at = name; (at = strchr(at, '(')); at++)
		if (!text_is_receiver(at))
			return true;
	return false;
}

int spec_parse_function(struct probe_spec *spec, struct spec_piece place)
{
	int err = check_all_digits(&place);

	if (!err)
		err = check_kind(place);
	if (!err)
		err = take_object(spec, &place);
	if (!err)
		err = check_name(&place);
	if (!err)
		err = check_blank(&place);
	if (err)
		return err;
	spec->function_at = place.at;
	spec->function = spec_copy(&place);
	if (!spec->function)
		return -ENOMEM;
	/* A lone '*' after "operator" or in a parameter list belongs to the C++ name. */
	spec->glob = !has_parameters(spec->function) && !strstr(spec->function, "operator") &&
		     text_is_glob(spec->function);
	return 0;
}

/* ---- marks ----------------------------------------------------------------------------------- */

/* The names that compilers and tools put into notes. */
static struct spec_piece cut_mark_word(struct spec_piece *rest)
{
	size_t at = rest->at;

	while (at < rest->end && (isalnum((unsigned char)rest->text[at]) || strchr("_-.$", rest->text[at])))
		at++;
	return spec_cut(rest, at - rest->at);
}

int spec_parse_mark(struct probe_spec *spec, struct spec_piece *rest)
{
	struct spec_piece provider = cut_mark_word(rest), mark;

	if (provider.at == provider.end)
		return spec_wrong(&provider, "write usdt:PROVIDER:MARK", "the provider's name is missing");
	if (rest->at == rest->end || !spec_lone_colon(rest->text, rest->at, provider.at))
		return spec_wrong(&provider, "write usdt:PROVIDER:MARK", "the mark's name is missing");
	spec_cut(rest, 1);
	mark = cut_mark_word(rest);
	if (mark.at == mark.end)
		return spec_wrong(&mark, "write usdt:PROVIDER:MARK", "the mark's name is missing");
	spec->object_kind = SPEC_OBJECT_NAME;
	spec->object_at = provider.at;
	spec->object = spec_copy(&provider);
	spec->function_at = mark.at;
	spec->function = spec_copy(&mark);
	return spec->object && spec->function ? 0 : -ENOMEM;
}
