// SPDX-License-Identifier: GPL-2.0-or-later
/* Types of results and arguments, in the versions of DWARF and of both compilers. */
#include "fixture.h"

#include "probe/symbols.h"
#include "probe/types.h"

struct expected {
	const char *function;
	const char *types; /* as describe() writes them */
};

/* "int32 (uint8@0, ptr64@1, ...)": kind and bits; and where an argument is. */
static void describe_value(FILE *out, const struct value_type *type)
{
	static const char *const names[] = {
		[TYPE_UNKNOWN] = "?",	     [TYPE_VOID] = "void",   [TYPE_BOOL] = "bool",
		[TYPE_ENUM] = "enum",	     [TYPE_POINTER] = "ptr", [TYPE_FLOATING] = "float",
		[TYPE_AGGREGATE] = "struct",
	};
	bool number = type->kind == TYPE_INTEGER || type->kind == TYPE_ENUM;

	if (type->kind == TYPE_INTEGER)
		fprintf(out, "%sint", type->is_signed ? "" : "u");
	else
		fprintf(out, "%s%s", names[type->kind], number && type->is_signed ? "-" : "");
	if (type->bytes)
		fprintf(out, "%d", type->bytes * 8);
}

static void describe(const struct function_types *types, char *text, size_t size)
{
	FILE *out = fmemopen(text, size, "w");

	assert_non_null(out);
	describe_value(out, &types->ret);
	fprintf(out, " (");
	for (size_t i = 0; i < types->n_args; i++) {
		fprintf(out, "%s", i ? ", " : "");
		describe_value(out, &types->args[i].type);
		fprintf(out, "@%d", types->args[i].slot);
	}
	fprintf(out, "%s)", types->more ? types->n_args ? ", ..." : "..." : "");
	fclose(out);
}

static void expect(const struct object *object, const struct expected *expected)
{
	struct function_types types;
	struct matches matches;
	char text[256];

	assert_int_equal(symbols_match(object, expected->function, false, &matches), 0);
	if (matches.n != 1)
		fail_msg("%zu functions are called %s", matches.n, expected->function);
	assert_int_equal(types_of(object, matches.list[0].function, &types), 0);
	assert_true(types.known);
	describe(&types, text, sizeof(text));
	if (strcmp(text, expected->types) != 0)
		fail_msg("%s: %s instead of %s", expected->function, text, expected->types);
	matches_free(&matches);
}

static void test_c(void **state)
{
	static const char *const files[] = {"typed.4", "typed.5", "typed.gz", "typed.clang"};
	static const struct expected functions[] = {
		{"typed_mixed", "int32 (int32@0, uint64@1, int8@2, bool8@3, enum32@4, ptr64@5, "
				"uint16@6, int8@7)"},
		{"typed_void", "void ()"},
		{"typed_floats", "float64 (int32@0, int64@1)"},
		{"typed_small", "struct (uint8@0, struct@1, ...)"},
		{"typed_large", "struct (int32@1, int64@2)"},
		{"typed_enum", "enum-32 (enum-32@0)"},
		{"typed_variadic", "uint8 (ptr64@0, ...)"},
		{"typed_many", "int32 (int32@0, int32@1, int32@2, int32@3, int32@4, int32@5, int64@6, "
			       "int8@7)"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
		struct object *object = fixture_open(files[i]);

		for (size_t k = 0; k < sizeof(functions) / sizeof(functions[0]); k++)
			expect(object, &functions[k]);
		object_close(object);
	}
}

static void test_cxx(void **state)
{
	static const char *const files[] = {"typed_cxx.4", "typed_cxx.5"};
	static const struct expected functions[] = {
		{"typed::server::handle", "int32 (ptr64@0, int64@1, ptr64@2, ptr64@3)"},
		{"typed::server::ready", "bool8 (uint8@0)"},
		/* The string is made where the first register says. */
		{"typed::server::name", "struct (ptr64@1, int32@2)"},
		{"typed::judge", "enum8 (enum8@0, int64@1, ptr64@2, struct@3, ...)"},
		{"typed::pair", "struct (int32@0)"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
		struct object *object = fixture_open(files[i]);

		for (size_t k = 0; k < sizeof(functions) / sizeof(functions[0]); k++)
			expect(object, &functions[k]);
		object_close(object);
	}
}

/* Debug information that lies in a file of its own. */
static void test_separate(void **state)
{
	struct object *object = fixture_open("timed.linked");

	(void)state;
	expect(object, &(struct expected){"timed_body", "void (uint64@0, ptr64@1)"});
	object_close(object);
}

static void expect_nothing(const char *name)
{
	struct object *object = fixture_open(name);
	struct function_types types;

	for (size_t i = 0; i < object->n_functions; i++) {
		assert_int_equal(types_of(object, &object->functions[i], &types), 0);
		assert_false(types.known);
		assert_int_equal(types.n_args, 0);
	}
	object_close(object);
}

/* No debug information, and some that has the functions without their types. */
static void test_unknown(void **state)
{
	(void)state;
	expect_nothing("timed.stripped");
	expect_nothing("typed.1");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_c),
		cmocka_unit_test(test_cxx),
		cmocka_unit_test(test_separate),
		cmocka_unit_test(test_unknown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
