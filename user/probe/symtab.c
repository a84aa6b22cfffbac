// SPDX-License-Identifier: GPL-2.0-or-later
#include "probe/symtab.h"

#include <errno.h>
#include <gelf.h>
#include <stdlib.h>
#include <string.h>

#include "probe/go_functions.h"

/* The first section of @type, its data and its number of entries; false without a sound one. */
static bool find_table(Elf *elf, GElf_Word type, GElf_Shdr *shdr, Elf_Data **data, size_t *n)
{
	Elf_Scn *scn = NULL;

	while ((scn = elf_nextscn(elf, scn))) {
		if (!gelf_getshdr(scn, shdr) || shdr->sh_type != type || shdr->sh_entsize == 0)
			continue;
		*data = elf_getdata(scn, NULL);
		if (!*data || !(*data)->d_buf)
			continue;
		*n = (*data)->d_size / gelf_fsize(elf, ELF_T_SYM, 1, EV_CURRENT);
		return *n > 0;
	}
	return false;
}

bool symtab_present(void *elf)
{
	GElf_Shdr shdr;
	Elf_Data *data;
	size_t n;

	return find_table(elf, SHT_SYMTAB, &shdr, &data, &n) && n > 1;
}

static bool is_function(const GElf_Sym *sym)
{
	unsigned char type = GELF_ST_TYPE(sym->st_info);

	return (type == STT_FUNC || type == STT_GNU_IFUNC) && sym->st_shndx != SHN_UNDEF && sym->st_value;
}

static size_t count_functions(Elf *elf, GElf_Word type)
{
	GElf_Shdr shdr;
	Elf_Data *data;
	GElf_Sym sym;
	size_t n, count = 0;

	if (!elf || !find_table(elf, type, &shdr, &data, &n))
		return 0;
	for (size_t i = 0; i < n; i++) {
		if (gelf_getsym(data, (int)i, &sym) && is_function(&sym))
			count++;
	}
	return count;
}

static void add_functions(struct object *object, Elf *elf, GElf_Word type, size_t capacity)
{
	GElf_Shdr shdr;
	Elf_Data *data;
	GElf_Sym sym;
	size_t n;

	if (!elf || !find_table(elf, type, &shdr, &data, &n))
		return;
	for (size_t i = 0; i < n && object->n_functions < capacity; i++) {
		struct function *function = &object->functions[object->n_functions];

		if (!gelf_getsym(data, (int)i, &sym) || !is_function(&sym))
			continue;
		function->symbol = elf_strptr(elf, shdr.sh_link, sym.st_name);
		if (!function->symbol || !*function->symbol || !object_code(object, sym.st_value) ||
		    !object_offset(object, sym.st_value, &function->offset))
			continue;
		function->addr = sym.st_value;
		function->size = sym.st_size;
		function->ifunc = GELF_ST_TYPE(sym.st_info) == STT_GNU_IFUNC;
		function->global = GELF_ST_BIND(sym.st_info) != STB_LOCAL;
		object->n_functions++;
	}
}

static int compare(const void *a, const void *b)
{
	const struct function *x = a, *y = b;

	if (x->addr != y->addr)
		return x->addr < y->addr ? -1 : 1;
	if (x->size != y->size)
		return x->size > y->size ? -1 : 1;
	if (x->global != y->global)
		return x->global ? -1 : 1;
	return strcmp(x->symbol, y->symbol);
}

void symtab_sort(struct object *object)
{
	qsort(object->functions, object->n_functions, sizeof(*object->functions), compare);
}

/* The same name at the same address stands in both tables; sorted, the two are neighbours. */
static void drop_doubles(struct object *object)
{
	size_t kept = 0;

	for (size_t i = 0; i < object->n_functions; i++) {
		struct function *f = &object->functions[i];
		struct function *last = kept ? &object->functions[kept - 1] : NULL;

		if (!last || last->addr != f->addr || strcmp(last->symbol, f->symbol) != 0)
			object->functions[kept++] = *f;
	}
	object->n_functions = kept;
}

/* A resolver of variants has a name of its own beside the one that it resolves. */
static void mark_resolvers(struct object *object)
{
	for (size_t i = 0, end; i < object->n_functions; i = end) {
		bool ifunc = false;

		for (end = i;
		     end < object->n_functions && object->functions[end].addr == object->functions[i].addr;
		     end++)
			ifunc |= object->functions[end].ifunc;
		for (size_t k = i; ifunc && k < end; k++)
			object->functions[k].ifunc = true;
	}
}

static int compare_names(const void *a, const void *b)
{
	const struct function *const *x = a, *const *y = b;

	return strcmp((*x)->symbol, (*y)->symbol);
}

/* Lists the parts that the compiler split off as unlikely, by name. */
static int list_cold(struct object *object)
{
	size_t n = 0;

	for (size_t i = 0; i < object->n_functions; i++)
		n += strstr(object->functions[i].symbol, ".cold") != NULL;
	object->cold = calloc(n ? n : 1, sizeof(*object->cold));
	if (!object->cold)
		return -ENOMEM;
	for (size_t i = 0; i < object->n_functions; i++) {
		if (strstr(object->functions[i].symbol, ".cold"))
			object->cold[object->n_cold++] = &object->functions[i];
	}
	qsort(object->cold, object->n_cold, sizeof(*object->cold), compare_names);
	return 0;
}

int symtab_load(struct object *object)
{
	bool own = symtab_present(object->elf);
	Elf *apart = own ? NULL : object->debug;
	size_t capacity = count_functions(object->elf, SHT_SYMTAB) +
			  count_functions(object->elf, SHT_DYNSYM) + count_functions(apart, SHT_SYMTAB);
	int err;

	object->has_symtab = own || apart;
	object->functions = calloc(capacity ? capacity : 1, sizeof(*object->functions));
	if (!object->functions)
		return -ENOMEM;
	add_functions(object, object->elf, SHT_SYMTAB, capacity);
	add_functions(object, object->elf, SHT_DYNSYM, capacity);
	add_functions(object, apart, SHT_SYMTAB, capacity);
	symtab_sort(object);
	drop_doubles(object);
	err = go_functions_load(object);
	if (err)
		return err;
	mark_resolvers(object);
	return list_cold(object);
}

static int each_of(Elf *elf, GElf_Word type, int (*each)(void *context, const char *name, bool defined),
		   void *context)
{
	GElf_Shdr shdr;
	Elf_Data *data;
	GElf_Sym sym;
	size_t n;
	int stop = 0;

	if (!find_table(elf, type, &shdr, &data, &n))
		return 0;
	for (size_t i = 1; i < n && !stop; i++) {
		const char *name;

		if (!gelf_getsym(data, (int)i, &sym))
			continue;
		name = elf_strptr(elf, shdr.sh_link, sym.st_name);
		if (name && *name)
			stop = each(context, name, sym.st_shndx != SHN_UNDEF);
	}
	return stop;
}

int symtab_each(void *elf, int (*each)(void *context, const char *name, bool defined), void *context)
{
	int stop = each_of(elf, SHT_DYNSYM, each, context);

	return stop ? stop : each_of(elf, SHT_SYMTAB, each, context);
}
