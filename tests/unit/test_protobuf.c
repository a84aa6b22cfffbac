// SPDX-License-Identifier: GPL-2.0-or-later
/* Protocol Buffers as its own documentation encodes them, and how slices come to tracks. */
#include "fixture.h"

#include <stdlib.h>
#include <string.h>

#include "report/lanes.h"
#include "report/protobuf.h"

static void bytes(void **state)
{
	static const uint8_t wanted[] = {0x08, 0x96, 0x01, 0x12, 0x07, 't',  'e',  's',	 't',  'i',
					 'n',  'g',  0x1a, 0x03, 0x08, 0x96, 0x01, 0xd2, 0x03, 0x00};
	struct protobuf to = {0}, inner = {0};

	(void)state;
	protobuf_number(&inner, 1, 150);
	protobuf_number(&to, 1, 150);
	protobuf_text(&to, 2, "testing");
	protobuf_message(&to, 3, &inner);
	protobuf_text(&to, 58, "");
	assert_int_equal(to.n, sizeof(wanted));
	assert_memory_equal(to.at, wanted, sizeof(wanted));
	assert_false(to.failed);
	protobuf_clear(&to);
	protobuf_number(&to, 1, UINT64_MAX);
	assert_int_equal(to.n, 11);
	protobuf_free(&to);
	protobuf_free(&inner);
}

struct told {
	char text[128];
};

static void edge(void *context, const struct slice *slice, int is_begin)
{
	struct told *told = context;
	size_t length = strlen(told->text);

	snprintf(told->text + length, sizeof(told->text) - length, "%s%u%s", is_begin ? "(" : "", slice->name,
		 is_begin ? "" : ")");
}

static const char *edges_of(struct slice *slices, size_t n, uint32_t lane, struct told *told)
{
	*told = (struct told){0};
	slices_edges(slices, n, lane, edge, told);
	return told->text;
}

static void lanes(void **state)
{
	struct slice slices[] = {
		{.begin_ns = 40, .end_ns = 50, .name = 4},
		{.begin_ns = 10, .end_ns = 20, .name = 2},
		{.begin_ns = 0, .end_ns = 30, .name = 1},
		{.begin_ns = 25, .end_ns = 45, .name = 3},
		{.begin_ns = 10, .end_ns = 20, .name = 5, .is_wait = 1},
	};
	size_t n = sizeof(slices) / sizeof(*slices);
	struct told told;

	(void)state;
	qsort(slices, n, sizeof(*slices), slice_by_thread);
	assert_int_equal(slices_place(slices, n), 2);
	/* What overlaps the first has a lane of its own; the wait lies in the call that has its times. */
	assert_string_equal(edges_of(slices, n, 0, &told), "(1(2(55)2)1)(44)");
	assert_string_equal(edges_of(slices, n, 1, &told), "(33)");
}

static void one_after_the_other(void **state)
{
	struct slice slices[] = {{.begin_ns = 0, .end_ns = 10, .name = 1},
				 {.begin_ns = 10, .end_ns = 10, .name = 2},
				 {.begin_ns = 10, .end_ns = 20, .name = 3}};
	struct told told;

	(void)state;
	qsort(slices, 3, sizeof(*slices), slice_by_thread);
	assert_int_equal(slices_place(slices, 3), 1);
	assert_string_equal(edges_of(slices, 3, 0, &told), "(11)(3(22)3)");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(bytes),
		cmocka_unit_test(lanes),
		cmocka_unit_test(one_after_the_other),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
