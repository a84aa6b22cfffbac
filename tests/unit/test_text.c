// SPDX-License-Identifier: GPL-2.0-or-later
/* Strings: hostile names made safe, nearest names, globs. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "base/text.h"

static void expect_escaped(const char *text, const char *wanted)
{
	char buffer[128];

	assert_string_equal(text_escape(text, buffer, sizeof(buffer)), wanted);
}

static void escapes(void **state)
{
	(void)state;
	expect_escaped("", "");
	expect_escaped("handle_order", "handle_order");
	expect_escaped("größe 漢 😀", "größe 漢 😀");
	expect_escaped("a\x1b[31mred", "a\\x1b[31mred");
	expect_escaped("a\nb\tc\x7f", "a\\x0ab\\x09c\\x7f");
	expect_escaped("\xc2\x9b"
		       "31m",
		       "\\xc2\\x9b31m");
	expect_escaped("\xff\xfe", "\\xff\\xfe");
	expect_escaped("\xc3", "\\xc3");
	expect_escaped("\xc0\xaf", "\\xc0\\xaf");
	expect_escaped("\xed\xa0\x80", "\\xed\\xa0\\x80");
	expect_escaped("\xe2\x80\xae"
		       "x",
		       "\\xe2\\x80\\xaex");
}

static void escapes_are_cut_whole(void **state)
{
	char buffer[6];

	(void)state;
	assert_string_equal(text_escape("abcdefgh", buffer, sizeof(buffer)), "abcde");
	assert_string_equal(text_escape("ab\x01", buffer, sizeof(buffer)), "ab");
	assert_string_equal(text_escape("a\x01", buffer, sizeof(buffer)), "a\\x01");
	assert_string_equal(text_escape("abcd\xc3\xb6", buffer, sizeof(buffer)), "abcd");
	buffer[0] = 'z';
	text_escape("abc", buffer, 0);
	assert_int_equal(buffer[0], 'z');
}

static void distances(void **state)
{
	char name[400];

	(void)state;
	assert_int_equal(text_distance("", "", 5), 0);
	assert_int_equal(text_distance("abc", "abc", 5), 0);
	assert_int_equal(text_distance("abc", "abd", 5), 1);
	assert_int_equal(text_distance("abc", "acb", 5), 1);
	assert_int_equal(text_distance("abc", "", 5), 3);
	assert_int_equal(text_distance("", "abc", 5), 3);
	assert_int_equal(text_distance("kitten", "sitting", 9), 3);
	assert_int_equal(text_distance("kitten", "sitting", 2), 2);
	assert_int_equal(text_distance("max_latancy", "max_latency", 4), 1);
	memset(name, 'x', sizeof(name) - 1);
	name[sizeof(name) - 1] = '\0';
	assert_int_equal(text_distance(name, name, 4), 4);
}

static void nearest(void **state)
{
	struct text_nearest order = {.wanted = "handle_odrer"}, short_one = {.wanted = "ab"};

	(void)state;
	text_nearest_offer(&order, "unrelated");
	assert_null(order.best);
	text_nearest_offer(&order, "handle_order2");
	text_nearest_offer(&order, "handle_order");
	text_nearest_offer(&order, "handle_orders");
	assert_string_equal(order.best, "handle_order");
	assert_int_equal(order.distance, 1);
	text_nearest_offer(&short_one, "xy");
	assert_null(short_one.best);
}

static void globs(void **state)
{
	(void)state;
	assert_true(text_glob_match("", ""));
	assert_true(text_glob_match("*", ""));
	assert_true(text_glob_match("*", "anything"));
	assert_true(text_glob_match("a*c", "abbbc"));
	assert_true(text_glob_match("a*b*c", "aXbYbZc"));
	assert_true(text_glob_match("a?c", "abc"));
	assert_true(text_glob_match("*.isra.*", "foo.isra.0"));
	assert_false(text_glob_match("a?c", "ac"));
	assert_false(text_glob_match("a*c", "abcd"));
	assert_false(text_glob_match("", "a"));
	assert_false(text_glob_match("abc", "abcd"));
	assert_true(text_is_glob("a*"));
	assert_true(text_is_glob("a?"));
	assert_false(text_is_glob("a[b]"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(escapes),   cmocka_unit_test(escapes_are_cut_whole),
		cmocka_unit_test(distances), cmocka_unit_test(nearest),
		cmocka_unit_test(globs),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
