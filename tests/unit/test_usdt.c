// SPDX-License-Identifier: GPL-2.0-or-later
/* Marks of this very program: some as SystemTap's header writes them, one of lapse.h. */
#include "fixture.h"

#include "probe/usdt.h"
#include "sdk/lapse.h"

/* A note of the type and name that are given, of a mark that stands here; 0 or the address of a semaphore. */
#define NOTE(type, provider, name, args, semaphore)                              \
	__asm__ volatile("990: nop\n"                                            \
			 ".pushsection .note.stapsdt,\"\",@note\n"               \
			 ".balign 4\n"                                           \
			 ".4byte 992f - 991f, 994f - 993f, " type "\n"           \
			 "991: .asciz \"stapsdt\"\n"                             \
			 "992: .balign 4\n"                                      \
			 "993: .8byte 990b, _.stapsdt.base, " semaphore "\n"     \
			 ".asciz \"" provider "\", \"" name "\", \"" args "\"\n" \
			 "994: .balign 4\n"                                      \
			 ".popsection\n")

static uint16_t heard __asm__("test_semaphore") __attribute__((used, section(".probes"))) = 3;
static uint64_t in_bss[4] __asm__("test_in_bss") __attribute__((used));

static struct object *own;
static struct usdt_note *notes;
static size_t n_notes;

__attribute__((noinline, used)) static void marked(void)
{
	LAPSE_ERROR(testMarker);
	lapse_named_error("any");
	NOTE("3", "tests", "plain", "", "0");
	NOTE("3", "tests", "heard", "8@%rdi -4@$5 1@(%rax, %rbx)", "test_semaphore");
	NOTE("3", "tests", "plain", "", "0");
	NOTE("4", "tests", "other_type", "", "0");
	NOTE("3", "", "no_provider", "", "0");
	NOTE("3", "tests", "semaphore_in_no_file", "", "test_in_bss");
}

static const struct usdt_note *find(const char *provider, const char *name)
{
	size_t i = usdt_find(notes, n_notes, 0, provider, name);

	if (i == n_notes)
		fail_msg("no note of %s:%s among %zu", provider, name, n_notes);
	return &notes[i];
}

static void test_plain(void **state)
{
	const struct usdt_note *note = find("tests", "plain");
	size_t first = (size_t)(note - notes);
	uint64_t offset;

	(void)state;
	assert_int_equal(note->n_args, 0);
	assert_int_equal(note->semaphore, 0);
	assert_true(object_offset(own, note->addr, &offset));
	assert_int_equal(note->offset, offset);
	/* It was written twice. */
	assert_true(usdt_find(notes, n_notes, first + 1, "tests", "plain") < n_notes);
	assert_false(usdt_is_marker(own, note));
}

static void test_arguments(void **state)
{
	const struct usdt_note *note = find("tests", "heard");
	uint16_t value;

	(void)state;
	assert_string_equal(note->args, "8@%rdi -4@$5 1@(%rax, %rbx)");
	assert_int_equal(note->n_args, 3);
	assert_int_equal(pread(own->fd, &value, sizeof(value), (off_t)note->semaphore), sizeof(value));
	assert_int_equal(value, heard);
}

static void test_marker(void **state)
{
	const struct usdt_note *note = find("lapse", "testMarker");

	(void)state;
	assert_true(usdt_is_marker(own, note));
	assert_false(usdt_is_named_marker(note));
	assert_true(usdt_is_marker(own, find("lapse", "named")));
	assert_true(usdt_is_named_marker(find("lapse", "named")));
}

static void test_unsound(void **state)
{
	(void)state;
	assert_int_equal(usdt_find(notes, n_notes, 0, "tests", "other_type"), n_notes);
	assert_int_equal(usdt_find(notes, n_notes, 0, "", "no_provider"), n_notes);
	assert_int_equal(usdt_find(notes, n_notes, 0, "tests", "semaphore_in_no_file"), n_notes);
	assert_int_equal(in_bss[0], 0);
}

static void test_nearest(void **state)
{
	struct text_nearest nearest = {.wanted = "testMarkr"};

	(void)state;
	usdt_nearest(notes, n_notes, "tests", &nearest);
	assert_null(nearest.best);
	usdt_nearest(notes, n_notes, NULL, &nearest);
	assert_string_equal(nearest.best, "testMarker");
}

static int set_up(void **state)
{
	int err;

	(void)state;
	marked();
	own = object_open("/proc/self/exe", NULL, &err);
	return own ? usdt_list(own, &notes, &n_notes) : err;
}

static int tear_down(void **state)
{
	(void)state;
	usdt_free(notes, n_notes);
	object_close(own);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_plain),	cmocka_unit_test(test_arguments),
		cmocka_unit_test(test_marker),	cmocka_unit_test(test_unsound),
		cmocka_unit_test(test_nearest),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
