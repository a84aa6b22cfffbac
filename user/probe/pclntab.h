/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The functions of a Go program, out of the table that its own runtime needs (.gopclntab): it is there
 * in stripped programs too, and tells what is Go's from the C that cgo links in.
 */
#ifndef LAPSE_PCLNTAB_H
#define LAPSE_PCLNTAB_H

#include "probe/object.h"

struct pclntab_function {
	const char *name; /* lives as long as the object */
	uint64_t addr;
	uint64_t size; /* up to the next function: the padding is part of it */
	bool assembly;
};

/*
 * Calls @each for every function of @object's table until it returns non-zero, which is passed on.
 * Returns -ENOENT where there is no table, or none to be believed; *minor is then as it was, else the
 * first minor version of Go 1 that writes such a table.
 */
int pclntab_each(const struct object *object, unsigned *minor,
		 int (*each)(void *context, const struct pclntab_function *function), void *context);

#endif
