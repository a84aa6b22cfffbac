/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Functions that the compiler inlined away, as the debug information tells. */
#ifndef LAPSE_INLINED_H
#define LAPSE_INLINED_H

#include "probe/object.h"

/*
 * Looks for a function called @name that the debug information of @object knows to be inlined.
 * Returns false where there is none. Where it is cheap to tell, @into gets the name of a function
 * that it was inlined into, else "".
 */
bool inlined_find(const struct object *object, const char *name, char *into, size_t size);

#endif
