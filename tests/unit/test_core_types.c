// SPDX-License-Identifier: GPL-2.0-or-later
/* The kernel's types that a program names: which are taken, and that they lie as they did. */
#include "kernel/core_types.h"
#include "kernel/kernel_types.h"

#include <bpf/btf.h>
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* struct inner { int a; struct far *far; };  struct far { int x; };  struct alone { int y; };
 * typedef struct inner inner_t;  struct outer { int first; inner_t rows[3]; };  enum colour { RED = 7 }; */
static struct btf *kernel(void)
{
	struct btf *btf = btf__new_empty();
	int number = btf__add_int(btf, "int", 4, BTF_INT_SIGNED), far, inner, rows;

	far = btf__add_struct(btf, "far", 4);
	btf__add_field(btf, "x", number, 0, 0);
	far = btf__add_ptr(btf, far);
	inner = btf__add_struct(btf, "inner", 16);
	btf__add_field(btf, "a", number, 0, 0);
	btf__add_field(btf, "far", far, 64, 0);
	rows = btf__add_array(btf, number, btf__add_typedef(btf, "inner_t", inner), 3);
	btf__add_struct(btf, "alone", 4);
	btf__add_field(btf, "y", number, 0, 0);
	btf__add_struct(btf, "outer", 56);
	btf__add_field(btf, "first", number, 0, 0);
	btf__add_field(btf, "rows", rows, 64, 0);
	btf__add_enum(btf, "colour", 4);
	btf__add_enum_value(btf, "RED", 7);
	return btf;
}

static struct btf *reduced(const char *name)
{
	struct btf *from = kernel(), *local = btf__new_empty(), *types;
	struct kernel_types kernel_types;
	void *data, *reduced_data;
	size_t reduced_size;
	__u32 size;

	btf__add_struct(local, name, 4);
	data = (void *)btf__raw_data(from, &size);
	assert_int_equal(kernel_types_of(data, size, &kernel_types), 0);
	assert_int_equal(core_types_of(&kernel_types, local, &reduced_data, &reduced_size), 0);
	types = btf__new(reduced_data, reduced_size);
	assert_non_null(types);
	kernel_types_close(&kernel_types);
	free(reduced_data);
	btf__free(from);
	btf__free(local);
	return types;
}

static int find(const struct btf *btf, const char *name)
{
	return btf__find_by_name(btf, name);
}

/* What it holds comes along, as large and in the same place; what it points to and all others do not. */
static void what_lies_inside(void **state)
{
	struct btf *types = reduced("outer");
	const struct btf_type *outer = btf__type_by_id(types, find(types, "outer")), *rows;

	(void)state;
	assert_int_equal(outer->size, 56);
	assert_int_equal(btf_vlen(outer), 2);
	assert_string_equal(btf__name_by_offset(types, btf_members(outer)[1].name_off), "rows");
	assert_int_equal(btf_member_bit_offset(outer, 1), 64);
	rows = btf__type_by_id(types, btf_members(outer)[1].type);
	assert_int_equal(btf_array(rows)->nelems, 3);
	assert_int_equal(btf__resolve_size(types, btf_members(outer)[1].type), 48);
	assert_int_equal(btf__resolve_type(types, btf_array(rows)->type), find(types, "inner"));
	assert_true(find(types, "far") < 0);
	assert_true(find(types, "alone") < 0);
	assert_true(find(types, "colour") < 0);
	btf__free(types);
}

/* A pointer stays one, to nothing. */
static void pointers(void **state)
{
	struct btf *types = reduced("inner");
	const struct btf_type *inner = btf__type_by_id(types, find(types, "inner"));
	const struct btf_type *far = btf__type_by_id(types, btf_members(inner)[1].type);

	(void)state;
	assert_true(btf_is_ptr(far));
	assert_int_equal(far->type, 0);
	assert_true(find(types, "outer") < 0);
	btf__free(types);
}

/* A version of a type of the programs' own means the kernel's by the plain name. */
static void versions(void **state)
{
	struct btf *types = reduced("far___older");

	(void)state;
	assert_true(find(types, "far") > 0);
	assert_int_equal(btf__type_cnt(types), 3);
	btf__free(types);
	types = reduced("far____older");
	assert_int_equal(btf__type_cnt(types), 1);
	btf__free(types);
}

static void enumerators(void **state)
{
	struct btf *types = reduced("colour");
	const struct btf_type *colour = btf__type_by_id(types, find(types, "colour"));

	(void)state;
	assert_int_equal(btf_enum(colour)->val, 7);
	btf__free(types);
}

/* Names stand in the kernel's description in any order, and one may end with another. */
static struct btf *described(void)
{
	struct btf *btf = btf__new_empty();
	int number = btf__add_int(btf, "int", 4, BTF_INT_SIGNED), type;

	btf__add_typedef(btf, "my_number", number);
	btf__add_typedef(btf, "number", number);
	type = btf__add_func_proto(btf, 0);
	btf__add_func_param(btf, "a", number);
	btf__add_func_param(btf, "b", number);
	btf__add_func(btf, "plus", BTF_FUNC_GLOBAL, type);
	btf__add_typedef(btf, "btf_trace_wake", btf__add_ptr(btf, type));
	btf__add_func(btf, "number", BTF_FUNC_GLOBAL, btf__add_func_proto(btf, 0));
	return btf;
}

static void looked_up(void **state)
{
	struct btf *btf = described();
	struct kernel_types types;
	const void *data;
	__u32 size;

	(void)state;
	data = btf__raw_data(btf, &size);
	assert_int_equal(kernel_types_of(data, size, &types), 0);
	assert_int_equal(types.n, btf__type_cnt(btf));
	assert_int_equal(kernel_type_find(&types, "number", BTF_KIND_TYPEDEF),
			 btf__find_by_name_kind(btf, "number", BTF_KIND_TYPEDEF));
	assert_int_equal(kernel_type_find(&types, "number", BTF_KIND_STRUCT), -ENOENT);
	assert_int_equal(kernel_type_find(&types, "umber", BTF_KIND_TYPEDEF), -ENOENT);
	assert_int_equal(kernel_function_arguments(&types, "plus"), 2);
	assert_int_equal(kernel_function_arguments(&types, "number"), 0);
	assert_int_equal(kernel_function_arguments(&types, "minus"), -ENOENT);
	/* The first argument is the kernel's own. */
	assert_int_equal(kernel_tracepoint_arguments(&types, "wake"), 1);
	assert_int_equal(kernel_tracepoint_arguments(&types, "sleep"), -ENOENT);
	kernel_types_close(&types);
	btf__free(btf);
}

/* Of the kernel that runs, if it describes its types. */
static void read_beside(void **state)
{
	struct kernel_types beside, alone;
	int err, id;

	(void)state;
	kernel_types_begin();
	kernel_types_begin();
	err = kernel_types_open(&beside);
	assert_int_equal(kernel_types_open(&alone), err);
	assert_int_equal(beside.n, alone.n);
	id = kernel_type_find(&beside, "task_struct", BTF_KIND_STRUCT);
	assert_int_equal(kernel_type_find(&alone, "task_struct", BTF_KIND_STRUCT), id);
	if (!err) {
		assert_true(id > 0);
		assert_string_equal(kernel_type_name(&beside, kernel_type(&beside, (uint32_t)id)->name_off),
				    "task_struct");
	}
	kernel_types_close(&beside);
	kernel_types_close(&alone);
}

/* What is cut off, or of a kind that nobody knows, is refused, and nothing beyond its end is read. */
static void broken(void **state)
{
	struct btf *btf = described();
	struct kernel_types types;
	const void *data;
	uint8_t *copy;
	__u32 size;

	(void)state;
	data = btf__raw_data(btf, &size);
	for (size_t n = 0; n < size; n++) {
		copy = malloc(n + 1);
		memcpy(copy, data, n);
		assert_true(kernel_types_of(copy, n, &types) < 0);
		kernel_types_close(&types);
		free(copy);
	}
	copy = malloc(size);
	memcpy(copy, data, size);
	((struct btf_type *)(copy + sizeof(struct btf_header)))->info = 31U << 24;
	assert_int_equal(kernel_types_of(copy, size, &types), -EINVAL);
	kernel_types_close(&types);
	free(copy);
	btf__free(btf);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_lies_inside), cmocka_unit_test(pointers),
		cmocka_unit_test(versions),	    cmocka_unit_test(enumerators),
		cmocka_unit_test(looked_up),	    cmocka_unit_test(read_beside),
		cmocka_unit_test(broken),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
