/* SPDX-License-Identifier: GPL-2.0-or-later */
/* C types of a function's result and arguments, as its debug information tells. */
#ifndef LAPSE_TYPES_H
#define LAPSE_TYPES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "probe/object.h"

#define TYPES_MAX_ARGS 12

enum type_kind {
	TYPE_UNKNOWN,
	TYPE_VOID,
	TYPE_INTEGER, /* characters too */
	TYPE_BOOL,
	TYPE_ENUM,
	TYPE_POINTER, /* references too */
	TYPE_FLOATING,
	TYPE_AGGREGATE, /* a struct by value, or what else takes more than one register */
};

struct value_type {
	enum type_kind kind;
	uint8_t bytes; /* of what fits a register; else 0 */
	bool is_signed;
};

/*
 * Arguments are counted as probes count them: integers and pointers, from 0, with a method's `this` the
 * first. What travels in other registers or on the stack alone is left out. .slot tells where the
 * argument is at entry: 0 to 5 are rdi to r9, 6 and above words of the stack above the return
 * address. It differs from the index where the first register holds the place for a large result.
 */
struct argument_type {
	struct value_type type;
	uint8_t slot;
};

struct function_types {
	bool known; /* there is debug information of the function */
	struct value_type ret;
	struct argument_type args[TYPES_MAX_ARGS];
	size_t n_args;
	/*
	 * There may be more arguments than n_args, of which nothing is known: behind a struct by value
	 * (then args[n_args - 1] is TYPE_AGGREGATE), in variadic functions, and where the compiler
	 * changed the parameters of a copy of the function.
	 */
	bool more;
};

/*
 * Reads the types of @function. Returns 0, with .known unset where nothing tells, or -EOPNOTSUPP for a
 * language whose calls are not like C's. No message.
 */
int types_of(const struct object *object, const struct function *function, struct function_types *types);

#endif
