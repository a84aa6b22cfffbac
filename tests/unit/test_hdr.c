// SPDX-License-Identifier: GPL-2.0-or-later
/* HdrHistogram's buckets and encoding, by its own definitions. */
#include "fixture.h"

#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "bpf/buckets.h"
#include "monitor/histogram.h"
#include "report/hdr.h"

static void indexes(void **state)
{
	static const struct {
		uint64_t value;
		uint32_t index;
	} wanted[] = {{0, 0},
		      {1, 1},
		      {255, 255},
		      {256, 256},
		      {257, 256},
		      {258, 257},
		      {511, 383},
		      {512, 384},
		      {515, 384},
		      {516, 385},
		      {1ULL << 42, 128 * 36}};

	(void)state;
	for (size_t i = 0; i < sizeof(wanted) / sizeof(*wanted); i++)
		assert_int_equal(hdr_index(wanted[i].value), wanted[i].index);
}

/* The highest value of an HdrHistogram's bucket, which its readers report. */
static uint64_t reported(uint32_t index)
{
	uint32_t shift = index < 256 ? 0 : index / 128 - 1;

	return ((uint64_t)(index - shift * 128) + 1) * (1ULL << shift) - 1;
}

/* A reader comes to what lapse reports, but for a nanosecond. */
static void values(void **state)
{
	static const unsigned precisions[] = {LAPSE_BUCKET_BITS_FINE, LAPSE_BUCKET_BITS_COARSE};

	(void)state;
	for (size_t p = 0; p < 2; p++) {
		unsigned bits = precisions[p];

		for (uint32_t i = 0; i < LAPSE_BUCKETS(bits); i++) {
			uint64_t got = reported(hdr_index(hdr_value(i, bits))), mid = bucket_mid(i, bits);

			assert_true(got == mid || got + 1 == mid);
			assert_true(i == 0 || hdr_value(i, bits) > hdr_value(i - 1, bits));
		}
	}
}

static size_t from_base64(const char *text, uint8_t *to)
{
	static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	uint32_t held = 0;
	size_t n = 0;

	for (int bits = 0; *text && *text != '='; text++) {
		held = held << 6 | (uint32_t)(strchr(digits, *text) - digits);
		bits += 6;
		if (bits >= 8) {
			bits -= 8;
			to[n++] = (uint8_t)(held >> bits);
		}
	}
	return n;
}

static void encoding(void **state)
{
	static const struct bucket_delta buckets[] = {{3, 1}, {5, 200}, {64, 1}};
	/* 3 empty, 1, 1 empty, 200, 58 empty, 1: zigzag, seven bits a byte. */
	static const uint8_t counts[] = {5, 2, 1, 0x90, 0x03, 115, 2};
	static const uint8_t head[] = {0x1c, 0x84, 0x93, 0x13, 0, 0, 0, sizeof(counts),
				       0,    0,	   0,	 0,    0, 0, 0, 2};
	char *text = hdr_encode(buckets, 3, LAPSE_BUCKET_BITS_FINE);
	uint8_t small[512], plain[512];
	uLongf length = sizeof(plain);
	size_t n;

	(void)state;
	assert_non_null(text);
	/* What every compressed histogram begins with. */
	assert_int_equal(strncmp(text, "HISTFA", 6), 0);
	n = from_base64(text, small);
	assert_int_equal(small[7], n - 8);
	assert_int_equal(uncompress(plain, &length, small + 8, n - 8), Z_OK);
	assert_memory_equal(plain, head, sizeof(head));
	assert_int_equal(length, 40 + sizeof(counts));
	assert_memory_equal(plain + 40, counts, sizeof(counts));
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(indexes),
		cmocka_unit_test(values),
		cmocka_unit_test(encoding),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
