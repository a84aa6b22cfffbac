// SPDX-License-Identifier: GPL-2.0-or-later
/* The grammar of probe specifications and what is said of a wrong one. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/diag.h"
#include "probe/spec.h"

static void parses(const char *text, enum spec_object kind, const char *object, const char *function,
		   const char *name, bool glob)
{
	struct probe_spec spec;

	assert_int_equal(spec_parse(text, &spec), 0);
	assert_string_equal(spec.text, text);
	assert_int_equal(spec.object_kind, kind);
	assert_string_equal(spec.function, function);
	assert_int_equal(strncmp(text + spec.function_at, function, strlen(function)), 0);
	if (object) {
		assert_string_equal(spec.object, object);
		assert_int_equal(strncmp(text + spec.object_at, object, strlen(object)), 0);
	} else {
		assert_null(spec.object);
	}
	if (name)
		assert_string_equal(spec.name, name);
	else
		assert_null(spec.name);
	assert_int_equal(spec.glob, glob);
	spec_free(&spec);
}

/* Parsing fails, and the message holds @message and a caret line that begins like @caret. */
static void fails(const char *text, const char *message, const char *caret)
{
	struct probe_spec spec;
	char *said = NULL;
	size_t size = 0;
	FILE *stream = open_memstream(&said, &size);

	diag_set_stream(stream);
	assert_int_equal(spec_parse(text, &spec), -EINVAL);
	diag_set_stream(NULL);
	fclose(stream);
	if (!strstr(said, message) || !strstr(said, caret))
		fail_msg("'%s' gave:\n%s", text, said);
	free(said);
}

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
	fails("libssl:", "function's name is missing", "      ^");
	fails(":", "function's name is missing", "^");
	fails("/usr/bin/a", "function's name is missing", "^~~~~~~~~~");
	fails("uprobe:libssl:f", "wants a path", "       ^");
	fails("uprobe:", "wants a path", "^");
	fails("handle_odrer --slower", "unexpected text", "             ^~~~~~~~");
	fails("a\tb", "unexpected text", "^");
	fails("peer=a", "tcp:", "^");
	fails("x=", "empty probe", "^");
}

static void test_absent_kinds(void **state)
{
	(void)state;
	fails("span:a..b", "no 'span:' probes", "^~~~~");
	fails("usdt:a:b", "no 'usdt:' probes", "^~~~~");
	fails("tcp:connect", "no 'tcp:' probes", "^~~~");
	fails("syscall:read", "no 'syscall:' probes", "^~~~~~~~");
	fails("marker:x", "no 'marker:' probes", "^~~~~~~");
	fails("loop", "no 'loop' probes", "':loop'");
	fails("f err(int ret < 0)", "no modifiers", "  ^~~~~~~~~~~~~~~~");
	fails("f ok(ret == 0) if(arg0)", "no modifiers", "  ^");
	parses(":loop", SPEC_OBJECT_MAIN, NULL, "loop", NULL, false);
	parses("loop_once", SPEC_OBJECT_ANY, NULL, "loop_once", NULL, false);
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
		cmocka_unit_test(test_absent_kinds),	cmocka_unit_test(test_too_long),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
