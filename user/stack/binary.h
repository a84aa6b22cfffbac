/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The files that processes have mapped, each opened once, and the names of their functions. */
#ifndef LAPSE_STACK_BINARY_H
#define LAPSE_STACK_BINARY_H

#include "probe/object.h"
#include "probe/target.h"
#include "stack/pool.h"

struct binary;

struct binaries {
	struct binary *known; /* by file id */
	struct pool *pool;
	size_t n_held;
};

void binaries_free(struct binaries *binaries);

/*
 * The entry for @file. What only the living process leads to (deleted files, those of other mount
 * namespaces) is opened at once, to be there when it has ended. NULL where memory is out.
 */
struct binary *binaries_get(struct binaries *binaries, const struct mapped_file *file);

/* The entry for the vdso, which is the same in all processes of lapse's own kind. */
struct binary *binaries_vdso(struct binaries *binaries);

/* The file's contents, read when first asked for; NULL with *err set where it cannot be. */
const struct object *binary_object(struct binary *binary, int *err);

/*
 * The name of the function at @place, an offset in the file, and in *within how far into it that is. NULL
 * where no symbol tells, or without the object.
 */
const char *binary_function(struct binaries *binaries, struct binary *binary, uint64_t place,
			    uint64_t *within);

/* The address as linked of @place, an offset in the file's code; 0 where it is not in the code, or without
 * the object. */
uint64_t binary_address(struct binary *binary, uint64_t place);

/* In hexadecimal; "" where there is none. */
const char *binary_build_id(struct binaries *binaries, struct binary *binary);

#endif
