// SPDX-License-Identifier: GPL-2.0-or-later
/* Modifiers of probes: outcomes, filters, values, and the expressions in them. */
#include "specs.h"

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

int main(void)
{
	const struct CMUnitTest tests[] = {
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
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
