/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Functions of a file by name. */
#ifndef LAPSE_SYMBOLS_H
#define LAPSE_SYMBOLS_H

#include "base/text.h"
#include "probe/names.h"
#include "probe/object.h"

struct match {
	const struct function *function;
	enum clone clone;
};

struct matches {
	struct match *list; /* by address, one an address */
	size_t n;
	const struct function **ifuncs; /* matched, but chosen at load time: left out */
	size_t n_ifuncs;
	size_t parts;	  /* parts left out because the whole function is there */
	const char *cold; /* a cold part that was asked for by its full name, or NULL */
};

/*
 * Finds the functions of @object whose symbol, readable name or readable signature is @pattern
 * (@glob: matches it). Suffixes of clones do not count. Returns 0 or -ENOMEM. Release with
 * matches_free().
 */
int symbols_match(const struct object *object, const char *pattern, bool glob, struct matches *matches);
void matches_free(struct matches *matches);

/*
 * The function whose code holds @addr (virtual, as linked), under its name for people where there are
 * several; NULL where none is known to.
 */
const struct function *symbols_at(const struct object *object, uint64_t addr);

/*
 * Offers the names of @object to *nearest, whose .best may then be an allocated string in *owned,
 * to be freed; a name whose last component equals the wanted one is taken for the nearest.
 */
void symbols_nearest(const struct object *object, struct text_nearest *nearest, char **owned);

#endif
