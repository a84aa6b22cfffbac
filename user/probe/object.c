// SPDX-License-Identifier: GPL-2.0-or-later
#include "probe/object.h"

#include <errno.h>
#include <fcntl.h>
#include <gelf.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "probe/debugfile.h"
#include "probe/debuginfo.h"
#include "probe/symtab.h"

/* More than any linker makes; a hostile header may claim 4 billion. */
#define MAX_SEGMENTS 1024

static int read_segments(struct object *object)
{
	size_t n;
	struct stat st;

	if (elf_getphdrnum(object->elf, &n) || n > MAX_SEGMENTS || fstat(object->fd, &st))
		return -ENOEXEC;
	object->segments = calloc(n ? n : 1, sizeof(*object->segments));
	if (!object->segments)
		return -ENOMEM;
	for (size_t i = 0; i < n; i++) {
		GElf_Phdr phdr;
		uint64_t end;

		if (!gelf_getphdr(object->elf, (int)i, &phdr))
			continue;
		if (phdr.p_type == PT_GNU_EH_FRAME)
			object->units->header = phdr.p_vaddr;
		if (phdr.p_type != PT_LOAD)
			continue;
		if (phdr.p_offset >= (uint64_t)st.st_size ||
		    __builtin_add_overflow(phdr.p_offset, phdr.p_filesz, &end) ||
		    __builtin_add_overflow(phdr.p_vaddr, phdr.p_filesz, &end))
			continue;
		if (phdr.p_filesz > (uint64_t)st.st_size - phdr.p_offset)
			phdr.p_filesz = (uint64_t)st.st_size - phdr.p_offset;
		object->segments[object->n_segments++] = (struct segment){
			.addr = phdr.p_vaddr,
			.offset = phdr.p_offset,
			.size = phdr.p_filesz,
			.executable = phdr.p_flags & PF_X,
		};
	}
	return object->n_segments ? 0 : -ENOEXEC;
}

/* Languages with exceptions have a table of the code that handles them. */
static bool find_handlers(Elf *elf)
{
	Elf_Scn *scn = NULL;
	size_t names;
	bool any = false;

	if (elf_getshdrstrndx(elf, &names))
		return true;
	while ((scn = elf_nextscn(elf, scn))) {
		GElf_Shdr shdr;
		const char *name = gelf_getshdr(scn, &shdr) ? elf_strptr(elf, names, shdr.sh_name) : NULL;

		any = true;
		if (name && strncmp(name, ".gcc_except_table", strlen(".gcc_except_table")) == 0)
			return true;
	}
	return !any;
}

static int load(struct object *object)
{
	GElf_Ehdr ehdr;
	struct stat st;
	int err;

	if (fstat(object->fd, &st))
		return -errno;
	if (!S_ISREG(st.st_mode))
		return -ENOEXEC;
	object->dev = st.st_dev;
	object->ino = st.st_ino;
	if (elf_version(EV_CURRENT) == EV_NONE)
		return -ENOEXEC;
	object->elf = elf_begin(object->fd, ELF_C_READ, NULL);
	if (!object->elf || elf_kind(object->elf) != ELF_K_ELF || !gelf_getehdr(object->elf, &ehdr) ||
	    (ehdr.e_type != ET_EXEC && ehdr.e_type != ET_DYN))
		return -ENOEXEC;
	object->x86_64 = ehdr.e_machine == EM_X86_64 && ehdr.e_ident[EI_CLASS] == ELFCLASS64;
	object->has_handlers = find_handlers(object->elf);
	err = read_segments(object);
	if (err)
		return err;
	if (object->root)
		debugfile_open(object);
	return symtab_load(object);
}

struct object *object_open(const char *path, const char *root, int *err)
{
	struct object *object = calloc(1, sizeof(*object));

	*err = -ENOMEM;
	if (!object)
		return NULL;
	object->fd = object->debug_fd = -1;
	object->path = strdup(path);
	object->root = root ? strdup(root) : NULL;
	object->units = calloc(1, sizeof(*object->units));
	object->debuginfo = debuginfo_new();
	if (!object->path || (root && !object->root) || !object->units || !object->debuginfo) {
		object_close(object);
		return NULL;
	}
	object->fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	*err = object->fd < 0 ? -errno : load(object);
	if (*err) {
		object_close(object);
		return NULL;
	}
	return object;
}

void object_close(struct object *object)
{
	if (!object)
		return;
	debuginfo_free(object->debuginfo);
	elf_end(object->elf);
	elf_end(object->debug);
	free(object->debug_image);
	if (object->fd >= 0)
		close(object->fd);
	if (object->debug_fd >= 0)
		close(object->debug_fd);
	free(object->debug_path);
	free(object->path);
	free(object->root);
	free(object->segments);
	free(object->functions);
	free(object->cold);
	if (object->units)
		free(object->units->list);
	free(object->units);
	free(object);
}

static const struct segment *segment_of(const struct object *object, uint64_t addr)
{
	for (size_t i = 0; i < object->n_segments; i++) {
		const struct segment *segment = &object->segments[i];

		if (addr >= segment->addr && addr - segment->addr < segment->size)
			return segment;
	}
	return NULL;
}

bool object_offset(const struct object *object, uint64_t addr, uint64_t *offset)
{
	const struct segment *segment = segment_of(object, addr);

	if (!segment)
		return false;
	*offset = addr - segment->addr + segment->offset;
	return true;
}

const struct segment *object_code(const struct object *object, uint64_t addr)
{
	const struct segment *segment = segment_of(object, addr);

	return segment && segment->executable ? segment : NULL;
}

size_t object_read(const struct object *object, uint64_t addr, void *buffer, size_t size)
{
	const struct segment *segment = segment_of(object, addr);
	size_t done = 0;

	if (!segment)
		return 0;
	if (size > segment->size - (addr - segment->addr))
		size = segment->size - (addr - segment->addr);
	while (done < size) {
		ssize_t n = pread(object->fd, (char *)buffer + done, size - done,
				  (off_t)(addr - segment->addr + segment->offset + done));

		if (n <= 0)
			break;
		done += (size_t)n;
	}
	return done;
}

size_t object_function_from(const struct object *object, uint64_t addr)
{
	size_t low = 0, high = object->n_functions;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (object->functions[middle].addr < addr)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

const struct function *object_function_at(const struct object *object, uint64_t addr)
{
	size_t i = object_function_from(object, addr);

	return i < object->n_functions && object->functions[i].addr == addr ? &object->functions[i] : NULL;
}

uint64_t object_function_extent(const struct object *object, const struct function *function)
{
	const struct segment *segment = object_code(object, function->addr);
	uint64_t extent = function->size, left;
	const struct code_unit *unit;
	size_t next;

	if (!segment)
		return 0;
	left = segment->size - (function->addr - segment->addr);
	unit = extent ? NULL : code_unit_find(object, function->addr);
	if (unit)
		extent = unit->addr + unit->size - function->addr;
	if (!extent) {
		next = object_function_from(object, function->addr + 1);
		extent = next < object->n_functions ? object->functions[next].addr - function->addr : left;
		if (extent > FUNCTION_MAX_SIZE)
			extent = FUNCTION_MAX_SIZE;
	}
	return extent < left ? extent : left;
}
