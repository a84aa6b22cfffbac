/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Writes Protocol Buffers: fields one behind the other, messages within messages. */
#ifndef LAPSE_REPORT_PROTOBUF_H
#define LAPSE_REPORT_PROTOBUF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Grows as needed; begins zeroed, keeps its room after protobuf_clear(). */
struct protobuf {
	uint8_t *at;
	size_t n, room;
	bool failed; /* no memory: what follows is left out */
};

void protobuf_free(struct protobuf *to);
void protobuf_clear(struct protobuf *to);

void protobuf_number(struct protobuf *to, unsigned field, uint64_t value);
void protobuf_text(struct protobuf *to, unsigned field, const char *text);
/* A message that has been written by itself. */
void protobuf_message(struct protobuf *to, unsigned field, const struct protobuf *message);

#endif
