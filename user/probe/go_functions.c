// SPDX-License-Identifier: GPL-2.0-or-later
#include "probe/go_functions.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "probe/go_version.h"
#include "probe/pclntab.h"
#include "probe/section.h"
#include "probe/symtab.h"

struct merging {
	struct object *object;
	struct function *added; /* those without a symbol */
	size_t n_added;
};

static enum go_kind kind_of(const struct pclntab_function *function)
{
	return function->assembly ? GO_ASSEMBLY : GO_FUNCTION;
}

/* Whether symbols name the function; these are noted to be Go's. */
static bool note_symbols(struct object *object, const struct pclntab_function *function)
{
	size_t first = object_function_from(object, function->addr), i = first;

	for (; i < object->n_functions && object->functions[i].addr == function->addr; i++)
		object->functions[i].go = kind_of(function);
	return i > first;
}

static int merge(void *context, const struct pclntab_function *function)
{
	struct merging *merging = context;
	struct function *added = merging->added;
	uint64_t offset;

	if (note_symbols(merging->object, function) || !object_code(merging->object, function->addr) ||
	    !object_offset(merging->object, function->addr, &offset))
		return 0;
	if ((merging->n_added & (merging->n_added - 1)) == 0)
		added = reallocarray(added, merging->n_added ? 2 * merging->n_added : 1, sizeof(*added));
	if (!added)
		return -ENOMEM;
	merging->added = added;
	added[merging->n_added++] = (struct function){
		.symbol = function->name,
		.addr = function->addr,
		.offset = offset,
		.size = function->size,
		.go = kind_of(function),
	};
	return 0;
}

static int append(struct object *object, const struct merging *merging)
{
	struct function *functions;

	if (!merging->n_added)
		return 0;
	functions =
		reallocarray(object->functions, object->n_functions + merging->n_added, sizeof(*functions));
	if (!functions)
		return -ENOMEM;
	memcpy(functions + object->n_functions, merging->added, merging->n_added * sizeof(*functions));
	object->functions = functions;
	object->n_functions += merging->n_added;
	/* As good as a symbol table. */
	object->has_symtab = true;
	symtab_sort(object);
	return 0;
}

/* Whatever Go's linker leaves in every file. */
static bool built_by_go(const struct object *object)
{
	static const char *const signs[] = {".note.go.buildid", ".go.buildinfo", ".gopclntab",
					    ".data.rel.ro.gopclntab"};
	struct section section;

	for (size_t i = 0; i < sizeof(signs) / sizeof(signs[0]); i++)
		if (section_find(object->elf, signs[i], &section))
			return true;
	return false;
}

int go_functions_load(struct object *object)
{
	struct merging merging = {.object = object};
	unsigned least = 0;
	int err;

	object->go.built = built_by_go(object);
	if (!object->go.built)
		return 0;
	err = pclntab_each(object, &least, merge, &merging);
	if (!err)
		err = append(object, &merging);
	free(merging.added);
	object->go.has_table = !err;
	object->go.minor = go_version(object);
	/* A table of 1.16 tells nothing: 1.17 has it too. */
	if (!object->go.minor && least > 16)
		object->go.minor = least;
	return err == -ENOENT ? 0 : err;
}
