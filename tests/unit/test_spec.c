// SPDX-License-Identifier: GPL-2.0-or-later
/* The grammar of probe specifications and what is said of a wrong one. */
#include "specs.h"

static void test_functions(void **state)
{
	(void)state;
	parses("handle_order", SPEC_OBJECT_ANY, NULL, "handle_order", NULL, false);
	parses("  handle_order ", SPEC_OBJECT_ANY, NULL, "handle_order", NULL, false);
	parses("ns::f", SPEC_OBJECT_ANY, NULL, "ns::f", NULL, false);
	parses("::f", SPEC_OBJECT_ANY, NULL, "::f", NULL, false);
	parses("ns::f(int, char const*) const", SPEC_OBJECT_ANY, NULL, "ns::f(int, char const*) const", NULL,
	       false);
	parses("ns::f<a:b>", SPEC_OBJECT_ANY, NULL, "ns::f<a:b>", NULL, false);
	parses("operator new(unsigned long)", SPEC_OBJECT_ANY, NULL, "operator new(unsigned long)", NULL,
	       false);
	parses("foo.isra.0", SPEC_OBJECT_ANY, NULL, "foo.isra.0", NULL, false);
}

static void test_objects(void **state)
{
	(void)state;
	parses(":main", SPEC_OBJECT_MAIN, NULL, "main", NULL, false);
	parses("libssl:SSL_read", SPEC_OBJECT_NAME, "libssl", "SSL_read", NULL, false);
	parses("libx:ns::f", SPEC_OBJECT_NAME, "libx", "ns::f", NULL, false);
	parses("libx.so.3:f", SPEC_OBJECT_NAME, "libx.so.3", "f", NULL, false);
	parses("/usr/bin/a:f", SPEC_OBJECT_PATH, "/usr/bin/a", "f", NULL, false);
	parses("uprobe:/usr/bin/a:ns::f", SPEC_OBJECT_PATH, "/usr/bin/a", "ns::f", NULL, false);
	parses("/odd:path/a:f", SPEC_OBJECT_PATH, "/odd:path/a", "f", NULL, false);
	parses("spanish:f", SPEC_OBJECT_NAME, "spanish", "f", NULL, false);
}

static void test_names_and_globs(void **state)
{
	(void)state;
	parses("order=handle_order", SPEC_OBJECT_ANY, NULL, "handle_order", "order", false);
	parses("a-b.c=libx:f", SPEC_OBJECT_NAME, "libx", "f", "a-b.c", false);
	parses("operator==(A, B)", SPEC_OBJECT_ANY, NULL, "operator==(A, B)", NULL, false);
	parses("ns::operator=", SPEC_OBJECT_ANY, NULL, "ns::operator=", NULL, false);
	parses("ngx_http_*", SPEC_OBJECT_ANY, NULL, "ngx_http_*", NULL, true);
	parses("libx:ns::*", SPEC_OBJECT_NAME, "libx", "ns::*", NULL, true);
	parses("f(char*)", SPEC_OBJECT_ANY, NULL, "f(char*)", NULL, false);
}

static void test_errors(void **state)
{
	(void)state;
	fails("", "empty probe", "^");
	fails("   ", "empty probe", "^");
	fails("1234", "not a probe", "^~~~ did you mean -p?");
	fails("12,34", "not a probe", "did you mean -p?");
	fails("libssl:", "function's name is missing", "          ^");
	fails(":", "function's name is missing", "^");
	fails("/usr/bin/a", "function's name is missing", "^~~~~~~~~~");
	fails("uprobe:libssl:f", "wants a path", "           ^");
	fails("uprobe:", "wants a path", "^");
	fails("handle_odrer --slower", "unexpected text", "                 ^~~~~~~~");
	fails("a\tb", "unexpected text", "^");
	fails("x=", "empty probe", "^");
}

static void test_absent_kinds(void **state)
{
	(void)state;
	fails("n=kprobe:f", "no 'kprobe:' probes", "      ^~~~~~~ ");
	fails("python:f", "no 'python:' probes", "^~~~~~~ ");
	parses(":loop", SPEC_OBJECT_MAIN, NULL, "loop", NULL, false);
	parses("loop_once", SPEC_OBJECT_ANY, NULL, "loop_once", NULL, false);
	parses("loop.cold", SPEC_OBJECT_ANY, NULL, "loop.cold", NULL, false);
	parses("usdt::f", SPEC_OBJECT_ANY, NULL, "usdt::f", NULL, false);
	parses("span::f", SPEC_OBJECT_ANY, NULL, "span::f", NULL, false);
}

static void parses_kind(const char *text, enum spec_kind kind, const char *object, const char *function)
{
	struct probe_spec spec = parsed(text);

	assert_int_equal(spec.kind, kind);
	assert_false(spec.glob);
	assert_null(spec.ends);
	assert_int_equal(spec.modifiers.timeout_ns, 0);
	if (object)
		assert_int_equal(strncmp(text + spec.object_at, object, strlen(object)), 0);
	if (object)
		assert_string_equal(spec.object, object);
	else
		assert_null(spec.object);
	if (function)
		assert_int_equal(strncmp(text + spec.function_at, function, strlen(function)), 0);
	if (function)
		assert_string_equal(spec.function, function);
	else
		assert_null(spec.function);
	spec_free(&spec);
}

static void test_kinds(void **state)
{
	(void)state;
	parses_kind("f", SPEC_FUNCTION, NULL, "f");
	parses_kind("usdt:python:gc__start", SPEC_USDT, "python", "gc__start");
	parses_kind("gc=usdt:libc:setjmp if(arg0 == 1)", SPEC_USDT, "libc", "setjmp");
	parses_kind("marker:order", SPEC_MARKER, NULL, "order");
	parses_kind(" m=marker:order/book.v2 ", SPEC_MARKER, NULL, "order/book.v2");
	parses_kind("syscall:read", SPEC_SYSCALL, NULL, "read");
	parses_kind("syscall:pread64 err(ret < 0)", SPEC_SYSCALL, NULL, "pread64");
	parses_kind("loop", SPEC_LOOP, NULL, NULL);
	parses_kind("turn=loop ", SPEC_LOOP, NULL, NULL);
}

static void test_marks_wrong(void **state)
{
	(void)state;
	fails("usdt:", "the provider's name is missing", "         ^ write usdt:PROVIDER:MARK");
	fails("usdt:a", "the mark's name is missing", "         ^ write usdt:PROVIDER:MARK");
	fails("usdt:a:", "the mark's name is missing", "           ^ write");
	fails("usdt:a::b", "the mark's name is missing", "         ^ write");
	fails("usdt:a:b(arg0)", "unexpected text", "            ^~~~~~");
	fails("usdt:a:b*", "unexpected text", "            ^");
	fails("usdt:a:b:c", "unexpected text", "            ^~");
	fails("usdt:a:b err(ret < 0)", "there is no 'ret': a mark returns nothing", "                 ^~~\n");
	fails("usdt:a:b if(arg12 == 0)", "arg0 to arg11", "                ^~~~~\n");
	fails("usdt:a:b timeout=1s", "for 'span:' probes", "                     ^~ leave it out");
}

static void test_markers_wrong(void **state)
{
	(void)state;
	fails("marker:", "the component's name is missing", "           ^\n");
	fails("marker: x", "the component's name is missing", "           ^\n");
	fails("marker:a err(ret < 0)", "a marker says by itself", "             ^~~~~~~~~~~~ leave it out");
	fails("marker:a eror(ret < 0)", "unknown modifier 'eror()'", "             ^~~~~ nearest is 'err()'");
	fails("marker:a b", "unexpected text", "             ^ modifiers are ok()");
	fails("marker:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
	      "at most 63 characters", "           ^~~~~");
}

static void test_syscalls_wrong(void **state)
{
	(void)state;
	fails("syscall:", "the system call's name is missing", "            ^\n");
	fails("syscall:re*", "unexpected text", "              ^\n");
	fails("syscall:read if(arg6 == 0)", "arg0 to arg5", "                    ^~~~\n");
	fails("syscall:read x", "unexpected text", "                 ^ modifiers are ok()");
}

static void test_loop_wrong(void **state)
{
	(void)state;
	fails("loop if(arg0 == 0)", "a turn of a loop has no arguments",
	      "         ^~~~~~~~~~~~~ leave it out");
	fails("loop value(x=ret)", "and returns nothing", "         ^~~~~~~~~~~~ leave it out");
	fails("loop x", "unexpected text", "         ^ modifiers are ok()");
}

static void test_kinds_wrong(void **state)
{
	(void)state;
	fails("loop:x", "'loop' is a measure by itself", "        ^~ write loop");
	parses("/lib/loop:x", SPEC_OBJECT_PATH, "/lib/loop", "x", NULL, false);
	fails("f ()", "unexpected blank before '('", "     ^ write FUNC");
	fails("libx:ns::f (int)", "unexpected blank before '('", "              ^ write FUNC");
}

static void test_too_long(void **state)
{
	char text[8192];

	(void)state;
	memset(text, 'a', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	fails(text, "over 4096 characters", "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_functions),	cmocka_unit_test(test_objects),
		cmocka_unit_test(test_names_and_globs), cmocka_unit_test(test_errors),
		cmocka_unit_test(test_absent_kinds),	cmocka_unit_test(test_kinds),
		cmocka_unit_test(test_marks_wrong),	cmocka_unit_test(test_markers_wrong),
		cmocka_unit_test(test_syscalls_wrong),	cmocka_unit_test(test_loop_wrong),
		cmocka_unit_test(test_kinds_wrong),	cmocka_unit_test(test_too_long),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
