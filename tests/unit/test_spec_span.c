// SPDX-License-Identifier: GPL-2.0-or-later
/* Spans from place to place: their ends, keys and timeouts. */
#include "specs.h"

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
	      "                                  ^~ write 1ms or more\n");
	fails("span:f(arg0)..g(arg0) timeout=999999999999d", "too long",
	      "                                  ^~~~~~~~~~~~~ write 24h or less\n");
	fails("span:f(arg0)..g(arg0) timeout=1s timeout=2s", "'timeout=' is given twice",
	      "                                     ^~~~~~~~~~\n");
	fails("span:f(arg0)..g(arg0) timout=1s", "unknown modifier 'timout='",
	      "^~~~~~~ nearest is 'timeout='");
	fails("f timeout=5s", "'timeout=' is for 'span:' probes", "              ^~ leave it out");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_spans),	    cmocka_unit_test(test_spans_with_paths_and_signatures),
		cmocka_unit_test(test_spans_wrong), cmocka_unit_test(test_keys_wrong),
		cmocka_unit_test(test_timeout),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
