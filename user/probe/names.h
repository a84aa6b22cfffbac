/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Names of functions: compilers' suffixes, and C++ and Rust names made readable. */
#ifndef LAPSE_NAMES_H
#define LAPSE_NAMES_H

#include <stdbool.h>
#include <stddef.h>

/* What a suffix such as ".isra.0" says of the function that carries it. */
enum clone {
	CLONE_NONE,
	CLONE_WHOLE, /* the function, specialized: .isra, .constprop, .lto_priv, .llvm */
	CLONE_PART,  /* its rest after a part was inlined: .part */
	CLONE_COLD,  /* its unlikely paths: not called by itself */
};

/* The length of @symbol without suffixes and version; *clone may be NULL. */
size_t name_base(const char *symbol, enum clone *clone);

/* Whether @symbol is a mangled C++ or Rust name. */
bool name_mangled(const char *symbol);

/*
 * The name for people, to be freed: demangled where it is mangled, with the parameter list if
 * @signature, without suffixes, hashes and tags of ABIs. NULL where memory is out.
 */
char *name_readable(const char *symbol, bool signature);

struct piece {
	const char *start;
	size_t length;
};

/*
 * Finds the pieces of @pattern, up to @max, that stand verbatim in every mangled symbol whose
 * readable name can match. Returns how many there are to rely on.
 */
size_t name_pieces(const char *pattern, struct piece *pieces, size_t max);

#endif
