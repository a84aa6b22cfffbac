// SPDX-License-Identifier: GPL-2.0-or-later
#include "kernel/self_offset.h"

#include <errno.h>
#include <link.h>
#include <stdbool.h>

struct wanted {
	uintptr_t address;
	uint64_t offset;
	bool found;
};

/* The first object that dl_iterate_phdr shows is the program itself. */
static int look(struct dl_phdr_info *info, size_t size, void *context)
{
	struct wanted *wanted = context;

	(void)size;
	for (int i = 0; i < info->dlpi_phnum; i++) {
		const ElfW(Phdr) *segment = &info->dlpi_phdr[i];
		uintptr_t start = info->dlpi_addr + segment->p_vaddr;

		if (segment->p_type != PT_LOAD || wanted->address < start ||
		    wanted->address >= start + segment->p_filesz)
			continue;
		wanted->offset = wanted->address - start + segment->p_offset;
		wanted->found = true;
	}
	return 1;
}

int self_offset(const void *address, uint64_t *offset)
{
	struct wanted wanted = {.address = (uintptr_t)address};

	dl_iterate_phdr(look, &wanted);
	*offset = wanted.offset;
	return wanted.found ? 0 : -ENOENT;
}
