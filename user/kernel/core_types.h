/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The kernel's types that programs name, for libbpf to relocate field accesses by. A kernel describes a
 * hundred thousand types and more, and libbpf walks through all of them for each type that a program names:
 * that would be half of what it takes to start. Among the few hundred that have such a name the result is the
 * same.
 */
#ifndef LAPSE_KERNEL_CORE_TYPES_H
#define LAPSE_KERNEL_CORE_TYPES_H

#include <stddef.h>

struct bpf_object;
struct btf;
struct kernel_types;

/*
 * Of @kernel those types whose name is one of @local's, with what lies inside of them, but not what they
 * point to: sizes, offsets and kinds of all members are @kernel's. As BTF, *size bytes at *data, to be freed.
 * 0 or -ENOMEM.
 */
int core_types_of(const struct kernel_types *kernel, const struct btf *local, void **data, size_t *size);

#define CORE_TYPES_PATH 32

/* A file in memory, and the path under which libbpf is to look for types; -errno. */
int core_types_open(char path[CORE_TYPES_PATH]);
/* Writes into it those of @kernel that @object names: after @object was opened, before it is loaded. */
int core_types_fill(int fd, const struct kernel_types *kernel, const struct bpf_object *object);

#endif
