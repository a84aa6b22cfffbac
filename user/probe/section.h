/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Sections of an ELF file by name. */
#ifndef LAPSE_SECTION_H
#define LAPSE_SECTION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct section {
	const uint8_t *bytes; /* as they lie in the file; NULL where the file has none */
	size_t size;	      /* of the bytes */
	uint64_t addr;
};

/* Finds the first section called @name in @elf (an Elf of libelf), whose bytes live as long as it. */
bool section_find(void *elf, const char *name, struct section *section);

#endif
