/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The functions of an ELF file, out of .symtab and .dynsym together. */
#ifndef LAPSE_SYMTAB_H
#define LAPSE_SYMTAB_H

#include "probe/object.h"

/* Whether @elf (an Elf of libelf) has a .symtab with symbols in it. */
bool symtab_present(void *elf);

/* Fills object->functions and has_symtab. Returns 0 or -ENOMEM; broken tables count as empty. */
int symtab_load(struct object *object);

/* Puts object->functions in their order: by address, then size, then name. */
void symtab_sort(struct object *object);

/*
 * Calls @each for every symbol of both tables of @elf (an Elf of libelf), defined or not, until it
 * returns non-zero, which is passed on.
 */
int symtab_each(void *elf, int (*each)(void *context, const char *name, bool defined), void *context);

#endif
