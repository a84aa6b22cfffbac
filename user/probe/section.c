// SPDX-License-Identifier: GPL-2.0-or-later
#include "probe/section.h"

#include <gelf.h>
#include <string.h>

static void fill(Elf_Scn *scn, const GElf_Shdr *shdr, struct section *section)
{
	Elf_Data *data = shdr->sh_type == SHT_NOBITS ? NULL : elf_rawdata(scn, NULL);

	*section = (struct section){.addr = shdr->sh_addr};
	if (!data || !data->d_buf)
		return;
	section->bytes = data->d_buf;
	section->size = data->d_size;
}

bool section_find(void *elf, const char *name, struct section *section)
{
	Elf_Scn *scn = NULL;
	size_t names;

	if (elf_getshdrstrndx(elf, &names))
		return false;
	while ((scn = elf_nextscn(elf, scn))) {
		const char *own;
		GElf_Shdr shdr;

		if (!gelf_getshdr(scn, &shdr))
			continue;
		own = elf_strptr(elf, names, shdr.sh_name);
		if (!own || strcmp(own, name) != 0)
			continue;
		fill(scn, &shdr, section);
		return true;
	}
	return false;
}
