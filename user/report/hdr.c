// SPDX-License-Identifier: GPL-2.0-or-later
#include "report/hdr.h"

#include <endian.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "bpf/buckets.h"
#include "monitor/histogram.h"

#define COOKIE		  (0x1c849303U | 0x10)
#define COOKIE_COMPRESSED (0x1c849304U | 0x10)
#define DIGITS		  2
#define SUB_BUCKETS	  256 /* the power of two that holds 2 * 10^2 */
#define HEADER		  40
#define COUNT_MAX	  10 /* bytes of a number at most */

uint32_t hdr_index(uint64_t value)
{
	uint32_t shift = value < SUB_BUCKETS ? 0 : lapse_high_bit(value) - 7;

	return shift * (SUB_BUCKETS / 2) + (uint32_t)(value >> shift);
}

uint64_t hdr_value(uint32_t index, unsigned bits)
{
	uint64_t low = lapse_bucket_low(index, bits), mid = bucket_mid(index, bits);

	return mid > low ? mid - 1 : low;
}

/* ---- counts ------------------------------------------------------------------------------------- */

struct bytes {
	uint8_t *at;
	size_t n;
};

/* ZigZag, seven bits a byte; the ninth byte has all eight. */
static void put_number(struct bytes *to, int64_t number)
{
	uint64_t rest = (uint64_t)number << 1 ^ (uint64_t)(number >> 63);
	int i;

	for (i = 0; i < 8 && rest >= 0x80; i++, rest >>= 7)
		to->at[to->n++] = (uint8_t)(rest | 0x80);
	to->at[to->n++] = (uint8_t)rest;
}

/* Empty buckets are told by how many there are, negative. */
static void put_counts(struct bytes *to, const struct bucket_delta *buckets, size_t n, unsigned bits)
{
	uint32_t next = 0;

	for (size_t i = 0; i < n;) {
		uint32_t index = hdr_index(hdr_value(buckets[i].index, bits));
		uint64_t count = 0;

		for (; i < n && hdr_index(hdr_value(buckets[i].index, bits)) == index; i++)
			count += buckets[i].count;
		if (index > next)
			put_number(to, -(int64_t)(index - next));
		put_number(to, (int64_t)count);
		next = index + 1;
	}
}

static void put32(uint8_t *to, uint32_t value)
{
	value = htobe32(value);
	memcpy(to, &value, sizeof(value));
}

static void put64(uint8_t *to, uint64_t value)
{
	value = htobe64(value);
	memcpy(to, &value, sizeof(value));
}

/* ---- wrapped ------------------------------------------------------------------------------------ */

static struct bytes plain(const struct bucket_delta *buckets, size_t n, unsigned bits)
{
	struct bytes to = {.at = calloc(1, HEADER + 2 * n * COUNT_MAX)};
	static const double ratio = 1.0;
	uint64_t ratio_bits;

	if (!to.at)
		return to;
	to.n = HEADER;
	put_counts(&to, buckets, n, bits);
	memcpy(&ratio_bits, &ratio, sizeof(ratio));
	put32(to.at, COOKIE);
	put32(to.at + 4, (uint32_t)(to.n - HEADER));
	put32(to.at + 12, DIGITS);
	put64(to.at + 16, 1);
	put64(to.at + 24, 1ULL << (LAPSE_BUCKET_TOP + 1));
	put64(to.at + 32, ratio_bits);
	return to;
}

static struct bytes compressed(const struct bytes *from)
{
	uLongf length = compressBound(from->n);
	struct bytes to = {.at = malloc(8 + length)};

	if (to.at && compress(to.at + 8, &length, from->at, from->n) == Z_OK) {
		put32(to.at, COOKIE_COMPRESSED);
		put32(to.at + 4, (uint32_t)length);
		to.n = 8 + length;
	}
	return to;
}

static char *base64(const struct bytes *from)
{
	static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	char *text = malloc((from->n + 2) / 3 * 4 + 1), *to = text;

	if (!text)
		return NULL;
	for (size_t i = 0; i < from->n; i += 3) {
		uint32_t three = (uint32_t)from->at[i] << 16;

		three |= i + 1 < from->n ? (uint32_t)from->at[i + 1] << 8 : 0;
		three |= i + 2 < from->n ? from->at[i + 2] : 0;
		*to++ = digits[three >> 18];
		*to++ = digits[three >> 12 & 63];
		*to++ = i + 1 < from->n ? digits[three >> 6 & 63] : '=';
		*to++ = i + 2 < from->n ? digits[three & 63] : '=';
	}
	*to = '\0';
	return text;
}

char *hdr_encode(const struct bucket_delta *buckets, size_t n, unsigned bits)
{
	struct bytes from = plain(buckets, n, bits), small = {0};
	char *text = NULL;

	if (from.at)
		small = compressed(&from);
	if (small.n)
		text = base64(&small);
	free(from.at);
	free(small.at);
	return text;
}
