// SPDX-License-Identifier: GPL-2.0-or-later
/* Go files: the fuzzer's seeds, one for each form that the table of functions has had. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/text.h"
#include "probe/go_check.h"
#include "probe/go_safety.h"
#include "probe/names.h"
#include "probe/placement.h"
#include "probe/retins.h"

static struct decoder *decoder;

/* The seeds' two functions. */
static const struct function *method(const struct object *object)
{
	assert_int_equal(object->n_functions, 2);
	assert_string_equal(object->functions[0].symbol, "main.(*t).f");
	assert_string_equal(object->functions[1].symbol, "runtime.morestack_noctxt");
	assert_int_equal(object->functions[0].size, 0x20);
	return &object->functions[0];
}

static void expect(const char *path, unsigned minor, enum go_kind second)
{
	int err;
	struct object *object = object_open(path, NULL, &err);

	assert_non_null(object);
	assert_true(object->go.built && object->go.has_table);
	assert_int_equal(object->go.minor, minor);
	assert_int_equal(method(object)->go, GO_FUNCTION);
	assert_int_equal(object->functions[1].go, second);
	object_close(object);
}

static void test_tables(void **state)
{
	(void)state;
	expect("tests/data/fuzz_elf/go_1.16", 17, GO_FUNCTION);
	expect("tests/data/fuzz_elf/go_1.18", 19, GO_ASSEMBLY);
	expect("tests/data/fuzz_elf/go_1.20", 21, GO_ASSEMBLY);
}

static void test_places(void **state)
{
	int err;
	struct object *object = object_open("tests/data/fuzz_elf/go_1.18", NULL, &err);
	const struct function *function = method(object);
	struct placement placement;
	struct retins retins;
	struct body body;

	(void)state;
	assert_int_equal(body_load(object, function, &body), 0);
	assert_int_equal(placement_choose(&body, decoder, true, &placement), 0);
	body_free(&body);
	assert_int_equal(placement.addr, function->addr + 4);
	assert_int_equal(placement.cls, LAPSE_CLASS_EMULATED);
	assert_true(placement.stack_check && placement.args_intact && !placement.self_jump);
	assert_int_equal(retins_find(object, function, decoder, &retins), 0);
	assert_int_equal(retins.n, 1);
	assert_int_equal(retins.addrs[0], function->addr + 14);
	object_close(object);
}

/* What begins with a comparison and does not grow its stack is no stack check. */
static void test_other_checks(void **state)
{
	static const uint8_t compares[] = {0x49, 0x3b, 0x66, 0x10, 0x76, 0x01, 0xc3, 0xeb, 0xf7};
	struct body body = {
		.parts = {{.addr = 0x1000, .bytes = (uint8_t *)compares, .size = sizeof(compares)}},
		.n_parts = 1,
		.sized = true,
		.go = true,
	};
	struct insn jump;

	(void)state;
	assert_false(go_check_find(&body, decoder, &jump));
}

static void test_safety(void **state)
{
	const struct safety insns = {.verdict = SAFETY_RETURN_INSNS, .switches = true};
	const struct safety forced = {.verdict = SAFETY_RETURN_PROBE};
	int err;
	struct object *object = object_open("tests/data/fuzz_elf/go_1.18", NULL, &err);
	struct function function = *method(object);
	struct safety safety = go_safety(&insns, object, &function);

	(void)state;
	assert_int_equal(safety.verdict, SAFETY_RETURN_INSNS);
	assert_true(safety.goroutine && !safety.switches);
	assert_int_equal(go_safety(&forced, object, &function).verdict, SAFETY_RETURN_PROBE);
	assert_int_equal(go_safety(&insns, object, &object->functions[1]).verdict, SAFETY_REFUSED);
	function.symbol = "main.f.abi0";
	assert_int_equal(go_safety(&insns, object, &function).verdict, SAFETY_REFUSED);
	function = (struct function){.symbol = "c_function", .addr = function.addr};
	assert_false(go_safety(&insns, object, &function).goroutine);
	object->go.minor = 16;
	assert_non_null(strstr(go_safety(&insns, object, &object->functions[0]).why, "Go 1.16"));
	object->go.has_table = false;
	assert_int_equal(go_safety(&insns, object, &function).verdict, SAFETY_REFUSED);
	object_close(object);
}

static void test_names(void **state)
{
	enum clone clone;

	(void)state;
	assert_int_equal(name_base("main.coldStart", &clone), strlen("main.coldStart"));
	assert_int_equal(clone, CLONE_NONE);
	assert_int_equal(name_base("main.part.func1", &clone), strlen("main.part.func1"));
	assert_int_equal(name_base("f.part.0.cold", &clone), 1);
	assert_false(text_is_glob("net/http.(*conn).serve"));
	assert_true(text_is_glob("net/http.(*conn).*"));
	assert_true(text_is_glob("f(*)"));
	assert_true(text_glob_match("main.(*t).*", "main.(*t).f"));
	assert_false(text_glob_match("main.(*t).*", "main.(*other.t).f"));
}

static int make_decoder(void **state)
{
	(void)state;
	decoder = decoder_new();
	return decoder ? 0 : -1;
}

static int free_decoder(void **state)
{
	(void)state;
	decoder_free(decoder);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_tables),	     cmocka_unit_test(test_places),
		cmocka_unit_test(test_other_checks), cmocka_unit_test(test_safety),
		cmocka_unit_test(test_names),
	};

	return cmocka_run_group_tests(tests, make_decoder, free_decoder);
}
