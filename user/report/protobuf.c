// SPDX-License-Identifier: GPL-2.0-or-later
#include "report/protobuf.h"

#include <stdlib.h>
#include <string.h>

#define VARINT_MAX 10

enum wire_type { WIRE_VARINT = 0, WIRE_BYTES = 2 };

void protobuf_free(struct protobuf *to)
{
	free(to->at);
	*to = (struct protobuf){0};
}

void protobuf_clear(struct protobuf *to)
{
	to->n = 0;
}

static bool room(struct protobuf *to, size_t more)
{
	size_t wanted = to->n + more;
	uint8_t *grown;

	if (to->failed || wanted <= to->room)
		return !to->failed;
	grown = realloc(to->at, 2 * wanted);
	to->failed = !grown;
	if (!grown)
		return false;
	to->at = grown;
	to->room = 2 * wanted;
	return true;
}

/* Seven bits a byte, the low ones first; the top bit says that more follow. */
static void varint(struct protobuf *to, uint64_t value)
{
	if (!room(to, VARINT_MAX))
		return;
	for (; value >= 0x80; value >>= 7)
		to->at[to->n++] = (uint8_t)(value | 0x80);
	to->at[to->n++] = (uint8_t)value;
}

static void key(struct protobuf *to, unsigned field, enum wire_type type)
{
	varint(to, (uint64_t)field << 3 | type);
}

static void bytes(struct protobuf *to, unsigned field, const void *from, size_t n)
{
	key(to, field, WIRE_BYTES);
	varint(to, n);
	if (n && room(to, n)) {
		memcpy(to->at + to->n, from, n);
		to->n += n;
	}
}

void protobuf_number(struct protobuf *to, unsigned field, uint64_t value)
{
	key(to, field, WIRE_VARINT);
	varint(to, value);
}

void protobuf_text(struct protobuf *to, unsigned field, const char *text)
{
	bytes(to, field, text, strlen(text));
}

void protobuf_message(struct protobuf *to, unsigned field, const struct protobuf *message)
{
	to->failed |= message->failed;
	bytes(to, field, message->at, message->n);
}
