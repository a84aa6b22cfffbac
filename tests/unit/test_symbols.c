// SPDX-License-Identifier: GPL-2.0-or-later
/* Functions by name: this program's own, some of them called as compilers call theirs. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "probe/symbols.h"

#define FUNCTION(name, symbol)                          \
	int name(int x) __asm__(symbol);                \
	__attribute__((noinline, used)) int name(int x) \
	{                                               \
		__asm__ volatile("" : "+r"(x));         \
		return x + __LINE__;                    \
	}

FUNCTION(spot_plain, "spot_plain")
FUNCTION(spot_isra, "spot_isra.isra.0")
FUNCTION(spot_whole, "spot_split")
FUNCTION(spot_part, "spot_split.part.0")
FUNCTION(spot_cold, "spot_plain.cold")
FUNCTION(spot_only_part, "spot_rest.part.3")
FUNCTION(spot_constprop, "spot_cp.constprop.0.isra.1")
FUNCTION(cxx_int, "_ZN4spot3addEi")
FUNCTION(cxx_double, "_ZN4spot3addEd")
FUNCTION(cxx_clone, "_ZN4spot3subEi.constprop.0")
FUNCTION(rust_legacy, "_ZN4spot4rust17h0123456789abcdefE")
FUNCTION(rust_v0, "_RNvCs1234_4spot2v0")

static struct object *own;

static size_t count(const char *pattern, bool glob, struct matches *kept)
{
	struct matches matches;
	size_t n;

	assert_int_equal(symbols_match(own, pattern, glob, &matches), 0);
	n = matches.n;
	if (kept)
		*kept = matches;
	else
		matches_free(&matches);
	return n;
}

static void finds(const char *pattern, const char *symbol)
{
	struct matches matches;

	assert_int_equal(count(pattern, false, &matches), 1);
	assert_string_equal(matches.list[0].function->symbol, symbol);
	matches_free(&matches);
}

static void test_plain(void **state)
{
	struct matches matches;

	(void)state;
	finds("spot_plain", "spot_plain");
	assert_int_equal(count("spot_plai", false, NULL), 0);
	assert_int_equal(count("spot_plain.cold", false, &matches), 0);
	assert_string_equal(matches.cold, "spot_plain.cold");
	matches_free(&matches);
}

static void test_clones(void **state)
{
	struct matches matches;

	(void)state;
	finds("spot_isra", "spot_isra.isra.0");
	finds("spot_isra.isra.0", "spot_isra.isra.0");
	finds("spot_cp", "spot_cp.constprop.0.isra.1");
	finds("spot_rest", "spot_rest.part.3");
	assert_int_equal(count("spot_split", false, &matches), 1);
	assert_int_equal(matches.parts, 1);
	assert_string_equal(matches.list[0].function->symbol, "spot_split");
	matches_free(&matches);
	finds("spot_split.part.0", "spot_split.part.0");
}

static void test_mangled(void **state)
{
	(void)state;
	finds("spot::add(int)", "_ZN4spot3addEi");
	finds("spot::add(double)", "_ZN4spot3addEd");
	finds("_ZN4spot3addEi", "_ZN4spot3addEi");
	finds("spot::sub", "_ZN4spot3subEi.constprop.0");
	finds("spot::rust", "_ZN4spot4rust17h0123456789abcdefE");
	finds("spot::v0", "_RNvCs1234_4spot2v0");
	assert_int_equal(count("spot::add", false, NULL), 2);
	assert_int_equal(count("add", false, NULL), 0);
}

static void test_globs(void **state)
{
	(void)state;
	/* The cold part and the outlined ones are left out. */
	assert_int_equal(count("spot_*", true, NULL), 4);
	assert_int_equal(count("spot::*", true, NULL), 5);
	assert_int_equal(count("*::add", true, NULL), 2);
	assert_int_equal(count("_ZN4spot3add*", true, NULL), 2);
	assert_int_equal(count("spot_nothing*", true, NULL), 0);
}

static void expect_base(const char *symbol, size_t length, enum clone clone)
{
	enum clone found;

	assert_int_equal(name_base(symbol, &found), length);
	assert_int_equal(found, clone);
}

static void test_suffixes(void **state)
{
	(void)state;
	expect_base("foo", 3, CLONE_NONE);
	expect_base("foo.isra.0", 3, CLONE_WHOLE);
	expect_base("foo.part.0.isra.1", 3, CLONE_PART);
	expect_base("foo.part.0.cold", 3, CLONE_COLD);
	expect_base("foo.cold.12", 3, CLONE_COLD);
	expect_base("foo.llvm.1234567", 3, CLONE_WHOLE);
	expect_base("foo@@GLIBC_2.2.5", 3, CLONE_NONE);
	expect_base("a.b", 3, CLONE_NONE);
	expect_base(".cold", 5, CLONE_NONE);
	expect_base("", 0, CLONE_NONE);
}

static void expect_readable(const char *symbol, bool signature, const char *wanted)
{
	char *readable = name_readable(symbol, signature);

	assert_string_equal(readable, wanted);
	free(readable);
}

static void test_readable(void **state)
{
	(void)state;
	expect_readable("foo.isra.0", false, "foo");
	expect_readable("_ZN2ns1fEi", false, "ns::f");
	expect_readable("_ZN2ns1fEi.part.0", true, "ns::f(int)");
	expect_readable("_ZNK2ns1S1mEi", true, "ns::S::m(int) const");
	expect_readable("_ZN4core3fmt5write17h0123456789abcdefE", false, "core::fmt::write");
	expect_readable("_RNvNtCs1234_7mycrate3foo3bar", false, "mycrate::foo::bar");
	expect_readable("_ZN2ns4nameB5cxx11Ei", true, "ns::name(int)");
	expect_readable("_Znonsense", true, "_Znonsense");
	expect_readable("_Z", true, "_Z");
}

static void test_pieces(void **state)
{
	struct piece pieces[4];

	(void)state;
	assert_int_equal(name_pieces("ns::handle_*::f(unsigned long)", pieces, 4), 3);
	assert_int_equal(pieces[0].length, strlen("ns"));
	assert_int_equal(strncmp(pieces[1].start, "handle_", pieces[1].length), 0);
	assert_int_equal(pieces[2].length, 1);
	assert_int_equal(name_pieces("operator new(unsigned long)", pieces, 4), 0);
	assert_int_equal(name_pieces("*", pieces, 4), 0);
	assert_int_equal(name_pieces("std::vector<int>::push", pieces, 4), 1);
	assert_int_equal(name_pieces("a::b::c::d::e", pieces, 4), 4);
}

static void test_nearest(void **state)
{
	struct text_nearest nearest = {.wanted = "spot_palin"};
	char *owned = NULL;

	(void)state;
	symbols_nearest(own, &nearest, &owned);
	assert_string_equal(nearest.best, "spot_plain");
	free(owned);
	owned = NULL;
	nearest = (struct text_nearest){.wanted = "rust"};
	symbols_nearest(own, &nearest, &owned);
	assert_string_equal(nearest.best, "spot::rust");
	free(owned);
}

static int set_up(void **state)
{
	int err;

	(void)state;
	own = object_open("/proc/self/exe", "", &err);
	return err;
}

static int tear_down(void **state)
{
	(void)state;
	object_close(own);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_plain),	 cmocka_unit_test(test_clones),
		cmocka_unit_test(test_mangled),	 cmocka_unit_test(test_globs),
		cmocka_unit_test(test_suffixes), cmocka_unit_test(test_readable),
		cmocka_unit_test(test_pieces),	 cmocka_unit_test(test_nearest),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
