// SPDX-License-Identifier: GPL-2.0-or-later
#include "probe/list.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/diag.h"
#include "base/text.h"
#include "probe/placement.h"
#include "probe/resolver.h"
#include "probe/retins.h"
#include "probe/odd.h"

#define CHOSEN_AT_LOAD "chosen among variants when the program is loaded (IFUNC)"

/* A function on its way into the list. */
struct row {
	char *readable;
	const struct function *function;
	bool ifunc;
};

struct listing {
	struct resolver resolver;
	struct view view;
	const char *pattern;
	int (*each)(void *context, const struct list_entry *entry);
	void *context;
};

static int compare_rows(const void *a, const void *b)
{
	const struct row *x = a, *y = b;
	int order = strcmp(x->readable, y->readable);

	return order ? order
		     : (x->function->offset > y->function->offset) -
			       (x->function->offset < y->function->offset);
}

static void free_rows(struct row *rows, size_t n)
{
	for (size_t i = 0; i < n; i++)
		free(rows[i].readable);
	free(rows);
}

static int make_rows(const struct matches *matches, struct row **rows, size_t *n)
{
	size_t total = matches->n + matches->n_ifuncs;

	*n = 0;
	*rows = calloc(total ? total : 1, sizeof(**rows));
	if (!*rows)
		return -ENOMEM;
	for (size_t i = 0; i < total; i++) {
		bool ifunc = i >= matches->n;
		const struct function *function =
			ifunc ? matches->ifuncs[i - matches->n] : matches->list[i].function;
		char *readable = name_readable(function->symbol, true);

		if (!readable)
			return -ENOMEM;
		(*rows)[(*n)++] = (struct row){.readable = readable, .function = function, .ifunc = ifunc};
	}
	qsort(*rows, *n, sizeof(**rows), compare_rows);
	return 0;
}

static const char *price_of(enum lapse_class cls)
{
	switch (cls) {
	case LAPSE_CLASS_EMULATED:
		return "emulated";
	case LAPSE_CLASS_NOP5:
		return "nop5";
	default:
		return "single-stepped";
	}
}

/* Fills in how the function would be measured. */
static int judge(struct listing *listing, const struct object *object, const struct row *row,
		 const struct safety *safety, struct list_entry *entry)
{
	struct placement placement = placement_blind(row->function->addr);
	struct retins retins;
	struct body body;
	int err;

	if (row->ifunc || safety->verdict == SAFETY_REFUSED) {
		entry->why = row->ifunc ? CHOSEN_AT_LOAD : safety->why;
		return 0;
	}
	err = body_load(object, row->function, &body);
	if (!err) {
		err = placement_choose(&body, listing->resolver.decoder, &placement);
		body_free(&body);
	}
	if (err == -ENOMEM)
		return err;
	if (err == -EOPNOTSUPP) {
		entry->why = "the kernel cannot probe its first instruction";
		return 0;
	}
	entry->price = price_of(placement.cls);
	entry->method = "return probe";
	if (safety->verdict == SAFETY_RETURN_PROBE)
		return 0;
	entry->method = "return instructions";
	entry->why = safety->why;
	err = retins_find(object, row->function, listing->resolver.decoder, &retins);
	if (err != -EOPNOTSUPP)
		return err;
	entry->method = NULL;
	entry->why = retins.why;
	return 0;
}

static int list_rows(struct listing *listing, const struct mapped_file *file, const struct object *object,
		     const struct row *rows, size_t n)
{
	struct safety safety;
	int err = resolver_safety(&listing->resolver, &listing->view, file, false, false, &safety);

	for (size_t i = 0; !err && i < n; i++) {
		struct list_entry entry = {
			.function = rows[i].readable,
			.symbol = rows[i].function->symbol,
			.object = path_base(file->name),
			.offset = rows[i].function->offset,
			.size = rows[i].function->size,
		};

		struct safety own = odd_safety(&safety, rows[i].function->symbol, false);

		err = judge(listing, object, &rows[i], &own, &entry);
		if (!err)
			err = listing->each(listing->context, &entry);
	}
	return err;
}

static int list_file(struct listing *listing, const struct mapped_file *file)
{
	const char *pattern = listing->pattern ? listing->pattern : "*";
	const struct object *object;
	struct matches matches;
	struct row *rows;
	size_t n;
	int err;

	object = resolver_object(&listing->resolver, file, &err);
	if (!object)
		return err == -ENOMEM ? err : 0;
	err = symbols_match(object, pattern, text_is_glob(pattern), &matches);
	if (err)
		return err;
	err = make_rows(&matches, &rows, &n);
	if (!err)
		err = list_rows(listing, file, object, rows, n);
	free_rows(rows, n);
	matches_free(&matches);
	return err;
}

int list_functions(const struct process *process, const char *pattern,
		   int (*each)(void *context, const struct list_entry *entry), void *context)
{
	struct listing listing = {.pattern = pattern, .each = each, .context = context};
	int err = resolver_init(&listing.resolver);

	if (!err)
		err = resolver_view(&listing.resolver, process, &listing.view);
	for (size_t i = 0; !err && i < listing.view.n_files; i++)
		err = list_file(&listing, listing.view.files[i]);
	view_free(&listing.view);
	resolver_free(&listing.resolver);
	if (err == -ENOMEM)
		diag_error("out of memory");
	return err;
}
