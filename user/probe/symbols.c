// SPDX-License-Identifier: GPL-2.0-or-later
#include "probe/symbols.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* Mangled names that are made readable in search of the nearest. */
#define NEAREST_MANGLED_MAX 20000

/* Pieces of a pattern that are looked for before a symbol is demangled. */
#define PIECES_MAX 8

/* Functions that end before an address, and may lie within the one that holds it. */
#define PASSED_MAX 16

struct query {
	const char *text;
	bool glob;
	bool signature;			 /* the parameter list is part of it */
	bool raw;			 /* may mean a mangled symbol as it stands */
	bool all;			 /* nothing but stars */
	struct piece pieces[PIECES_MAX]; /* what a mangled symbol must hold */
	size_t n_pieces;
};

static struct query make_query(const char *text, bool glob)
{
	struct query query = {
		.text = text,
		.glob = glob,
		.signature = strchr(text, '(') != NULL,
		.raw = name_mangled(text) || (glob && text[0] == '_'),
		.all = glob && text[strspn(text, "*")] == '\0',
	};

	query.n_pieces = name_pieces(text, query.pieces, PIECES_MAX);
	return query;
}

static bool text_matches(const struct query *query, const char *text)
{
	return query->glob ? text_glob_match(query->text, text) : strcmp(query->text, text) == 0;
}

/* As above, with the first @length characters of @text. */
static bool head_matches(const struct query *query, const char *text, size_t length)
{
	char *head;
	bool matches;

	if (!text[length])
		return text_matches(query, text);
	if (!query->glob)
		return strncmp(query->text, text, length) == 0 && !query->text[length];
	head = strndup(text, length);
	matches = head && text_matches(query, head);
	free(head);
	return matches;
}

static bool readable_matches(const struct query *query, const char *symbol)
{
	size_t length = strlen(symbol);
	bool matches = false;
	char *readable;

	for (size_t i = 0; i < query->n_pieces; i++) {
		if (!memmem(symbol, length, query->pieces[i].start, query->pieces[i].length))
			return false;
	}
	readable = name_readable(symbol, query->signature);
	if (readable)
		matches = text_matches(query, readable);
	free(readable);
	return matches;
}

static bool symbol_matches(const struct query *query, const char *symbol, size_t base)
{
	if (query->all)
		return true;
	if (name_mangled(symbol)) {
		if (query->raw && (text_matches(query, symbol) || head_matches(query, symbol, base)))
			return true;
		return readable_matches(query, symbol);
	}
	return text_matches(query, symbol) || head_matches(query, symbol, base);
}

/* Of two names of one address, the one for people: fewer leading underscores, no suffix. */
static bool better_alias(const struct match *a, const struct match *b)
{
	size_t x = strspn(a->function->symbol, "_"), y = strspn(b->function->symbol, "_");

	if (a->clone != b->clone)
		return a->clone < b->clone;
	return x < y;
}

static int add_match(struct matches *matches, size_t *capacity, const struct match *match)
{
	struct match *last = matches->n ? &matches->list[matches->n - 1] : NULL;

	if (last && last->function->addr == match->function->addr) {
		if (better_alias(match, last))
			*last = *match;
		return 0;
	}
	if (matches->n == *capacity) {
		size_t grown = *capacity ? *capacity * 2 : 16;
		struct match *list = reallocarray(matches->list, grown, sizeof(*list));

		if (!list)
			return -ENOMEM;
		matches->list = list;
		*capacity = grown;
	}
	matches->list[matches->n++] = *match;
	return 0;
}

static int add_ifunc(struct matches *matches, const struct function *function)
{
	const struct function **grown;

	if (matches->n_ifuncs && matches->ifuncs[matches->n_ifuncs - 1]->addr == function->addr)
		return 0;
	grown = reallocarray(matches->ifuncs, matches->n_ifuncs + 1, sizeof(*grown));
	if (!grown)
		return -ENOMEM;
	matches->ifuncs = grown;
	grown[matches->n_ifuncs++] = function;
	return 0;
}

/*
 * Where the whole function matched, its outlined rest would be counted inside it again. Of a glob
 * all such parts are left out.
 */
static void drop_parts(struct matches *matches, bool glob)
{
	size_t whole = 0, kept = 0;

	for (size_t i = 0; i < matches->n; i++)
		whole += matches->list[i].clone != CLONE_PART;
	if (!whole && !glob)
		return;
	for (size_t i = 0; i < matches->n; i++) {
		if (matches->list[i].clone == CLONE_PART)
			matches->parts++;
		else
			matches->list[kept++] = matches->list[i];
	}
	matches->n = kept;
}

int symbols_match(const struct object *object, const char *pattern, bool glob, struct matches *matches)
{
	struct query query = make_query(pattern, glob);
	size_t capacity = 0;
	int err = 0;

	memset(matches, 0, sizeof(*matches));
	for (size_t i = 0; !err && i < object->n_functions; i++) {
		struct match match = {.function = &object->functions[i]};
		const char *symbol = match.function->symbol;
		size_t base = name_base(symbol, &match.clone);

		if (match.clone == CLONE_COLD) {
			if (!glob && strcmp(symbol, pattern) == 0)
				matches->cold = symbol;
			continue;
		}
		if (!symbol_matches(&query, symbol, base))
			continue;
		/* A part that was asked for by its full name is meant. */
		if (match.clone == CLONE_PART && !glob && strcmp(symbol, pattern) == 0)
			match.clone = CLONE_NONE;
		if (match.function->ifunc)
			err = add_ifunc(matches, match.function);
		else
			err = add_match(matches, &capacity, &match);
	}
	if (err)
		matches_free(matches);
	else
		drop_parts(matches, glob);
	return err;
}

void matches_free(struct matches *matches)
{
	free(matches->list);
	free(matches->ifuncs);
	memset(matches, 0, sizeof(*matches));
}

/* In a stripped file what an unsized symbol leads to may end anywhere. */
static bool holds(const struct object *object, const struct function *function, uint64_t addr)
{
	if (!function->size && !object->has_symtab && !code_unit_find(object, function->addr))
		return false;
	return addr - function->addr < object_function_extent(object, function);
}

const struct function *symbols_at(const struct object *object, uint64_t addr)
{
	struct match best = {0};
	size_t passed = 0;

	if (!object_code(object, addr))
		return NULL;
	for (size_t i = object_function_from(object, addr + 1); i-- > 0 && passed < PASSED_MAX;) {
		struct match match = {.function = &object->functions[i]};

		if (best.function && best.function->addr != match.function->addr)
			break;
		if (!holds(object, match.function, addr)) {
			passed++;
			continue;
		}
		name_base(match.function->symbol, &match.clone);
		if (!best.function || better_alias(&match, &best))
			best = match;
	}
	return best.function;
}

static const char *last_component(const char *name)
{
	const char *last = name, *at = name;

	while ((at = strstr(at, "::"))) {
		at += 2;
		last = at;
	}
	return last;
}

/* Takes @readable over into *owned where it is the nearest so far. */
static void offer(struct text_nearest *nearest, char *readable, char **owned)
{
	const char *before = nearest->best;

	if (strcmp(last_component(readable), nearest->wanted) == 0 && nearest->distance != 0) {
		nearest->best = readable;
		nearest->distance = 0;
	} else {
		text_nearest_offer(nearest, readable);
	}
	if (nearest->best == before) {
		free(readable);
		return;
	}
	free(*owned);
	*owned = readable;
}

void symbols_nearest(const struct object *object, struct text_nearest *nearest, char **owned)
{
	size_t mangled = 0;

	if (!nearest->best)
		nearest->distance = SIZE_MAX;
	for (size_t i = 0; i < object->n_functions; i++) {
		const char *symbol = object->functions[i].symbol;
		enum clone clone;
		size_t base = name_base(symbol, &clone);
		char *readable;

		if (clone == CLONE_COLD)
			continue;
		if (name_mangled(symbol)) {
			if (mangled >= NEAREST_MANGLED_MAX)
				continue;
			mangled++;
			readable = name_readable(symbol, false);
		} else {
			readable = strndup(symbol, base);
		}
		if (readable)
			offer(nearest, readable, owned);
	}
}
