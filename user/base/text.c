// SPDX-License-Identifier: GPL-2.0-or-later
#include "base/text.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

/* Names longer than this are never offered as "nearest". */
#define DISTANCE_MAX 256

/* The bytes of the UTF-8 character at @s and its code point; 0 where it is malformed. */
static size_t decode_utf8(const unsigned char *s, uint32_t *code)
{
	static const uint32_t lowest[] = {0, 0, 0x80, 0x800, 0x10000};
	size_t length = s[0] < 0x80 ? 1 : s[0] >> 5 == 6 ? 2 : s[0] >> 4 == 14 ? 3 : s[0] >> 3 == 30 ? 4 : 0;
	size_t i;

	if (!length)
		return 0;
	*code = length == 1 ? s[0] : s[0] & (0x7fU >> length);
	for (i = 1; i < length; i++) {
		if (s[i] >> 6 != 2)
			return 0;
		*code = *code << 6 | (s[i] & 0x3f);
	}
	if (*code < lowest[length] || *code > 0x10ffff || (*code >= 0xd800 && *code <= 0xdfff))
		return 0;
	return length;
}

/* C0, DEL, C1, and the marks that turn or hide text: what a terminal acts on instead of showing. */
static bool is_control(uint32_t code)
{
	return code < 0x20 || (code >= 0x7f && code < 0xa0) || code == 0x2028 || code == 0x2029 ||
	       (code >= 0x200b && code <= 0x200f) || (code >= 0x202a && code <= 0x202e) ||
	       (code >= 0x2066 && code <= 0x2069) || code == 0xfeff;
}

const char *text_escape(const char *text, char *buffer, size_t size)
{
	const unsigned char *s = (const unsigned char *)text;
	size_t at = 0;

	while (*s) {
		uint32_t code = 0;
		size_t length = decode_utf8(s, &code);
		bool plain = length && !is_control(code);

		if (at + (plain ? length : 4) >= size)
			break;
		if (plain) {
			memcpy(buffer + at, s, length);
			at += length;
			s += length;
		} else {
			at += (size_t)snprintf(buffer + at, size - at, "\\x%02x", *s++);
		}
	}
	if (size)
		buffer[at] = '\0';
	return buffer;
}

struct rows {
	uint16_t before[DISTANCE_MAX + 1], last[DISTANCE_MAX + 1], now[DISTANCE_MAX + 1];
};

static uint16_t min16(uint16_t a, uint16_t b)
{
	return a < b ? a : b;
}

/* Fills the row of a[i - 1]; returns its least distance. */
static uint16_t fill_row(struct rows *r, const char *a, size_t i, const char *b, size_t nb)
{
	uint16_t least = (uint16_t)i;
	size_t j;

	r->now[0] = (uint16_t)i;
	for (j = 1; j <= nb; j++) {
		uint16_t d = (uint16_t)(r->last[j - 1] + (a[i - 1] != b[j - 1]));

		d = min16(d, (uint16_t)(1 + min16(r->last[j], r->now[j - 1])));
		if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
			d = min16(d, (uint16_t)(r->before[j - 2] + 1));
		r->now[j] = d;
		least = min16(least, d);
	}
	return least;
}

size_t text_distance(const char *a, const char *b, size_t limit)
{
	size_t na = strlen(a), nb = strlen(b), i, least = 0;
	struct rows r;

	if ((na > nb ? na - nb : nb - na) >= limit || na > DISTANCE_MAX || nb > DISTANCE_MAX)
		return limit;
	for (i = 0; i <= nb; i++)
		r.last[i] = (uint16_t)i;
	memset(r.before, 0, sizeof(r.before));
	for (i = 1; i <= na; i++) {
		size_t row = fill_row(&r, a, i, b, nb);

		/* A transposition reaches back two rows, so both must be past the limit. */
		if (row >= limit && least >= limit)
			return limit;
		least = row;
		memcpy(r.before, r.last, (nb + 1) * sizeof(*r.last));
		memcpy(r.last, r.now, (nb + 1) * sizeof(*r.now));
	}
	return r.last[nb] < limit ? r.last[nb] : limit;
}

void text_nearest_offer(struct text_nearest *nearest, const char *candidate)
{
	size_t limit = nearest->best ? nearest->distance : strlen(nearest->wanted) / 3 + 1;
	/* Other cases of letters alone are as near as one other letter. */
	size_t distance = strcasecmp(nearest->wanted, candidate)
				  ? text_distance(nearest->wanted, candidate, limit)
				  : strcmp(nearest->wanted, candidate) != 0;

	if (distance >= limit)
		return;
	nearest->best = candidate;
	nearest->distance = distance;
}

bool text_is_receiver(const char *at)
{
	size_t length;

	if (at[0] != '(' || at[1] != '*')
		return false;
	length = strcspn(at + 2, "*?()");
	return length && at[2 + length] == ')' && at[2 + length + 1] == '.';
}

/* A star that stands for itself. */
static bool is_literal(const char *pattern, const char *star)
{
	return star > pattern && text_is_receiver(star - 1);
}

bool text_glob_match(const char *pattern, const char *text)
{
	const char *start = pattern, *star = NULL, *resume = NULL;

	while (*text) {
		if (*pattern == '*' && !is_literal(start, pattern)) {
			star = pattern++;
			resume = text;
		} else if (*pattern == '?' || *pattern == *text) {
			pattern++;
			text++;
		} else if (star) {
			pattern = star + 1;
			text = ++resume;
		} else {
			return false;
		}
	}
	while (*pattern == '*')
		pattern++;
	return !*pattern;
}

bool text_is_glob(const char *pattern)
{
	for (const char *at = pattern; (at = strpbrk(at, "*?")); at++)
		if (!is_literal(pattern, at))
			return true;
	return false;
}
