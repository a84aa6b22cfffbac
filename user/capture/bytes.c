// SPDX-License-Identifier: GPL-2.0-or-later
#include "capture/bytes.h"

#include <stdlib.h>
#include <string.h>

#define WORD sizeof(uint64_t)

void bytes_clear(struct bytes_out *out)
{
	out->n = 0;
	out->failed = false;
}

void bytes_free(struct bytes_out *out)
{
	free(out->data);
	*out = (struct bytes_out){0};
}

/* Where @n more bytes go; NULL: out of memory. */
static uint8_t *make_room(struct bytes_out *out, size_t n)
{
	size_t room = out->room ? out->room : 256;
	uint8_t *data;

	while (room - out->n < n)
		room *= 2;
	data = room == out->room ? out->data : realloc(out->data, room);
	if (!data) {
		out->failed = true;
		return NULL;
	}
	out->data = data;
	out->room = room;
	out->n += n;
	return data + out->n - n;
}

void bytes_put(struct bytes_out *out, const void *data, size_t n)
{
	uint8_t *to = n ? make_room(out, n) : NULL;

	if (to)
		memcpy(to, data, n);
}

void bytes_put_number(struct bytes_out *out, uint64_t value)
{
	uint8_t short_form[10];
	size_t n = 0;

	for (; value >= 0x80; value >>= 7)
		short_form[n++] = (uint8_t)(value | 0x80);
	short_form[n++] = (uint8_t)value;
	bytes_put(out, short_form, n);
}

void bytes_put_signed(struct bytes_out *out, int64_t value)
{
	bytes_put_number(out, (uint64_t)value << 1 ^ (value < 0 ? UINT64_MAX : 0));
}

void bytes_put_text(struct bytes_out *out, const char *text)
{
	size_t n = text ? strlen(text) : 0;

	bytes_put_number(out, text ? n + 1 : 0);
	bytes_put(out, text, n);
}

void bytes_put_words(struct bytes_out *out, const void *data, size_t size)
{
	size_t n = size / WORD, mask_bytes = (n + 7) / 8, used = 0;
	uint8_t *to = make_room(out, mask_bytes + size);
	const uint8_t *from = data;

	if (!to)
		return;
	memset(to, 0, mask_bytes);
	for (size_t i = 0; i < n; i++) {
		uint64_t word;

		memcpy(&word, from + i * WORD, WORD);
		if (!word)
			continue;
		to[i / 8] |= 1 << i % 8;
		memcpy(to + mask_bytes + used, &word, WORD);
		used += WORD;
	}
	out->n -= size - used;
}

/* ---- read again -------------------------------------------------------------------------------- */

/* The next @n bytes; NULL: there are not so many. */
static const uint8_t *take(struct bytes_in *in, size_t n)
{
	const uint8_t *at = in->at;

	if (in->bad || (size_t)(in->end - at) < n) {
		in->bad = true;
		return NULL;
	}
	in->at += n;
	return at;
}

uint64_t bytes_number(struct bytes_in *in)
{
	uint64_t value = 0;

	for (unsigned shift = 0; shift < 64; shift += 7) {
		const uint8_t *byte = take(in, 1);

		if (!byte)
			return 0;
		value |= (uint64_t)(*byte & 0x7f) << shift;
		if (!(*byte & 0x80))
			return value;
	}
	in->bad = true;
	return 0;
}

int64_t bytes_signed(struct bytes_in *in)
{
	uint64_t value = bytes_number(in);

	return (int64_t)(value >> 1 ^ (value & 1 ? UINT64_MAX : 0));
}

char *bytes_text(struct bytes_in *in)
{
	uint64_t n = bytes_number(in);
	const uint8_t *from = n ? take(in, n - 1) : NULL;
	char *text = from ? malloc(n) : NULL;

	if (!text)
		return NULL;
	memcpy(text, from, n - 1);
	text[n - 1] = '\0';
	return text;
}

void bytes_words(struct bytes_in *in, void *data, size_t size)
{
	size_t n = size / WORD;
	const uint8_t *mask = take(in, (n + 7) / 8);
	uint8_t *to = data;

	memset(data, 0, size);
	for (size_t i = 0; mask && i < n; i++) {
		const uint8_t *word = mask[i / 8] & 1 << i % 8 ? take(in, WORD) : NULL;

		if (word)
			memcpy(to + i * WORD, word, WORD);
	}
}
