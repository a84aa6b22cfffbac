// SPDX-License-Identifier: GPL-2.0-or-later
/* Spans from place to place, and the keys that join their two ends. */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "base/units.h"
#include "bpf/frame.h"
#include "probe/spec_parts.h"

#define DEFAULT_TIMEOUT (60 * NSEC_PER_SEC)

#define KEY_HINT "write a key that both ends have, such as FUNC(arg0)"

/* What can be measured, but is no place of a span. */
static const char *const no_places[] = {"span:", "marker:", "syscall:", "tcp:"};

/* ---- from text to two places ----------------------------------------------------------------- */

/* Whether what stands before @at, but for blanks, closes a key. */
static bool behind_key(const struct spec_piece *rest, size_t at)
{
	struct spec_piece before = {rest->text, rest->at, at};

	spec_trim(&before);
	return before.end > before.at && before.text[before.end - 1] == ')';
}

/*
 * Where the ".." is that parts the places: outside parentheses and behind a key, since paths may have
 * such points too. Where no key stands before any, the first counts, so that the key is asked for.
 */
static bool find_points(const struct spec_piece *rest, size_t *points)
{
	bool found = false;
	int depth = 0;

	for (size_t i = rest->at; i + 1 < rest->end; i++) {
		if (rest->text[i] == '(')
			depth++;
		else if (rest->text[i] == ')' && depth)
			depth--;
		if (depth || rest->text[i] != '.' || rest->text[i + 1] != '.')
			continue;
		if (behind_key(rest, i)) {
			*points = i;
			return true;
		}
		if (!found)
			*points = i;
		found = true;
	}
	return found;
}

/* The '(' that the ')' at the end of @place closes, or the place's end. */
static size_t last_group(const struct spec_piece *place)
{
	int depth = 0;

	for (size_t i = place->end; i > place->at; i--) {
		if (place->text[i - 1] == ')')
			depth++;
		else if (place->text[i - 1] == '(' && --depth == 0)
			return i - 1;
		if (depth <= 0)
			break;
	}
	return place->end;
}

/* ---- keys ------------------------------------------------------------------------------------ */

/* A mark's arguments are listed with it; those of functions are what the kernel side can reach. */
static struct spec_scope scope_of(const struct probe_spec *place)
{
	struct spec_scope scope = {.n_args = LAPSE_MAX_ARGS};

	if (place->kind == SPEC_USDT) {
		scope.no_ret = "a mark returns nothing";
	} else if (!place->at_return) {
		scope.no_ret = "a function that is entered has not returned anything yet";
		scope.hint = "write FUNC:return(ret)";
	}
	return scope;
}

static int parse_key(struct probe_spec *place, struct spec_piece key, struct spec_scope *scope)
{
	struct spec_operand operand;

	spec_skip_blanks(&key);
	spec_trim(&key);
	if (key.at == key.end)
		return spec_wrong(&key, KEY_HINT, "the key is missing");
	if (!spec_is_operand(&key, &operand))
		return spec_wrong(&key, "keys are argN, ret or tid; behind a signature: f(int)(arg0)",
				  "'%.*s' is no key", SPEC_SHOW(&key));
	if (place->n_keys == LAPSE_KEYS)
		return spec_wrong(&key, NULL, "a place has at most %d keys", LAPSE_KEYS);
	place->key[place->n_keys++] = operand;
	return spec_scope_take(scope, &operand, &key);
}

/* @group: what stands in the parentheses. */
static int parse_keys(struct probe_spec *place, struct spec_piece group)
{
	struct spec_scope scope = scope_of(place);
	int err = 0;

	while (!err) {
		const char *comma = memchr(group.text + group.at, ',', group.end - group.at);
		size_t length = comma ? (size_t)(comma - group.text) - group.at : group.end - group.at;

		err = parse_key(place, spec_cut(&group, length), &scope);
		if (!comma)
			break;
		spec_cut(&group, 1);
	}
	return err;
}

/* Cuts "(KEYS)" off the end of @place; @keys is what stands in the parentheses. */
static int cut_keys(struct spec_piece *place, struct spec_piece *keys)
{
	size_t open = last_group(place);

	if (open == place->end) {
		struct spec_piece tail = *place;

		for (size_t i = place->at; i < place->end; i++)
			if (place->text[i] == ')')
				tail.at = i + 1;
		spec_skip_blanks(&tail);
		return spec_wrong(&tail, KEY_HINT,
				  "each place of a span ends in the key that joins it to the other one");
	}
	*keys = (struct spec_piece){place->text, open + 1, place->end - 1};
	place->end = open;
	spec_trim(place);
	return 0;
}

/* ---- a place --------------------------------------------------------------------------------- */

static int check_place_kind(struct spec_piece place)
{
	for (size_t i = 0; i < sizeof(no_places) / sizeof(*no_places); i++) {
		if (!spec_has_prefix(&place, no_places[i]))
			continue;
		place.end = place.at + strlen(no_places[i]);
		return spec_wrong(&place, "write FUNC(KEY), FUNC:return(KEY) or usdt:PROVIDER:MARK(KEY)",
				  "'%s' is no place of a span", no_places[i]);
	}
	return 0;
}

static bool cut_return(struct spec_piece *place)
{
	size_t length = strlen(":return");
	struct spec_piece tail = {place->text, place->end - length, place->end};

	if (place->end - place->at < length || !spec_equals(&tail, ":return") ||
	    !spec_lone_colon(place->text, tail.at, place->at))
		return false;
	place->end -= length;
	return true;
}

static int parse_mark_place(struct probe_spec *spec, struct spec_piece place)
{
	int err;

	spec->kind = SPEC_USDT;
	spec_cut(&place, strlen("usdt:"));
	err = spec_parse_mark(spec, &place);
	if (err || place.at == place.end)
		return err;
	return spec_wrong(&place, NULL, "unexpected text after the mark's name");
}

static int parse_function_place(struct probe_spec *spec, struct spec_piece place)
{
	spec->kind = SPEC_FUNCTION;
	spec->at_return = cut_return(&place);
	return spec_parse_function(spec, place);
}

/* A place, which is all of @piece. */
static int parse_place(struct probe_spec *spec, struct spec_piece piece)
{
	struct spec_piece keys;
	int err;

	spec_trim(&piece);
	spec_skip_blanks(&piece);
	spec->text = strdup(piece.text);
	if (!spec->text)
		return -ENOMEM;
	err = check_place_kind(piece);
	if (!err)
		err = cut_keys(&piece, &keys);
	if (!err)
		err = spec_has_prefix(&piece, "usdt:") ? parse_mark_place(spec, piece)
						       : parse_function_place(spec, piece);
	return err ? err : parse_keys(spec, keys);
}

static int parse_start(struct probe_spec *start, struct spec_piece piece)
{
	struct spec_piece rest = piece, place = spec_cut_place(&rest);

	spec_trim(&rest);
	spec_skip_blanks(&rest);
	if (rest.at < rest.end)
		return spec_wrong(&rest, "modifiers stand behind the second place",
				  "unexpected text before '..'");
	return parse_place(start, place);
}

/* ---- both ------------------------------------------------------------------------------------ */

/* A thread's number is given to no function and no mark as such: it meets a thread's number alone. */
static int check_thread_keys(const struct probe_spec *start, const struct probe_spec *end)
{
	for (size_t i = 0; i < end->n_keys; i++) {
		const struct spec_operand *key = &end->key[i];
		struct spec_piece piece = {end->text, key->at, key->at + key->length};

		if ((start->key[i].source == SPEC_TID) != (key->source == SPEC_TID))
			return spec_wrong(
				&piece, "write tid at both places, or what both are given",
				"a thread never meets an argument or a result: this key joins nothing");
	}
	return 0;
}

static int check_ends(const struct probe_spec *ends)
{
	const struct probe_spec *start = &ends[LAPSE_END_START], *end = &ends[LAPSE_END_END];
	struct spec_piece keys = {
		end->text,
		end->key[0].at,
		end->key[end->n_keys - 1].at + end->key[end->n_keys - 1].length,
	};

	if (start->n_keys == end->n_keys)
		return check_thread_keys(start, end);
	return spec_wrong(&keys, NULL,
			  "both places need the same number of keys: the first one has %zu, this %zu",
			  start->n_keys, end->n_keys);
}

int spec_parse_span(struct probe_spec *spec, struct spec_piece *rest)
{
	struct spec_piece start;
	size_t points;
	int err;

	spec->modifiers.timeout_ns = DEFAULT_TIMEOUT;
	if (!find_points(rest, &points))
		return spec_wrong(rest, "write span:START(KEY)..END(KEY)",
				  "a span has two places with '..' between");
	spec->ends = calloc(LAPSE_ENDS, sizeof(*spec->ends));
	if (!spec->ends)
		return -ENOMEM;
	start = spec_cut(rest, points - rest->at);
	spec_cut(rest, strlen(".."));
	spec_skip_blanks(rest);
	err = parse_start(&spec->ends[LAPSE_END_START], start);
	if (!err)
		err = parse_place(&spec->ends[LAPSE_END_END], spec_cut_place(rest));
	return err ? err : check_ends(spec->ends);
}
