// SPDX-License-Identifier: GPL-2.0-or-later
/* src/runtime/symtab.go and src/debug/gosym/pclntab.go of Go 1.16, 1.18 and 1.20, which changed it. */
#include "probe/pclntab.h"

#include <errno.h>
#include <gelf.h>
#include <string.h>

#include "probe/section.h"

/* The header: magic, two zeros, the least size of an instruction, the size of a pointer, then words. */
#define HEADER_FIXED 8
#define WORD	     8
#define ALIGNMENT    32

/* Functions that are looked at before the table is believed: so many, and one of so many must begin
 * with a stack check. */
#define LOOK_MAX   1024
#define LOOK_SHARE 8

/* Headers that are tried where no section has the table's name. */
#define TRIED_MAX 4

/* flag of runtime._func (Go 1.18). */
#define FLAG_ASSEMBLY 4

struct layout {
	uint32_t magic;
	unsigned minor;
	size_t field; /* bytes of an entry's two fields in the list of functions */
	/* Words of the header, by number. */
	size_t text_word; /* 0: entries are addresses */
	size_t names_word, functions_word;
	/* runtime._func: where it has its name and its flag; 0: it has no flag for assembly. */
	size_t name_at, flag_at;
};

static const struct layout layouts[] = {
	{0xfffffffa, 16, 8, 0, 2, 6, 8, 0},
	{0xfffffff0, 18, 4, 2, 3, 7, 4, 37},
	{0xfffffff1, 20, 4, 2, 3, 7, 4, 41},
};

/* A table whose header has been checked. */
struct table {
	const struct object *object;
	const struct layout *layout;
	struct section section;
	uint64_t names, functions; /* offsets in the section */
	size_t n;
	uint64_t text; /* what entries are relative to */
};

static uint64_t number(const uint8_t *at, size_t size)
{
	uint64_t value = 0;

	memcpy(&value, at, size);
	return value;
}

/* The number of @size bytes at @offset in the section; false where it does not reach so far. */
static bool read_number(const struct table *table, uint64_t offset, size_t size, uint64_t *value)
{
	if (offset > table->section.size || table->section.size - offset < size)
		return false;
	*value = number(table->section.bytes + offset, size);
	return true;
}

static bool header_word(const struct table *table, size_t index, uint64_t *value)
{
	return read_number(table, HEADER_FIXED + index * WORD, WORD, value);
}

static const struct layout *find_layout(const struct section *section)
{
	const uint8_t *bytes = section->bytes;

	if (section->size < HEADER_FIXED || bytes[4] || bytes[5] || bytes[6] != 1 || bytes[7] != WORD)
		return NULL;
	for (size_t i = 0; i < sizeof(layouts) / sizeof(layouts[0]); i++)
		if (layouts[i].magic == number(bytes, sizeof(uint32_t)))
			return &layouts[i];
	return NULL;
}

/* Checks the header at the section's start, and that the list of functions, with the address that ends
 * it, lies within. */
static bool open_table(struct table *table)
{
	uint64_t n;

	table->layout = find_layout(&table->section);
	if (!table->layout || !header_word(table, 0, &n) ||
	    !header_word(table, table->layout->names_word, &table->names) ||
	    !header_word(table, table->layout->functions_word, &table->functions) ||
	    table->names > table->section.size || table->functions > table->section.size)
		return false;
	if (n > (table->section.size - table->functions) / (2 * table->layout->field))
		return false;
	table->n = n;
	return true;
}

/* The @index-th function's entry; that of the number of functions is where the last one ends. */
static bool entry_of(const struct table *table, size_t index, uint64_t *addr)
{
	uint64_t value;

	if (!read_number(table, table->functions + 2 * index * table->layout->field, table->layout->field,
			 &value))
		return false;
	*addr = table->text + value;
	return true;
}

static const char *name_at(const struct table *table, uint64_t offset)
{
	size_t left;

	if (offset > table->section.size - table->names)
		return NULL;
	left = table->section.size - table->names - offset;
	offset += table->names;
	return memchr(table->section.bytes + offset, 0, left) ? (const char *)table->section.bytes + offset
							      : NULL;
}

/* False where the table is broken. */
static bool read_function(const struct table *table, size_t index, struct pclntab_function *function)
{
	const struct layout *layout = table->layout;
	uint64_t end, details, name, flag = 0;

	if (!entry_of(table, index, &function->addr) || !entry_of(table, index + 1, &end) ||
	    end <= function->addr ||
	    !read_number(table, table->functions + (2 * index + 1) * layout->field, layout->field,
			 &details) ||
	    details > table->section.size - table->functions)
		return false;
	details += table->functions;
	if (!read_number(table, details + layout->name_at, sizeof(uint32_t), &name) ||
	    (layout->flag_at && !read_number(table, details + layout->flag_at, 1, &flag)))
		return false;
	function->name = name_at(table, name);
	function->size = end - function->addr;
	function->assembly = flag & FLAG_ASSEMBLY;
	return function->name && *function->name;
}

/* cmp rsp, [r14 + 0x10]; or lea r12, [rsp - n]. */
static bool begins_with_check(const struct object *object, uint64_t addr)
{
	static const uint8_t compare[] = {0x49, 0x3b, 0x66, 0x10}, lea[] = {0x4c, 0x8d};
	uint8_t bytes[sizeof(compare)];

	return object_code(object, addr) &&
	       object_read(object, addr, bytes, sizeof(bytes)) == sizeof(bytes) &&
	       (memcmp(bytes, compare, sizeof(compare)) == 0 || memcmp(bytes, lea, sizeof(lea)) == 0);
}

/*
 * Whether the entries lead to functions: a linker may leave it to the loader to fill in what they are
 * relative to, and a probe at a wrong place would destroy the program.
 */
static bool believable(const struct table *table)
{
	size_t step = table->n / LOOK_MAX + 1, looked = 0, checks = 0;
	struct pclntab_function function;

	for (size_t i = 0; i < table->n; i += step) {
		if (!read_function(table, i, &function))
			return false;
		looked++;
		checks += begins_with_check(table->object, function.addr);
	}
	return checks && checks >= looked / LOOK_SHARE;
}

/* What the loader will add the load address to and write at @addr. */
static bool relocated(Elf *elf, uint64_t addr, uint64_t *value)
{
	Elf_Scn *scn = NULL;
	GElf_Shdr shdr;
	GElf_Rela rela;

	while ((scn = elf_nextscn(elf, scn))) {
		Elf_Data *data;

		if (!gelf_getshdr(scn, &shdr) || shdr.sh_type != SHT_RELA || !shdr.sh_entsize)
			continue;
		data = elf_getdata(scn, NULL);
		for (int i = 0; data && gelf_getrela(data, i, &rela); i++) {
			if (rela.r_offset != addr || GELF_R_TYPE(rela.r_info) != R_X86_64_RELATIVE)
				continue;
			*value = (uint64_t)rela.r_addend;
			return true;
		}
	}
	return false;
}

/* Finds where the text begins: as the header says, as the loader will make it say, or with .text. */
static bool find_text(struct table *table)
{
	size_t word = table->layout->text_word;
	struct section text;

	if (!word)
		return believable(table);
	if (header_word(table, word, &table->text) && believable(table))
		return true;
	if (relocated(table->object->elf, table->section.addr + HEADER_FIXED + word * WORD, &table->text) &&
	    believable(table))
		return true;
	if (!section_find(table->object->elf, ".text", &text))
		return false;
	table->text = text.addr;
	return believable(table);
}

static bool take_table(const struct object *object, const struct section *section, struct table *table)
{
	*table = (struct table){.object = object, .section = *section};
	return open_table(table) && find_text(table);
}

/* C's linker puts it among other things that the loader may write. */
static bool search_table(const struct object *object, struct table *table)
{
	struct section all;
	int tried = 0;

	if (!section_find(object->elf, ".data.rel.ro", &all) || !all.bytes)
		return false;
	for (size_t at = -all.addr % ALIGNMENT; at < all.size && tried < TRIED_MAX; at += ALIGNMENT) {
		struct section rest = {all.bytes + at, all.size - at, all.addr + at};

		if (!find_layout(&rest))
			continue;
		tried++;
		if (take_table(object, &rest, table))
			return true;
	}
	return false;
}

static bool find_table(const struct object *object, struct table *table)
{
	struct section section;

	if (!object->x86_64)
		return false;
	if ((section_find(object->elf, ".gopclntab", &section) ||
	     section_find(object->elf, ".data.rel.ro.gopclntab", &section)) &&
	    section.bytes)
		return take_table(object, &section, table);
	return search_table(object, table);
}

int pclntab_each(const struct object *object, unsigned *minor,
		 int (*each)(void *context, const struct pclntab_function *function), void *context)
{
	struct pclntab_function function;
	struct table table;
	int err = 0;

	if (!find_table(object, &table))
		return -ENOENT;
	*minor = table.layout->minor;
	for (size_t i = 0; !err && i < table.n; i++)
		if (read_function(&table, i, &function))
			err = each(context, &function);
	return err;
}
