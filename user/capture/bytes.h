/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Bytes that are put together, and read again with bounds: whatever is wrong with them, reading gives zeroes
 * and .bad is set.
 */
#ifndef LAPSE_CAPTURE_BYTES_H
#define LAPSE_CAPTURE_BYTES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct bytes_out {
	uint8_t *data;
	size_t n, room;
	bool failed; /* out of memory: what was put is not whole */
};

void bytes_clear(struct bytes_out *out);
void bytes_free(struct bytes_out *out);
void bytes_put(struct bytes_out *out, const void *data, size_t n);
/* Seven bits a byte, the low ones first. */
void bytes_put_number(struct bytes_out *out, uint64_t value);
/* Small ones of either sign are short. */
void bytes_put_signed(struct bytes_out *out, int64_t value);
/* With its length; NULL is told from an empty one. */
void bytes_put_text(struct bytes_out *out, const char *text);
/* A structure of whole words, of which those that are zero take a bit each. */
void bytes_put_words(struct bytes_out *out, const void *data, size_t size);

struct bytes_in {
	const uint8_t *at, *end;
	bool bad;
};

uint64_t bytes_number(struct bytes_in *in);
int64_t bytes_signed(struct bytes_in *in);
/* A copy to be freed, or NULL. */
char *bytes_text(struct bytes_in *in);
void bytes_words(struct bytes_in *in, void *data, size_t size);

#endif
