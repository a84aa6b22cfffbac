/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The debug information (DWARF) of a file, its own or one found apart; opened when it is first asked for. */
#ifndef LAPSE_DEBUGINFO_H
#define LAPSE_DEBUGINFO_H

#include <stdbool.h>
#include <stdint.h>

#include "probe/object.h"

/* NULL where memory is out. */
struct debuginfo *debuginfo_new(void);
void debuginfo_free(struct debuginfo *info);

/* Whether @elf (an Elf of libelf) has debug information. */
bool debuginfo_present(void *elf);

/* The Dwarf of libdw, which lives as long as @object; NULL where it has none. */
void *debuginfo_dwarf(const struct object *object);

/*
 * The name of @die (a Dwarf_Die of libdw), or NULL. Unlike libdw's own function it reads no further than
 * the section goes.
 */
const char *debuginfo_name(const struct object *object, void *die);

/*
 * Finds the entry, as an offset in .debug_info, of the function that begins at @addr; false where there is
 * none, or where types were left out of the debug information (-g1).
 */
bool debuginfo_function(const struct object *object, uint64_t addr, uint64_t *entry);

#endif
