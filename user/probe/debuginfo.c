// SPDX-License-Identifier: GPL-2.0-or-later
#include "probe/debuginfo.h"

#include <dwarf.h>
#include <elfutils/libdw.h>
#include <elfutils/libdwelf.h>
#include <gelf.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <uthash.h>

#include "probe/debugfile.h"
#include "probe/section.h"

/* Units, ranges and entries of them that are looked at at most: files may claim any number. */
#define RANGES_MAX  1000000
#define ENTRIES_MAX 5000000
#define DEPTH_MAX   32
#define TEXTS_MAX   10

/* A range of code that a compilation unit describes. */
struct range {
	uint64_t start, end;
	size_t unit;
};

struct unit {
	uint64_t entry; /* offset */
	bool indexed;
	bool typed; /* there are types; compilers can be told to leave them out, and arguments with them */
};

struct known_function {
	uint64_t addr;
	uint64_t entry;
	UT_hash_handle hh;
};

struct debuginfo {
	bool opened, listed;
	Dwarf *dwarf;
	Dwarf *supplement;
	Elf *supplement_elf;
	int supplement_fd;
	struct section texts[TEXTS_MAX]; /* where strings lie */
	size_t n_texts;
	struct unit *units;
	size_t n_units;
	struct range *ranges; /* by start */
	size_t n_ranges;
	size_t entries;			  /* looked at so far */
	struct known_function *functions; /* hash, of the units that were asked for */
};

struct debuginfo *debuginfo_new(void)
{
	struct debuginfo *info = calloc(1, sizeof(*info));

	if (info)
		info->supplement_fd = -1;
	return info;
}

static void close_dwarf(struct debuginfo *info)
{
	dwarf_end(info->dwarf);
	dwarf_end(info->supplement);
	elf_end(info->supplement_elf);
	if (info->supplement_fd >= 0)
		close(info->supplement_fd);
	info->dwarf = info->supplement = NULL;
	info->supplement_elf = NULL;
	info->supplement_fd = -1;
}

void debuginfo_free(struct debuginfo *info)
{
	struct known_function *function, *next;

	if (!info)
		return;
	HASH_ITER (hh, info->functions, function, next) {
		HASH_DEL(info->functions, function);
		free(function);
	}
	close_dwarf(info);
	free(info->units);
	free(info->ranges);
	free(info);
}

bool debuginfo_present(void *elf)
{
	struct section section;

	return section_find(elf, ".debug_info", &section) || section_find(elf, ".zdebug_info", &section);
}

/*
 * Gives libdw the file that dwz(1) moved parts to. By itself libdw would open whatever name the
 * debug information gives, devices and pipes too; so without that file there is no debug information.
 */
static bool supply(const struct object *object, struct debuginfo *info)
{
	const char *name;
	const void *id;
	ssize_t size = dwelf_dwarf_gnu_debugaltlink(info->dwarf, &name, &id);

	if (size == 0)
		return true;
	if (size < 0)
		return false;
	info->supplement_elf = debugfile_supplement(object, name, id, (size_t)size, &info->supplement_fd);
	if (info->supplement_elf)
		info->supplement = dwarf_begin_elf(info->supplement_elf, DWARF_C_READ, NULL);
	if (!info->supplement)
		return false;
	dwarf_setalt(info->dwarf, info->supplement);
	return true;
}

/* Lists the sections of @dwarf that have strings in them, as libdw has unpacked them. */
static void list_texts(struct debuginfo *info, Dwarf *dwarf)
{
	static const char *const names[] = {".debug_info", ".zdebug_info", ".debug_str", ".zdebug_str",
					    ".debug_line_str"};

	for (size_t i = 0; dwarf && i < sizeof(names) / sizeof(names[0]) && info->n_texts < TEXTS_MAX; i++)
		info->n_texts += section_find(dwarf_getelf(dwarf), names[i], &info->texts[info->n_texts]);
}

void *debuginfo_dwarf(const struct object *object)
{
	struct debuginfo *info = object->debuginfo;

	if (info->opened)
		return info->dwarf;
	info->opened = true;
	if (debuginfo_present(object->elf))
		info->dwarf = dwarf_begin_elf(object->elf, DWARF_C_READ, NULL);
	else if (object->debug && debuginfo_present(object->debug))
		info->dwarf = dwarf_begin_elf(object->debug, DWARF_C_READ, NULL);
	if (info->dwarf && !supply(object, info))
		close_dwarf(info);
	list_texts(info, info->dwarf);
	list_texts(info, info->supplement);
	return info->dwarf;
}

/* Whether the string at @start ends where its section does, or before. */
static bool is_bounded(const struct debuginfo *info, const char *start)
{
	for (size_t i = 0; i < info->n_texts; i++) {
		const char *bytes = (const char *)info->texts[i].bytes;

		if (start >= bytes && start < bytes + info->texts[i].size)
			return memchr(start, '\0', (size_t)(bytes + info->texts[i].size - start));
	}
	return false;
}

const char *debuginfo_name(const struct object *object, void *die)
{
	Dwarf_Attribute attr;
	const char *name;

	if (!dwarf_attr_integrate(die, DW_AT_name, &attr))
		return NULL;
	name = dwarf_formstring(&attr);
	return name && is_bounded(object->debuginfo, name) ? name : NULL;
}

static bool add_range(struct debuginfo *info, size_t *capacity, const struct range *range)
{
	struct range *grown;

	if (info->n_ranges == *capacity) {
		*capacity = *capacity ? *capacity * 2 : 256;
		grown = reallocarray(info->ranges, *capacity, sizeof(*grown));
		if (!grown)
			return false;
		info->ranges = grown;
	}
	info->ranges[info->n_ranges++] = *range;
	return true;
}

static void add_unit(struct debuginfo *info, size_t *capacity, Dwarf_Die *die)
{
	struct unit *grown = reallocarray(info->units, info->n_units + 1, sizeof(*grown));
	struct range range = {.unit = info->n_units};
	Dwarf_Addr base;
	ptrdiff_t at = 0;

	if (!grown)
		return;
	info->units = grown;
	grown[info->n_units++] = (struct unit){.entry = dwarf_dieoffset(die)};
	while (info->n_ranges < RANGES_MAX &&
	       (at = dwarf_ranges(die, at, &base, &range.start, &range.end)) > 0) {
		if (range.start < range.end && !add_range(info, capacity, &range))
			return;
	}
}

static int compare_ranges(const void *a, const void *b)
{
	const struct range *x = a, *y = b;

	return (x->start > y->start) - (x->start < y->start);
}

static void list_units(struct debuginfo *info)
{
	Dwarf_Off offset = 0, next;
	size_t header, capacity = 0;
	Dwarf_Die unit;

	info->listed = true;
	while (info->n_ranges < RANGES_MAX && info->n_units < RANGES_MAX &&
	       dwarf_nextcu(info->dwarf, offset, &next, &header, NULL, NULL, NULL) == 0) {
		if (dwarf_offdie(info->dwarf, offset + header, &unit) &&
		    dwarf_tag(&unit) == DW_TAG_compile_unit)
			add_unit(info, &capacity, &unit);
		offset = next;
	}
	if (info->n_ranges)
		qsort(info->ranges, info->n_ranges, sizeof(*info->ranges), compare_ranges);
}

/* The unit whose code @addr is, or NULL. */
static struct unit *unit_at(struct debuginfo *info, uint64_t addr)
{
	size_t low = 0, high = info->n_ranges;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (info->ranges[middle].start <= addr)
			low = middle + 1;
		else
			high = middle;
	}
	if (low == 0 || addr >= info->ranges[low - 1].end)
		return NULL;
	return &info->units[info->ranges[low - 1].unit];
}

static void note_start(struct debuginfo *info, uint64_t addr, uint64_t entry)
{
	struct known_function *function;

	HASH_FIND(hh, info->functions, &addr, sizeof(addr), function);
	if (function)
		return;
	function = calloc(1, sizeof(*function));
	if (!function)
		return;
	function->addr = addr;
	function->entry = entry;
	HASH_ADD(hh, info->functions, addr, sizeof(function->addr), function);
}

/* A function may lie in pieces; none but its first is where it is entered, and no other begins there. */
static void note_function(struct debuginfo *info, Dwarf_Die *die)
{
	Dwarf_Addr base, start, end;
	ptrdiff_t at = 0;
	int pieces = 0;

	while (pieces++ < DEPTH_MAX && (at = dwarf_ranges(die, at, &base, &start, &end)) > 0)
		note_start(info, start, dwarf_dieoffset(die));
}

static bool holds_functions(int tag)
{
	return tag == DW_TAG_namespace || tag == DW_TAG_module || tag == DW_TAG_subprogram ||
	       tag == DW_TAG_lexical_block || tag == DW_TAG_class_type || tag == DW_TAG_structure_type ||
	       tag == DW_TAG_union_type || tag == DW_TAG_enumeration_type;
}

static bool is_type(int tag)
{
	/* An imported unit has the types that several units share. */
	return tag == DW_TAG_base_type || tag == DW_TAG_pointer_type || tag == DW_TAG_structure_type ||
	       tag == DW_TAG_class_type || tag == DW_TAG_typedef || tag == DW_TAG_imported_unit;
}

static void index_functions(struct debuginfo *info, struct unit *unit, Dwarf_Die *die, int depth)
{
	Dwarf_Die child;

	if (depth == DEPTH_MAX || dwarf_child(die, &child))
		return;
	do {
		int tag = dwarf_tag(&child);

		if (info->entries++ > ENTRIES_MAX)
			return;
		unit->typed |= is_type(tag);
		if (tag == DW_TAG_subprogram)
			note_function(info, &child);
		if (holds_functions(tag))
			index_functions(info, unit, &child, depth + 1);
	} while (dwarf_siblingof(&child, &child) == 0);
}

bool debuginfo_function(const struct object *object, uint64_t addr, uint64_t *entry)
{
	struct debuginfo *info = object->debuginfo;
	struct known_function *function;
	struct unit *unit;
	Dwarf_Die die;

	if (!debuginfo_dwarf(object))
		return false;
	if (!info->listed)
		list_units(info);
	unit = unit_at(info, addr);
	if (!unit)
		return false;
	if (!unit->indexed && dwarf_offdie(info->dwarf, unit->entry, &die))
		index_functions(info, unit, &die, 0);
	unit->indexed = true;
	if (!unit->typed)
		return false;
	HASH_FIND(hh, info->functions, &addr, sizeof(addr), function);
	if (function)
		*entry = function->entry;
	return function;
}
