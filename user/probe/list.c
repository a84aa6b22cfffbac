// SPDX-License-Identifier: GPL-2.0-or-later
#include "probe/list.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/diag.h"
#include "base/text.h"
#include "probe/go_safety.h"
#include "probe/list_pattern.h"
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

/* The functions of one file that match. */
struct listed {
	const struct mapped_file *file;
	const struct object *object;
	struct row *rows;
	size_t n;
};

struct listing {
	struct resolver resolver;
	struct view view;
	struct list_pattern pattern;
	struct listed *files;
	size_t n_files, n_rows;
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

/* What holds for all functions of the file. */
static void judge_unseen(const struct safety *safety, struct list_entry *entry)
{
	entry->method = safety->verdict == SAFETY_RETURN_PROBE ? "return probe" : "return instructions";
	entry->why = safety->why[0] ? safety->why : NULL;
}

/* Fills in how the function would be measured. */
static int judge(struct listing *listing, const struct object *object, const struct row *row,
		 const struct safety *safety, struct list_entry *entry)
{
	struct placement placement = placement_blind(row->function->addr);
	struct retins retins;
	struct body body;
	int err;

	entry->judged = true;
	if (row->ifunc || safety->verdict == SAFETY_REFUSED) {
		entry->why = row->ifunc ? CHOSEN_AT_LOAD : safety->why;
		return 0;
	}
	if (listing->n_rows > LIST_JUDGED_MAX) {
		entry->judged = false;
		judge_unseen(safety, entry);
		return 0;
	}
	err = body_load(object, row->function, &body);
	if (!err) {
		err = placement_choose(&body, listing->resolver.decoder, false, &placement);
		body_free(&body);
	}
	if (err == -ENOMEM)
		return err;
	if (err == -EOPNOTSUPP) {
		entry->why = "the kernel cannot probe its first instruction";
		return 0;
	}
	entry->price = placement_price(placement.cls);
	entry->entry_price = placement_price(placement.entry_cls);
	entry->moved_by = placement.addr - row->function->addr;
	entry->stays = placement.stays;
	judge_unseen(safety, entry);
	if (safety->verdict == SAFETY_RETURN_PROBE)
		return 0;
	err = retins_find(object, row->function, listing->resolver.decoder, &retins);
	if (err != -EOPNOTSUPP)
		return err;
	entry->method = NULL;
	entry->why = retins.why;
	return 0;
}

static int show_file(struct listing *listing, const struct listed *listed)
{
	struct safety safety;
	int err = resolver_safety(&listing->resolver, &listing->view, listed->file, false, false, &safety);

	for (size_t i = 0; !err && i < listed->n; i++) {
		const struct row *row = &listed->rows[i];
		struct safety odd = odd_safety(&safety, row->function->symbol, false);
		struct safety own = go_safety(&odd, listed->object, row->function);
		struct list_entry entry = {
			.function = row->readable,
			.symbol = row->function->symbol,
			.object = path_base(listed->file->name),
			.offset = row->function->offset,
			.size = row->function->size,
		};

		err = judge(listing, listed->object, row, &own, &entry);
		if (!err)
			err = listing->each(listing->context, &entry);
	}
	return err;
}

static int match_file(struct listing *listing, const struct mapped_file *file)
{
	const char *name = listing->pattern.name;
	struct listed *listed = &listing->files[listing->n_files];
	struct matches matches;
	int err;

	if (!list_pattern_file(&listing->pattern, file))
		return 0;
	listed->file = file;
	listed->object = resolver_object(&listing->resolver, file, &err);
	if (!listed->object)
		return err == -ENOMEM ? err : 0;
	err = symbols_match(listed->object, name, text_is_glob(name), &matches);
	if (err)
		return err;
	err = make_rows(&matches, &listed->rows, &listed->n);
	matches_free(&matches);
	listing->n_files++;
	listing->n_rows += listed->n;
	return err;
}

static int match_files(struct listing *listing)
{
	int err = 0;

	listing->files = calloc(listing->view.n_files ?: 1, sizeof(*listing->files));
	if (!listing->files)
		return -ENOMEM;
	for (size_t i = 0; !err && i < listing->view.n_files; i++)
		err = match_file(listing, listing->view.files[i]);
	return err;
}

static void listing_free(struct listing *listing)
{
	for (size_t i = 0; i < listing->n_files; i++)
		free_rows(listing->files[i].rows, listing->files[i].n);
	free(listing->files);
	view_free(&listing->view);
	list_pattern_free(&listing->pattern);
	resolver_free(&listing->resolver);
}

int list_functions(const struct process *process, const char *pattern,
		   int (*each)(void *context, const struct list_entry *entry), void *context)
{
	struct listing listing = {.each = each, .context = context};
	int err = resolver_init(&listing.resolver);

	if (!err)
		err = list_pattern_parse(pattern, &listing.pattern);
	if (!err)
		err = resolver_view(&listing.resolver, process, &listing.view);
	if (!err)
		err = match_files(&listing);
	for (size_t i = 0; !err && i < listing.n_files; i++)
		err = show_file(&listing, &listing.files[i]);
	listing_free(&listing);
	if (err == -ENOMEM)
		diag_error("out of memory");
	return err;
}
