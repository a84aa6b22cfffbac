/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Separate debug files, found by the build id. */
#ifndef LAPSE_DEBUGFILE_H
#define LAPSE_DEBUGFILE_H

#include "probe/object.h"

/*
 * Opens ROOT/usr/lib/debug/.build-id/xx/yyyy.debug for @object, if it has a build id and that file
 * exists, has the same build id and a symbol table; object->debug then holds it. Never an error.
 */
void debugfile_open(struct object *object, const char *root);

#endif
