/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Symbols that distributions leave in stripped files: .gnu_debugdata, a small ELF file of its own,
 * packed by xz.
 */
#ifndef LAPSE_DEBUGDATA_H
#define LAPSE_DEBUGDATA_H

/*
 * Unpacks it out of @elf and opens it. Returns an Elf of libelf that has a symbol table and lies in
 * *image, which is to be freed after elf_end(); NULL where there is none, or none that is sound.
 */
void *debugdata_open(void *elf, void **image);

#endif
