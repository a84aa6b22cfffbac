// SPDX-License-Identifier: GPL-2.0-or-later
/* Functions that are waits: "lock=ProcSleep,LWLockAcquire". */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "probe/spec_parts.h"

/* What can be declared: a block's own causes but for those that say how it came or went. */
static const struct {
	const char *name;
	enum lapse_cause cause;
} causes[] = {
	{"lock", LAPSE_LOCK},	    {"disk", LAPSE_DISK},   {"net", LAPSE_NET},
	{"handoff", LAPSE_HANDOFF}, {"sleep", LAPSE_SLEEP}, {"other", LAPSE_OTHER},
};
#define N_CAUSES (sizeof(causes) / sizeof(*causes))

static int unknown_cause(const struct spec_piece *piece)
{
	char wanted[64], hint[64] = "one of lock, disk, net, handoff, sleep, other";
	struct text_nearest nearest = {.wanted = wanted};

	snprintf(wanted, sizeof(wanted), "%.*s", SPEC_SHOW(piece));
	for (size_t i = 0; i < N_CAUSES; i++)
		text_nearest_offer(&nearest, causes[i].name);
	if (nearest.best)
		snprintf(hint, sizeof(hint), "nearest is '%s'", nearest.best);
	return spec_wrong(piece, hint, "unknown cause '%s' of a wait", wanted);
}

/* Cuts "CAUSE=" off @rest. */
static int parse_cause(struct spec_piece *rest, enum lapse_cause *cause)
{
	struct spec_piece piece = *rest;
	const char *equals = strchr(rest->text, '=');

	if (!equals)
		return spec_wrong(rest, "write lock=FUNCTION", "a wait without its cause");
	piece.end = equals - rest->text;
	rest->at = piece.end + 1;
	for (size_t i = 0; i < N_CAUSES; i++)
		if (spec_equals(&piece, causes[i].name)) {
			*cause = causes[i].cause;
			return 0;
		}
	return unknown_cause(&piece);
}

/* How long the next function is: up to a comma that is in no brackets, as in "ns::f(int, long)". */
static size_t function_length(const char *text)
{
	size_t i = 0;

	for (int depth = 0; text[i] && (depth > 0 || text[i] != ','); i++)
		depth += text[i] == '(' || text[i] == '<' ? 1 : text[i] == ')' || text[i] == '>' ? -1 : 0;
	return i;
}

size_t spec_count_waits(const char *text)
{
	size_t n = 1;

	for (text += function_length(text); *text; text += function_length(text)) {
		n++;
		text++;
	}
	return n;
}

static bool has_modifiers(const struct spec_modifiers *modifiers)
{
	return modifiers->ok.n || modifiers->err.n || modifiers->hit.n || modifiers->only_if.n ||
	       modifiers->n_values;
}

int spec_parse_wait(enum lapse_cause cause, const char *function, struct probe_spec *spec)
{
	int err = spec_parse(function, spec);

	if (err)
		return err;
	if (spec->kind != SPEC_FUNCTION || spec->name || has_modifiers(&spec->modifiers)) {
		diag_caret(spec->text, 0, strlen(spec->text), "write FUNCTION or OBJECT:FUNCTION",
			   "a wait is a function and nothing else");
		spec_free(spec);
		return -EINVAL;
	}
	spec->wait = cause;
	if (asprintf(&spec->name, "wait %s", spec->text) >= 0)
		return 0;
	spec->name = NULL;
	spec_free(spec);
	return -ENOMEM;
}

int spec_parse_waits(const char *text, struct probe_spec *specs, size_t *n)
{
	struct spec_piece rest = {text, 0, strlen(text)};
	enum lapse_cause cause;
	int err = parse_cause(&rest, &cause);

	*n = 0;
	while (!err) {
		struct spec_piece piece = spec_cut(&rest, function_length(text + rest.at));
		char *function = spec_copy(&piece);

		if (piece.at == piece.end)
			err = spec_wrong(&piece, "write lock=FUNCTION", "a wait without its function");
		else
			err = function ? spec_parse_wait(cause, function, &specs[*n]) : -ENOMEM;
		free(function);
		*n += !err;
		if (err || rest.at == rest.end)
			break;
		rest.at++;
	}
	return err;
}
