/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Strings: hostile ones made safe for a terminal, and the nearest of a set. */
#ifndef LAPSE_TEXT_H
#define LAPSE_TEXT_H

#include <stdbool.h>
#include <stddef.h>

/*
 * Copies @text into @buffer with every control character, invalid UTF-8 byte and terminal escape
 * replaced by \xNN, cut at @size. Names from a target must pass through here before they are
 * printed. Returns @buffer.
 */
const char *text_escape(const char *text, char *buffer, size_t size);

/* The edit distance (Damerau-Levenshtein, adjacent transpositions count one), at most @limit. */
size_t text_distance(const char *a, const char *b, size_t limit);

/* Collects the nearest name out of many: start with zeroes and .wanted, offer each. */
struct text_nearest {
	const char *wanted;
	const char *best; /* NULL as long as none is near enough (a third of the letters) */
	size_t distance;
};
void text_nearest_offer(struct text_nearest *nearest, const char *candidate);

/* Shell-style match with * and ?, over the whole of @text. The star of a Go method's receiver, "(*conn).",
 * is a letter like others. */
bool text_glob_match(const char *pattern, const char *text);
bool text_is_glob(const char *pattern);

/* Whether "(*NAME)." is at @at: the receiver in the name of a Go method. */
bool text_is_receiver(const char *at);

#endif
