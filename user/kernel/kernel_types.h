/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The types that the running kernel describes (BTF), read in place: a hundred thousand and more, of which a
 * start needs a few hundred. libbpf's own reader checks and walks them all, for each name that is looked up
 * once more; that would be a quarter of what a start takes. Layout: Documentation/bpf/btf.rst of Linux.
 */
#ifndef LAPSE_KERNEL_KERNEL_TYPES_H
#define LAPSE_KERNEL_KERNEL_TYPES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct btf_type;

struct kernel_types {
	const void *data;
	size_t size;
	bool mapped, allocated; /* neither: it is the caller's */
	const char *at;		/* the types, one behind the other */
	const char *text;	/* the names */
	size_t text_size;
	uint32_t n;		    /* types are numbered from 1 to n - 1 */
	uint32_t *where;	    /* of each, from .at on */
	struct kernel_types_by *by; /* for looking up */
};

/* Begins to read those of the running kernel beside the caller, who has something else to do before it needs
 * them: kernel_types_open() then waits for them. Where no thread can be begun they are read later. */
void kernel_types_begin(void);
/* Those of the running kernel. 0, or -errno: they cannot be read, or have kinds that nobody knew. Release
 * with kernel_types_close() in any case. */
int kernel_types_open(struct kernel_types *types);
/* Those that lie at @data, which is the caller's and stays there. */
int kernel_types_of(const void *data, size_t size, struct kernel_types *types);
void kernel_types_close(struct kernel_types *types);

/* NULL where there is no such number. */
const struct btf_type *kernel_type(const struct kernel_types *types, uint32_t id);
/* "" where there is none. */
const char *kernel_type_name(const struct kernel_types *types, uint32_t offset);
/* Bytes of @type with all that belongs to it; 0: it is of a kind that nobody knew. */
size_t kernel_type_size(const struct btf_type *type);

/* Where the name stands that is the first @length bytes of @text; 0: nowhere. */
uint32_t kernel_types_text(const struct kernel_types *types, const char *text, size_t length);
/* The types whose name stands at @offset, one after the other in no order: the one after number @id, the
 * first one after 0; 0: there are no more. */
uint32_t kernel_types_next(const struct kernel_types *types, uint32_t offset, uint32_t id);
/* The number of @name among those of @kind (BTF_KIND_...), or -ENOENT. */
int kernel_type_find(const struct kernel_types *types, const char *name, int kind);
/* Arguments of function number @id. */
int kernel_function_takes(const struct kernel_types *types, int id);
/* Arguments of the kernel's function, or of its tracepoint, @name; -ENOENT: it has none of that name. */
int kernel_function_arguments(const struct kernel_types *types, const char *name);
int kernel_tracepoint_arguments(const struct kernel_types *types, const char *name);

bool kernel_struct_has(const struct kernel_types *types, const char *name, const char *member);
/* The variables that each processor has; NULL: they are not described. */
const struct btf_type *kernel_percpu(const struct kernel_types *types);
/* Where the one called @name lies among them, in bytes from the first; -ENOENT. */
int kernel_percpu_offset(const struct kernel_types *types, const struct btf_type *section, const char *name);

#endif
