// SPDX-License-Identifier: GPL-2.0-or-later
#include "kernel/core_types.h"

#include <bpf/btf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include <uthash.h>

/* ---- names ------------------------------------------------------------------------------------- */

struct name {
	UT_hash_handle hh;
	const char *text; /* the object's */
};

/* Without what tells versions of a type apart (struct sock___old), as libbpf has it. */
static size_t essential_length(const char *name)
{
	size_t n = strlen(name);

	for (size_t i = n < 5 ? 0 : n - 4; i-- > 0;)
		if (name[i] != '_' && !strncmp(name + i + 1, "___", 3) && name[i + 4] != '_')
			return i + 1;
	return n;
}

/* Kinds of which fields, sizes or enumerators may be asked for. */
static const char *name_of(const struct btf *btf, const struct btf_type *type)
{
	if (!btf_is_composite(type) && !btf_is_any_enum(type) && !btf_is_typedef(type))
		return "";
	return btf__name_by_offset(btf, type->name_off);
}

static bool is_named(struct name *names, const char *text, size_t length)
{
	struct name *found;

	HASH_FIND(hh, names, text, length, found);
	return found;
}

static void forget_names(struct name *names)
{
	struct name *name, *next;

	HASH_ITER (hh, names, name, next) {
		HASH_DEL(names, name);
		free(name);
	}
}

static int add_name(struct name **names, const char *text)
{
	size_t length = essential_length(text);
	struct name *name;

	if (!length || is_named(*names, text, length))
		return 0;
	name = calloc(1, sizeof(*name));
	if (!name)
		return -ENOMEM;
	name->text = text;
	HASH_ADD_KEYPTR(hh, *names, name->text, length, name);
	return 0;
}

static int collect_names(const struct btf *local, struct name **names)
{
	int err = 0;

	for (__u32 id = 1; id < btf__type_cnt(local) && !err; id++)
		err = add_name(names, name_of(local, btf__type_by_id(local, id)));
	return err;
}

/* ---- types ------------------------------------------------------------------------------------- */

struct picked {
	const struct btf *from;
	struct btf *to;
	__u32 *number; /* in @to, by that in @from; 0: not taken */
};

static int pick(struct picked *picked, __u32 id);

/* Type @id of the result, which moves as the result grows. */
static struct btf_type *type_in(const struct picked *picked, __u32 id)
{
	return (struct btf_type *)btf__type_by_id(picked->to, id);
}

static int pick_members(struct picked *picked, const struct btf_type *from, __u32 number)
{
	for (__u16 i = 0; i < btf_vlen(from); i++) {
		int inner = pick(picked, btf_members(from)[i].type);

		if (inner < 0)
			return inner;
		btf_members(type_in(picked, number))[i].type = inner;
	}
	return 0;
}

static int pick_element(struct picked *picked, const struct btf_type *from, __u32 number)
{
	int inner = pick(picked, btf_array(from)->type);
	int index = inner < 0 ? inner : pick(picked, btf_array(from)->index_type);

	if (index < 0)
		return index;
	btf_array(type_in(picked, number))->type = inner;
	btf_array(type_in(picked, number))->index_type = index;
	return 0;
}

static int pick_referred(struct picked *picked, const struct btf_type *from, __u32 number)
{
	int inner = pick(picked, from->type);

	if (inner >= 0)
		type_in(picked, number)->type = inner;
	return inner < 0 ? inner : 0;
}

/* What lies inside of @from, whose number is the result's. */
static int pick_inside(struct picked *picked, const struct btf_type *from, __u32 number)
{
	if (btf_is_composite(from))
		return pick_members(picked, from, number);
	if (btf_is_array(from))
		return pick_element(picked, from, number);
	if (btf_is_mod(from) || btf_is_typedef(from))
		return pick_referred(picked, from, number);
	if (btf_is_ptr(from))
		type_in(picked, number)->type = 0;
	return 0;
}

/* The number of type @id in the result, into which it is taken if it is not there; -errno. What a function
 * takes and gives is nothing that lies anywhere: it becomes void. */
static int pick(struct picked *picked, __u32 id)
{
	const struct btf_type *from = btf__type_by_id(picked->from, id);
	int number, err;

	if (!id || !from || btf_is_func_proto(from))
		return 0;
	if (picked->number[id])
		return (int)picked->number[id];
	number = btf__add_type(picked->to, picked->from, from);
	if (number < 0)
		return number;
	picked->number[id] = number;
	err = pick_inside(picked, from, number);
	return err ? err : number;
}

static int pick_named(struct picked *picked, struct name *names)
{
	int number = 0;

	for (__u32 id = 1; id < btf__type_cnt(picked->from) && number >= 0; id++) {
		const char *name = name_of(picked->from, btf__type_by_id(picked->from, id));

		if (*name && is_named(names, name, essential_length(name)))
			number = pick(picked, id);
	}
	return number < 0 ? number : 0;
}

struct btf *core_types_of(const struct btf *kernel, const struct btf *local)
{
	struct picked picked = {.from = kernel,
				.to = btf__new_empty(),
				.number = calloc(btf__type_cnt(kernel), sizeof(*picked.number))};
	struct name *names = NULL;
	int err = picked.to && picked.number ? collect_names(local, &names) : -ENOMEM;

	if (!err)
		err = pick_named(&picked, names);
	forget_names(names);
	free(picked.number);
	if (!err)
		return picked.to;
	btf__free(picked.to);
	errno = -err;
	return NULL;
}

/* ---- for libbpf --------------------------------------------------------------------------------- */

int core_types_open(char path[CORE_TYPES_PATH])
{
	int fd = memfd_create("lapse-types", MFD_CLOEXEC);

	if (fd < 0)
		return -errno;
	snprintf(path, CORE_TYPES_PATH, "/proc/self/fd/%d", fd);
	return fd;
}

static int write_whole(int fd, const char *data, size_t size)
{
	while (size) {
		ssize_t n = write(fd, data, size);

		if (n < 0)
			return -errno;
		data += n;
		size -= n;
	}
	return 0;
}

int core_types_fill(int fd, const struct btf *kernel, const struct bpf_object *object)
{
	struct btf *types = core_types_of(kernel, bpf_object__btf(object));
	const void *data;
	__u32 size;
	int err;

	if (!types)
		return -errno;
	data = btf__raw_data(types, &size);
	err = data ? write_whole(fd, data, size) : -ENOMEM;
	btf__free(types);
	return err;
}
