// SPDX-License-Identifier: GPL-2.0-or-later
/* The queue between the loop and the disk: what is put comes out, and takes no memory once it has. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

#include "capture/tape.h"

#define RING_BYTES (64UL << 20)
#define MESSAGE	   1000

static size_t resident(const struct tape *tape)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE), n = tape->size / page, in = 0;
	unsigned char *pages = calloc(n, 1);

	assert_non_null(pages);
	assert_int_equal(mincore(tape->ring, tape->size, pages), 0);
	for (size_t i = 0; i < n; i++)
		in += pages[i] & 1;
	free(pages);
	return in * page;
}

/* Bytes that tell which message they are of. */
static bool put(struct tape *tape, uint64_t seq)
{
	uint64_t bytes[MESSAGE / sizeof(uint64_t)];
	struct tape_message head = {.kind = 1, .length = sizeof(bytes), .seq = seq};

	for (size_t i = 0; i < sizeof(bytes) / sizeof(*bytes); i++)
		bytes[i] = seq * 31 + i;
	return tape_put(tape, &head, bytes, TAPE_NEEDED, NULL, NULL);
}

static void check_message(const struct tape_message *message, uint64_t seq)
{
	const uint64_t *bytes = (const uint64_t *)(const void *)message->bytes;

	assert_int_equal(message->seq, seq);
	for (size_t i = 0; i < message->length / sizeof(*bytes); i++)
		assert_int_equal(bytes[i], seq * 31 + i);
}

/* Reads all that is there; the number of the next. */
static uint64_t read_all(struct tape *tape, uint64_t next)
{
	uint64_t from, to;

	while (tape->cursor != tape->head && tape_wait(tape, &from, &to)) {
		for (uint64_t at = from; at < to;) {
			const struct tape_message *message = tape_at(tape, at);

			if (message->kind != TAPE_PAD)
				check_message(message, next++);
			at += message->size;
			if (tape->size - at % tape->size < sizeof(*message))
				at += tape->size - at % tape->size;
		}
		tape_advance(tape, to);
	}
	return next;
}

static void a_reader_that_keeps_up_costs_little(void **state)
{
	struct tape tape;
	uint64_t seq = 0, next = 0;

	(void)state;
	assert_int_equal(tape_open(&tape, RING_BYTES, 0), 0);
	tape_rewind(&tape);
	while (seq < 3 * RING_BYTES / MESSAGE) {
		for (int i = 0; i < 500; i++)
			assert_true(put(&tape, seq++));
		next = read_all(&tape, next);
		assert_int_equal(next, seq);
	}
	assert_in_range(resident(&tape), 0, TAPE_WARM);
	tape_close(&tape);
}

/* All of it was needed once; and while it never becomes empty, messages come round. */
static void what_a_slow_reader_needed_is_given_back(void **state)
{
	struct tape tape;
	uint64_t seq = 0, next = 0, from, to;

	(void)state;
	assert_int_equal(tape_open(&tape, RING_BYTES, 0), 0);
	tape_rewind(&tape);
	for (int round = 0; round < 400; round++) {
		while (put(&tape, seq))
			seq++;
		assert_true(tape_wait(&tape, &from, &to));
		for (uint64_t at = from; at < to;) {
			const struct tape_message *message = tape_at(&tape, at);

			if (message->kind != TAPE_PAD)
				check_message(message, next++);
			at += message->size;
			if (tape.size - at % tape.size < sizeof(*message))
				at += tape.size - at % tape.size;
		}
		tape_advance(&tape, to);
	}
	assert_in_range(resident(&tape), RING_BYTES / 2, RING_BYTES);
	assert_int_equal(read_all(&tape, next), seq);
	assert_in_range(resident(&tape), 0, TAPE_WARM + (64UL << 10));
	tape_close(&tape);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_reader_that_keeps_up_costs_little),
		cmocka_unit_test(what_a_slow_reader_needed_is_given_back),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
