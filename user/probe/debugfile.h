/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Separate debug files, as distributions and objcopy(1) make them: found by build id or by the name
 * and checksum in .gnu_debuglink, in the root of the process that the file was opened for and in
 * lapse's own.
 */
#ifndef LAPSE_DEBUGFILE_H
#define LAPSE_DEBUGFILE_H

#include "probe/object.h"

/*
 * Looks for what @object lacks, symbols or debug information; object->debug then holds a file of
 * symbols, or of debug information alone where the object has symbols. Without such a file the
 * symbols in .gnu_debugdata serve. Never an error.
 */
void debugfile_open(struct object *object);

/* Writes the build id of @object in hexadecimal, "" where it has none. */
void debugfile_build_id(const struct object *object, char *hex, size_t size);

/*
 * Opens the file that dwz(1) moved common parts of debug information to: @name as written in
 * @object's debug information, with the build id @id. Returns an Elf of libelf and its *fd, or NULL.
 */
void *debugfile_supplement(const struct object *object, const char *name, const void *id, size_t size,
			   int *fd);

#endif
