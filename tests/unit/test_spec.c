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

/* Whether @said holds @caret; blanks in front of it are all that the line begins with. */
static bool has_caret(const char *said, const char *caret)
{
	const char *found = strstr(said, caret);

	return found && (*caret != ' ' || found[-1] == '\n');
}

/* Parsing fails, and the message holds @message and the beginning or a part of the line with the caret. */
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
	if (!strstr(said, message) || !has_caret(said, caret))
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

/* ---- kinds without functions ----------------------------------------------------------------- */

static struct probe_spec parsed(const char *text)
{
	struct probe_spec spec;

	if (spec_parse(text, &spec))
		fail_msg("'%s' was refused", text);
	assert_string_equal(spec.text, text);
	return spec;
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

/* ---- spans ----------------------------------------------------------------------------------- */

struct place {
	enum spec_kind kind;
	const char *object, *function;
	bool at_return;
	const char *keys[LAPSE_KEYS];
};

static void is_place(const struct probe_spec *spec, const char *text, const struct place *place)
{
	assert_string_equal(spec->text, text);
	assert_null(spec->name);
	assert_null(spec->ends);
	assert_int_equal(spec->kind, place->kind);
	assert_int_equal(spec->at_return, place->at_return);
	assert_string_equal(spec->function, place->function);
	assert_int_equal(strncmp(text + spec->function_at, place->function, strlen(place->function)), 0);
	if (place->object)
		assert_string_equal(spec->object, place->object);
	else
		assert_null(spec->object);
	if (place->object)
		assert_int_equal(strncmp(text + spec->object_at, place->object, strlen(place->object)), 0);
	assert_int_equal(spec->n_keys, place->keys[1] ? 2 : 1);
	for (size_t i = 0; i < spec->n_keys; i++) {
		assert_int_equal(spec->key[i].length, strlen(place->keys[i]));
		assert_int_equal(strncmp(text + spec->key[i].at, place->keys[i], spec->key[i].length), 0);
		assert_int_equal(spec->key[i].source, *place->keys[i] == 'a'   ? SPEC_ARG
						      : *place->keys[i] == 'r' ? SPEC_RET
									       : SPEC_TID);
		if (*place->keys[i] == 'a')
			assert_int_equal(spec->key[i].arg, atoi(place->keys[i] + 3));
		assert_int_equal(spec->key[i].bytes, 0);
	}
}

static void parses_span(const char *text, struct place start, struct place end)
{
	struct probe_spec spec = parsed(text);

	assert_int_equal(spec.kind, SPEC_SPAN);
	assert_null(spec.function);
	assert_null(spec.object);
	assert_non_null(spec.ends);
	is_place(&spec.ends[0], text, &start);
	is_place(&spec.ends[1], text, &end);
	assert_int_equal(spec.modifiers.timeout_ns, 60000000000ULL);
	spec_free(&spec);
}

static void test_spans(void **state)
{
	(void)state;
	parses_span("span:f(arg0)..g(arg1)", (struct place){SPEC_FUNCTION, NULL, "f", false, {"arg0"}},
		    (struct place){SPEC_FUNCTION, NULL, "g", false, {"arg1"}});
	parses_span("x=span:f:return(ret)..libx:g:return(arg11)",
		    (struct place){SPEC_FUNCTION, NULL, "f", true, {"ret"}},
		    (struct place){SPEC_FUNCTION, "libx", "g", true, {"arg11"}});
	parses_span("span:f(arg0,tid)..g( arg1 , tid )",
		    (struct place){SPEC_FUNCTION, NULL, "f", false, {"arg0", "tid"}},
		    (struct place){SPEC_FUNCTION, NULL, "g", false, {"arg1", "tid"}});
	parses_span("span: libx:f (tid) .. :g (tid) ",
		    (struct place){SPEC_FUNCTION, "libx", "f", false, {"tid"}},
		    (struct place){SPEC_FUNCTION, NULL, "g", false, {"tid"}});
	parses_span("span:usdt:py:gc__start(arg0)..usdt:py:gc__done(arg0)",
		    (struct place){SPEC_USDT, "py", "gc__start", false, {"arg0"}},
		    (struct place){SPEC_USDT, "py", "gc__done", false, {"arg0"}});
	parses_span("span:usdt:a:b(arg0)..f:return(ret)",
		    (struct place){SPEC_USDT, "a", "b", false, {"arg0"}},
		    (struct place){SPEC_FUNCTION, NULL, "f", true, {"ret"}});
}

static void test_spans_with_paths_and_signatures(void **state)
{
	(void)state;
	parses_span("span:ns::f(int)(arg0)..g(arg0)",
		    (struct place){SPEC_FUNCTION, NULL, "ns::f(int)", false, {"arg0"}},
		    (struct place){SPEC_FUNCTION, NULL, "g", false, {"arg0"}});
	parses_span("span:f(char const*, ...)(arg0)..a::operator()(int) const:return(ret)",
		    (struct place){SPEC_FUNCTION, NULL, "f(char const*, ...)", false, {"arg0"}},
		    (struct place){SPEC_FUNCTION, NULL, "a::operator()(int) const", true, {"ret"}});
	parses_span("span:/opt/../a:f(arg0)..uprobe:/opt/../b:g(arg0)",
		    (struct place){SPEC_FUNCTION, "/opt/../a", "f", false, {"arg0"}},
		    (struct place){SPEC_FUNCTION, "/opt/../b", "g", false, {"arg0"}});
}

static void test_spans_wrong(void **state)
{
	(void)state;
	fails("span:", "two places", "         ^ write span:START(KEY)..END(KEY)");
	fails("span:f(arg0)", "two places", "         ^~~~~~~ write span:");
	fails("span:f(arg0..arg1)", "two places", "         ^~~~");
	fails("span:f..g", "ends in the key", "         ^ write a key that both ends have");
	fails("span:f(arg0)..g", "ends in the key", "                  ^ write a key");
	fails("span:f(arg0)..", "ends in the key", "                  ^ write a key");
	fails("span:..g(arg0)", "ends in the key", "         ^ write a key");
	fails("span:f(arg0)..g(arg0) junk", "ends in the key", "                          ^~~~ write a key");
	fails("span:f(arg0)..g err(ret < 0)", "ends in the key", "                  ^ write a key");
	fails("span:f)..g(arg0)", "ends in the key", "           ^ write a key");
	fails("span:(arg0)..g(arg0)", "function's name is missing", "");
	fails("span:f(arg0)..:return(ret)", "function's name is missing", "                 ^ ");
	fails("span:f j(arg0)..g(arg0)", "unexpected text before '..'", "           ^~~~~~~ ");
	fails("span:12(arg0)..g(arg0)", "not a probe", "         ^~");
	fails("span:f(arg0)..marker:x(arg0)", "'marker:' is no place",
	      "                  ^~~~~~~ write FUNC(KEY)");
	fails("span:span:f(arg0)..g(arg0)", "'span:' is no place", "         ^~~~~");
	fails("span:f(arg0) err(ret < 0)..g(arg0)", "before '..'",
	      "                 ^~~~~~~~~~~~ modifiers stand behind the second place");
	fails("span:usdt:a(arg0)..g(arg0)", "the mark's name is missing", "              ^");
	fails("span:usdt:a:b:return(arg0)..g(arg0)", "unexpected text after the mark",
	      "                 ^~~~~~~");
}

static void test_keys_wrong(void **state)
{
	(void)state;
	fails("span:f()..g(arg0)", "the key is missing", "           ^");
	fails("span:f(arg0,)..g(arg0)", "the key is missing", "                ^");
	fails("span:f(int)..g(arg0)", "'int' is no key", "           ^~~ keys are argN, ret or tid");
	fails("span:f(int arg0)..g(arg0)", "'int arg0' is no key", "           ^~~~~~~~");
	fails("span:f(arg)..g(arg0)", "'arg' is no key", "           ^~~");
	fails("span:f(arg12)..g(arg0)", "arguments are arg0 to arg11", "           ^~~~~\n");
	fails("span:f(arg999)..g(arg0)", "arguments are arg0 to arg11", "           ^~~~~~\n");
	fails("span:f(arg0,arg1,tid)..g(arg0)", "at most 2 keys", "                     ^~~\n");
	fails("span:f(ret)..g(arg0)", "no 'ret': a function that is entered",
	      "           ^~~ write FUNC:return(ret)");
	fails("span:usdt:a:b(ret)..g(arg0)", "no 'ret': a mark returns nothing", "                  ^~~\n");
	fails("span:f(arg0,arg1)..g(arg0)", "the same number of keys: the first one has 2, this 1",
	      "                         ^~~~\n");
	fails("span:f(arg0)..g(arg0, tid)", "the first one has 1, this 2", "                    ^~~~~~~~~\n");
	fails("span:f(tid)..g(arg0)", "a thread never meets",
	      "                   ^~~~ write tid at both places");
	fails("span:f(arg0,arg1)..g:return(ret, tid)", "a thread never meets",
	      "                                     ^~~ write tid at both places");
}

static void test_timeout(void **state)
{
	struct probe_spec spec = parsed("span:f(arg0)..g(arg0) timeout=1.5min if(arg0 != 0)");

	(void)state;
	assert_int_equal(spec.modifiers.timeout_ns, 90000000000ULL);
	assert_int_equal(spec.modifiers.only_if.n, 1);
	spec_free(&spec);
	fails("span:f(arg0)..g(arg0) timeout=5", "'5' is no duration",
	      "                                  ^ write a number and its unit");
	fails("span:f(arg0)..g(arg0) timeout=", "'' is no duration", "                                  ^ ");
	fails("span:f(arg0)..g(arg0) timeout=0s", "longer than nothing",
	      "                                  ^~\n");
	fails("span:f(arg0)..g(arg0) timeout=999999999999d", "too long",
	      "                                  ^~~");
	fails("span:f(arg0)..g(arg0) timeout=1s timeout=2s", "'timeout=' is given twice",
	      "                                     ^~~~~~~~~~\n");
	fails("span:f(arg0)..g(arg0) timout=1s", "unknown modifier 'timout='",
	      "^~~~~~~ nearest is 'timeout='");
	fails("f timeout=5s", "'timeout=' is for 'span:' probes", "              ^~ leave it out");
}

static void test_kinds_wrong(void **state)
{
	(void)state;
	fails("loop:x", "'loop' is a measure by itself", "        ^~ write loop");
	parses("/lib/loop:x", SPEC_OBJECT_PATH, "/lib/loop", "x", NULL, false);
	fails("f ()", "unexpected blank before '('", "     ^ write FUNC");
	fails("libx:ns::f (int)", "unexpected blank before '('", "              ^ write FUNC");
}

/* ---- modifiers ------------------------------------------------------------------------------- */

static void test_modifiers(void **state)
{
	const char *text =
		"f ok(ret == 0) err(int ret < 0)  hit(arg0 > 1) if(arg1 & 4 && uint8_t arg2 != 'x') "
		"value(size=size_t arg3) value(n = ret)";
	struct probe_spec spec = parsed(text);
	const struct spec_modifiers *m = &spec.modifiers;

	(void)state;
	assert_string_equal(spec.function, "f");
	assert_int_equal(m->ok.n, 1);
	assert_int_equal(m->ok.test[0].operand.source, SPEC_RET);
	assert_int_equal(m->ok.test[0].operand.bytes, 0);
	assert_int_equal(m->ok.at, 2);
	assert_int_equal(m->ok.length, strlen("ok(ret == 0)"));
	assert_int_equal(m->err.n, 1);
	assert_int_equal(m->err.test[0].operand.bytes, 4);
	assert_true(m->err.test[0].operand.is_signed);
	assert_int_equal(m->err.test[0].operand.at, strstr(text, "int ret") - text);
	assert_int_equal(m->err.test[0].operand.length, strlen("int ret"));
	assert_int_equal(m->hit.test[0].op, LAPSE_OP_GT);
	assert_int_equal(m->only_if.n, 2);
	assert_int_equal(m->only_if.test[0].op, LAPSE_OP_AND);
	assert_int_equal(m->only_if.test[1].operand.arg, 2);
	assert_int_equal(m->only_if.test[1].constant, 'x');
	assert_int_equal(m->n_values, 2);
	assert_string_equal(m->values[0].name, "size");
	assert_int_equal(m->values[0].operand.arg, 3);
	assert_int_equal(m->values[0].operand.bytes, 8);
	assert_false(m->values[0].operand.is_signed);
	assert_string_equal(m->values[1].name, "n");
	assert_int_equal(m->values[1].operand.source, SPEC_RET);
	spec_free(&spec);
}

static void test_modifiers_after_signatures(void **state)
{
	struct probe_spec spec = parsed("ns::f(int, char) const err(bool ret == false)");

	(void)state;
	assert_string_equal(spec.function, "ns::f(int, char) const");
	assert_int_equal(spec.modifiers.err.n, 1);
	spec_free(&spec);
	spec = parsed("ngx_* ok(arg0 == ')' && arg1 == '\\'')");
	assert_true(spec.glob);
	assert_int_equal(spec.modifiers.ok.test[0].constant, ')');
	assert_int_equal(spec.modifiers.ok.test[1].constant, '\'');
	spec_free(&spec);
	spec = parsed("span:f(tid)..g:return(tid) err(int ret == -EAGAIN) value(x=arg1)");
	assert_int_equal(spec.modifiers.err.test[0].constant, -EAGAIN);
	spec_free(&spec);
	parses("f(int) noexcept(true)", SPEC_OBJECT_ANY, NULL, "f(int) noexcept(true)", NULL, false);
}

static void test_modifiers_wrong(void **state)
{
	(void)state;
	fails("err(ret < 0)", "a modifier without its probe", "    ^~~~~~~~~~~~ quote both together");
	fails("f eror(ret < 0)", "unknown modifier 'eror()'", "      ^~~~~ nearest is 'err()'");
	fails("f(int) eror(ret < 0)", "unknown modifier 'eror()'", "           ^~~~~ nearest is 'err()'");
	fails("f vlaue(x=ret)", "unknown modifier 'vlaue()'", "      ^~~~~~ nearest is 'value()'");
	fails("f frobnicate(ret)", "unknown modifier 'frobnicate()'",
	      "      ^~~~~~~~~~~ modifiers are ok(), err()");
	fails("f err=ret", "unknown modifier 'err='", "      ^~~~ ");
	fails("f ok(ret == 0) slow", "unexpected text", "                   ^~~~ modifiers are");
	fails("f ok(ret == 0)if(arg0 == 0)", "a blank stands before", "                  ^~");
	fails("f err (ret < 0)", "unexpected blank after 'err'", "      ^~~ write it without the blank");
	fails("f ok(ret == 0) err (ret < 0)", "unexpected blank after 'err'", "                   ^~~ ");
	fails("f err(ret < 0", "incomplete modifier", "      ^~~~~~~~~~~ the closing parenthesis is missing");
	fails("f err(ret < 0) err(ret == 5)", "'err()' is given twice",
	      "                   ^~~~~~~~~~~~~ join its tests by &&");
	fails("f err(arg0 == 1 && arg1 == 1 && arg2 == 1) ok(arg3 == 1 && arg4 == 1)",
	      "4 different arguments",
	      "                                                               ^~~~\n");
	fails("span:f(arg0,arg1)..g(arg7,arg8) ok(arg2 == 1 && arg3 == 1 && arg4 == 1)",
	      "4 different arguments, keys included", "^~~~\n");
	fails("span:f(arg0)..g(arg0) err(ret < 0)", "there is no 'ret': this span does not end",
	      "                              ^~~ write ..FUNC:return(KEY)");
	fails("span:f(arg0)..usdt:a:b(arg0) value(x=ret)", "there is no 'ret'", "^~~ write");
}

static void test_values_wrong(void **state)
{
	(void)state;
	fails("f value()", "a value needs a name", "            ^ write value(NAME=int arg1)");
	fails("f value(ret)", "a value needs a name", "            ^~~ write value(NAME=int arg1)");
	fails("f value(=ret)", "made of letters", "            ^\n");
	fails("f value(1a=ret)", "made of letters", "            ^~\n");
	fails("f value(a-b=ret)", "a value needs a name", "            ^~~~~~~");
	fails("f value(ret == 0)", "a value needs a name", "            ^~~~~~~~");
	fails("f value(n=)", "argN or ret is missing", "              ^ write argN or ret");
	fails("f value(n=int)", "'int' is neither argN nor ret", "              ^~~ ");
	fails("f value(n=ret > 0)", "unexpected text after the value", "                  ^~~ ");
	fails("f value(n=ret) value(n=arg0)", "a value 'n' already",
	      "                         ^ give it another");
	fails("f value(aaaaaaaaaaaaaaaaaaaaaaaa=ret)", "at most 23 characters", "            ^~~~");
	fails("f value(a=ret) value(b=ret) value(c=ret) value(d=ret) value(e=ret)", "at most 4 values",
	      "                                                                ^\n");
	fails("f value(n=double ret)", "floating-point values are in other registers",
	      "              ^~~~~~ ");
}

/* ---- expressions ----------------------------------------------------------------------------- */

/* "f if(EXPR)" with the one test of @expr. */
static struct spec_test test_of(const char *expr)
{
	struct spec_test test;
	struct probe_spec spec;
	char text[128];

	snprintf(text, sizeof(text), "f if(%s)", expr);
	spec = parsed(text);
	assert_int_equal(spec.modifiers.only_if.n, 1);
	test = spec.modifiers.only_if.test[0];
	spec_free(&spec);
	return test;
}

static void has_type(const char *type, uint8_t bytes, bool is_signed)
{
	struct spec_test test;
	char expr[64];

	snprintf(expr, sizeof(expr), "%s arg0 == 1", type);
	test = test_of(expr);
	assert_int_equal(test.operand.bytes, bytes);
	assert_int_equal(test.operand.is_signed, is_signed);
}

static void test_types(void **state)
{
	(void)state;
	has_type("", 0, false);
	has_type("char", 1, '\xff' < 0);
	has_type("signed char", 1, true);
	has_type("unsigned char", 1, false);
	has_type("short", 2, true);
	has_type("unsigned short int", 2, false);
	has_type("int", 4, true);
	has_type("signed", 4, true);
	has_type("unsigned", 4, false);
	has_type("const unsigned int", 4, false);
	has_type("int unsigned", 4, false);
	has_type("long", 8, true);
	has_type("unsigned long", 8, false);
	has_type("long  long", 8, true);
	has_type("long unsigned int", 8, false);
	has_type("unsigned long long", 8, false);
	has_type("bool", 1, false);
	has_type("_Bool", 1, false);
	has_type("size_t", 8, false);
	has_type("ssize_t", 8, true);
	has_type("off_t", 8, true);
	has_type("pid_t", 4, true);
	has_type("int8_t", 1, true);
	has_type("int16_t", 2, true);
	has_type("int32_t", 4, true);
	has_type("int64_t", 8, true);
	has_type("uint8_t", 1, false);
	has_type("uint16_t", 2, false);
	has_type("uint32_t", 4, false);
	has_type("uint64_t", 8, false);
	has_type("u8", 1, false);
	has_type("u64", 8, false);
	has_type("s16", 2, true);
	has_type("s32", 4, true);
	has_type("void *", 8, false);
	has_type("const char *const", 8, false);
	has_type("struct foo **", 8, false);
	has_type("ns::foo*", 8, false);
	has_type("double *", 8, false);
}

static void test_types_wrong(void **state)
{
	(void)state;
	fails("f if(float arg0 == 1)", "floating-point values are in other registers", "         ^~~~~ ");
	fails("f if(long double arg0 == 1)", "floating-point", "         ^~~~~~~~~~~ ");
	fails("f if(unit32_t arg0 == 1)", "unknown type 'unit32_t'",
	      "         ^~~~~~~~ nearest is 'uint32_t'");
	fails("f if(itn arg0 == 1)", "unknown type 'itn'", "         ^~~ nearest is 'int'");
	fails("f if(struct foo arg0 == 1)", "unknown type 'struct foo'", "         ^~~~~~~~~~ types are C's");
	fails("f if(long short arg0 == 1)", "unknown type", "         ^~~~~~~~~~ ");
	fails("f if(long char arg0 == 1)", "unknown type", "         ^~~~~~~~~ ");
	fails("f if(unsigned size_t arg0 == 1)", "unknown type", "         ^~~~~~~~~~~~~~~ ");
	fails("f if(*arg0 == 1)", "unknown type '*'", "         ^ types");
	fails("f if((int)arg0 == 1)", "unknown type '(int)'", "         ^~~~~ ");
}

static void is_test(const char *expr, enum lapse_op op, int64_t constant)
{
	struct spec_test test = test_of(expr);

	assert_int_equal(test.op, op);
	if (test.constant != constant)
		fail_msg("'%s' gave %lld", expr, (long long)test.constant);
}

static void test_operators_and_constants(void **state)
{
	(void)state;
	is_test("ret == 1", LAPSE_OP_EQ, 1);
	is_test("ret!=1", LAPSE_OP_NE, 1);
	is_test("ret<-1", LAPSE_OP_LT, -1);
	is_test(" ret <= - 1 ", LAPSE_OP_LE, -1);
	is_test("ret>0x1F", LAPSE_OP_GT, 31);
	is_test("ret >= 0644", LAPSE_OP_GE, 0644);
	is_test("arg11&0x10", LAPSE_OP_AND, 16);
	is_test("ret == 'a'", LAPSE_OP_EQ, 'a');
	is_test("ret == '\\n'", LAPSE_OP_EQ, '\n');
	is_test("ret == '\\0'", LAPSE_OP_EQ, 0);
	is_test("void *ret == NULL", LAPSE_OP_EQ, 0);
	is_test("bool ret == true", LAPSE_OP_EQ, 1);
	is_test("bool ret != false", LAPSE_OP_NE, 0);
	is_test("ret == EAGAIN", LAPSE_OP_EQ, EAGAIN);
	is_test("ret == -ETIMEDOUT", LAPSE_OP_EQ, -ETIMEDOUT);
	is_test("ret == -9223372036854775808", LAPSE_OP_EQ, INT64_MIN);
	is_test("ret == 0xffffffffffffffff", LAPSE_OP_EQ, -1);
	is_test("uint64_t ret > 0xfffffffffffffffe", LAPSE_OP_GT, -2);
}

/* As C compares: (size_t)-1, MAP_FAILED; narrower types than int never are -1. */
static void test_ranges(void **state)
{
	(void)state;
	is_test("void *ret == -1", LAPSE_OP_EQ, -1);
	is_test("size_t ret != -1", LAPSE_OP_NE, -1);
	is_test("unsigned ret == -1", LAPSE_OP_EQ, 0xffffffff);
	is_test("int ret & 0x80000000", LAPSE_OP_AND, 0x80000000);
	is_test("uint8_t ret & -1", LAPSE_OP_AND, 0xff);
	is_test("uint8_t ret < 255", LAPSE_OP_LT, 255);
	is_test("int8_t ret >= -127", LAPSE_OP_GE, -127);
	fails("f if(uint8_t ret == 300)", "'uint8_t ret == 300' can never hold",
	      "                        ^~~ uint8_t is 0 to 255\n");
	fails("f if(uint8_t ret == -1)", "can never hold", "                        ^~ ");
	fails("f if(uint8_t ret != 300)", "always holds", "                        ^~~ ");
	fails("f if(unsigned ret < 0)", "can never hold",
	      "                        ^ unsigned is 0 to 4294967295\n");
	fails("f if(unsigned ret >= 0)", "always holds", "                         ^ ");
	fails("f if(int8_t ret > 127)", "can never hold",
	      "                      ^~~ int8_t is -128 to 127\n");
	fails("f if(int8_t ret <= 127)", "always holds", "                       ^~~ ");
	fails("f if(int8_t ret <= -129)", "can never hold", "                       ^~~~ ");
	fails("f if(int8_t ret < 128)", "always holds", "                      ^~~ ");
	fails("f if(int8_t ret > -129)", "always holds", "                      ^~~~ ");
	fails("f if(int8_t ret >= 128)", "can never hold", "                       ^~~ ");
	fails("f if(int ret == 0xffffffff)", "can never hold", "                    ^~~~~~~~~~ ");
	fails("f if(bool ret == 2)", "can never hold", "                     ^ bool is 0 to 1\n");
	fails("f if(uint8_t ret & 0x100)", "can never hold", "                       ^~~~~ ");
	fails("f if(ret & 0)", "no bit in 0", "               ^ ");
	fails("f if(ret > 0x8000000000000000)", "can never hold",
	      "               ^~~~~~~~~~~~~~~~~~ without a type it is a long");
	fails("f if(void *ret < 0)", "can never hold",
	      "                     ^ void * is 0 to 18446744073709551615\n");
}

static void test_four_tests(void **state)
{
	struct probe_spec spec = parsed("f if(ret>1&&ret<9 && ret != 5&& arg0 == 1)");

	(void)state;
	assert_int_equal(spec.modifiers.only_if.n, 4);
	spec_free(&spec);
	fails("f if(ret > 1 && ret < 9 && ret != 5 && ret != 6 && ret != 7)", "at most 4 tests",
	      "                                                       ^~~~~~~~");
}

static void test_expressions_wrong(void **state)
{
	(void)state;
	fails("f err()", "argN or ret is missing", "          ^ ");
	fails("f err(ret)", "an operator is missing", "             ^ a test is");
	fails("f err(ret 0)", "an operator is missing", "              ^ a test is");
	fails("f err(ret && arg0 == 1)", "an operator is missing", "              ^~ a test is");
	fails("f err(ret = 1)", "unknown operator '='", "              ^ operators are ==");
	fails("f err(ret => 1)", "unknown operator '=>'", "              ^~ operators are");
	fails("f err(ret << 1)", "unknown operator '<<'", "              ^~ operators are");
	fails("f err(ret + 1)", "an operator is missing", "              ^ ");
	fails("f err(ret <)", "the constant is missing", "               ^ constants are");
	fails("f err(ret < -)", "the constant is missing", "                 ^ constants are");
	fails("f err(ret < 5ms)", "'5ms' is no number", "                ^~~ write a whole number");
	fails("f err(ret < 0.5)", "'0.5' is no number", "                ^~~ ");
	fails("f err(ret < 089)", "'089' is no number", "                ^~~ ");
	fails("f err(ret < 0x)", "'0x' is no number", "                ^~ ");
	fails("f err(ret == 18446744073709551616)", "does not fit in 64 bits",
	      "                 ^~~~~~~~~~~~~~~~~~~~");
	fails("f err(ret == -9223372036854775809)", "does not fit in 64 bits",
	      "                 ^~~~~~~~~~~~~~~~~~~~");
	fails("f err(ret == 'ab')", "no character", "                 ^~~~ ");
	fails("f err(ret == '\\q')", "no character", "                 ^~~~ ");
	fails("f err(ret == -EAGIAN)", "unknown constant 'EAGIAN'",
	      "                  ^~~~~~ nearest is 'EAGAIN'");
	fails("f err(ret == arg0)", "unknown constant 'arg0'", "                 ^~~~ constants are");
	fails("f err(ret == )", "the constant is missing", "                ^ constants are");
	fails("f err(ret == *)", "instead of a constant", "                 ^ constants are");
	fails("f err(ret & 4 != 0)", "unexpected text after the constant",
	      "                  ^~~~ tests are joined");
	fails("f err(ret < 0 || ret > 5)", "joined by && only", "                  ^~ write two probes");
	fails("f err(ret < 0 &&)", "argN or ret is missing", "                    ^");
	fails("f err(0 > ret)", "'0' is neither argN nor ret", "          ^ ");
	fails("f err(int rte < 0)", "'rte' is neither argN nor ret", "              ^~~ nearest is 'ret'");
	fails("f err(arg < 0)", "'arg' is neither argN nor ret", "          ^~~ nearest is 'arg0'");
	fails("f err(tid == 5)", "'tid' is for the keys of a span", "          ^~~ write argN or ret");
	fails("f err(arg12 == 5)", "arguments are arg0 to arg11", "          ^~~~~\n");
	fails("f err(int arg4000 == 5)", "neither argN nor ret", "              ^~~~~~~ ");
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
		cmocka_unit_test(test_functions),
		cmocka_unit_test(test_objects),
		cmocka_unit_test(test_names_and_globs),
		cmocka_unit_test(test_errors),
		cmocka_unit_test(test_absent_kinds),
		cmocka_unit_test(test_kinds),
		cmocka_unit_test(test_marks_wrong),
		cmocka_unit_test(test_markers_wrong),
		cmocka_unit_test(test_syscalls_wrong),
		cmocka_unit_test(test_loop_wrong),
		cmocka_unit_test(test_spans),
		cmocka_unit_test(test_spans_with_paths_and_signatures),
		cmocka_unit_test(test_spans_wrong),
		cmocka_unit_test(test_keys_wrong),
		cmocka_unit_test(test_kinds_wrong),
		cmocka_unit_test(test_timeout),
		cmocka_unit_test(test_modifiers),
		cmocka_unit_test(test_modifiers_after_signatures),
		cmocka_unit_test(test_modifiers_wrong),
		cmocka_unit_test(test_values_wrong),
		cmocka_unit_test(test_types),
		cmocka_unit_test(test_types_wrong),
		cmocka_unit_test(test_operators_and_constants),
		cmocka_unit_test(test_ranges),
		cmocka_unit_test(test_four_tests),
		cmocka_unit_test(test_expressions_wrong),
		cmocka_unit_test(test_too_long),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
