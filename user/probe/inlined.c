// SPDX-License-Identifier: GPL-2.0-or-later
#include "probe/inlined.h"

#include <dwarf.h>
#include <elfutils/libdw.h>
#include <gelf.h>
#include <stdio.h>
#include <string.h>

#include "probe/debuginfo.h"

/* Entries of the debug information that are looked at at most. */
#define LOOK_MAX 2000000

struct search {
	const struct object *object;
	const char *name;
	Dwarf_Off origin; /* of the inlined function's abstract entry */
	bool go;
	bool found, placed;
	size_t looked;
	char *into;
	size_t size;
};

/* The last component of a readable name without parameters: DWARF has no scopes in names. */
static size_t plain_name(const char *name, const char **start)
{
	size_t length = strcspn(name, "(<");
	size_t at = length;

	while (at > 1 && !(name[at - 1] == ':' && name[at - 2] == ':'))
		at--;
	*start = at > 1 ? name + at : name;
	return at > 1 ? length - at : length;
}

static bool is_inlined(Dwarf_Die *die)
{
	Dwarf_Attribute attr;
	Dwarf_Word value;

	return dwarf_formudata(dwarf_attr(die, DW_AT_inline, &attr), &value) == 0 &&
	       (value == DW_INL_inlined || value == DW_INL_declared_inlined);
}

static bool is_called(const struct object *object, Dwarf_Die *die, const char *name, size_t length)
{
	const char *own = debuginfo_name(object, die);

	return own && strlen(own) == length && strncmp(own, name, length) == 0;
}

/* Looks for an inlined copy of the function under @die, which lies in function @outer. */
static void find_copy(struct search *search, Dwarf_Die *die, const char *outer, int depth)
{
	Dwarf_Attribute attr;
	Dwarf_Die child, origin;

	if (depth == 64 || dwarf_child(die, &child))
		return;
	do {
		int tag = dwarf_tag(&child);

		if (search->placed || search->looked++ > LOOK_MAX)
			return;
		if (tag == DW_TAG_inlined_subroutine &&
		    dwarf_formref_die(dwarf_attr(&child, DW_AT_abstract_origin, &attr), &origin) &&
		    dwarf_dieoffset(&origin) == search->origin && outer) {
			snprintf(search->into, search->size, "%s", outer);
			search->placed = true;
			return;
		}
		if (tag == DW_TAG_subprogram || tag == DW_TAG_lexical_block || tag == DW_TAG_namespace ||
		    tag == DW_TAG_inlined_subroutine)
			find_copy(search, &child,
				  tag == DW_TAG_subprogram ? debuginfo_name(search->object, &child) : outer,
				  depth + 1);
	} while (dwarf_siblingof(&child, &child) == 0);
}

/* Looks for the abstract entry of the function in @die, a unit or a namespace. */
static void find_origin(struct search *search, Dwarf_Die *die, const char *name, size_t length, int depth)
{
	Dwarf_Die child;

	if (depth == 16 || dwarf_child(die, &child))
		return;
	do {
		int tag = dwarf_tag(&child);

		if (search->found || search->looked++ > LOOK_MAX)
			return;
		if (tag == DW_TAG_subprogram && is_inlined(&child) &&
		    is_called(search->object, &child, name, length)) {
			search->found = true;
			search->origin = dwarf_dieoffset(&child);
			return;
		}
		if (tag == DW_TAG_namespace || tag == DW_TAG_class_type || tag == DW_TAG_structure_type)
			find_origin(search, &child, name, length, depth + 1);
	} while (dwarf_siblingof(&child, &child) == 0);
}

static void search_units(struct search *search, Dwarf *dwarf)
{
	Dwarf_Off offset = 0, next;
	size_t header, length;
	const char *name;
	Dwarf_Die unit;

	/* Go's names are whole. */
	name = search->name;
	length = search->go ? strlen(name) : plain_name(search->name, &name);
	while (!search->found && search->looked <= LOOK_MAX &&
	       dwarf_nextcu(dwarf, offset, &next, &header, NULL, NULL, NULL) == 0) {
		if (dwarf_offdie(dwarf, offset + header, &unit)) {
			find_origin(search, &unit, name, length, 0);
			if (search->found)
				find_copy(search, &unit, NULL, 0);
		}
		offset = next;
	}
}

bool inlined_find(const struct object *object, const char *name, char *into, size_t size)
{
	struct search search = {
		.object = object, .name = name, .go = object->go.built, .into = into, .size = size};
	Dwarf *dwarf = debuginfo_dwarf(object);

	if (size)
		into[0] = '\0';
	if (dwarf)
		search_units(&search, dwarf);
	return search.found;
}
