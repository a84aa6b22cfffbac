// SPDX-License-Identifier: GPL-2.0-or-later
#include "kernel/core_types.h"

#include <bpf/btf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include <uthash.h>

#include "kernel/kernel_types.h"

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
static bool can_be_asked_for(const struct btf_type *type)
{
	return btf_is_composite(type) || btf_is_any_enum(type) || btf_is_typedef(type);
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

	for (__u32 id = 1; id < btf__type_cnt(local) && !err; id++) {
		const struct btf_type *type = btf__type_by_id(local, id);

		if (can_be_asked_for(type))
			err = add_name(names, btf__name_by_offset(local, type->name_off));
	}
	return err;
}

/* ---- what is written ----------------------------------------------------------------------------- */

struct buffer {
	char *data;
	size_t n, max;
};

/* Where in @buffer @size more bytes lie now; -ENOMEM. */
static ssize_t append(struct buffer *buffer, const void *data, size_t size)
{
	size_t max = buffer->max ? buffer->max : 1U << 16;
	char *larger;

	while (max < buffer->n + size)
		max *= 2;
	if (max != buffer->max) {
		larger = realloc(buffer->data, max);
		if (!larger)
			return -ENOMEM;
		buffer->data = larger;
		buffer->max = max;
	}
	memcpy(buffer->data + buffer->n, data, size);
	buffer->n += size;
	return buffer->n - size;
}

/* A name of the kernel's, and where it stands in the result. */
struct written {
	UT_hash_handle hh;
	uint32_t from, to;
};

struct picked {
	const struct kernel_types *from;
	struct buffer types, text;
	struct written *names;
	uint32_t *number; /* in the result, by that in @from; 0: not taken */
	uint32_t n;	  /* types taken */
	int err;
};

/* The name at @from, in the result. */
static uint32_t name_in(struct picked *picked, uint32_t from)
{
	const char *text = kernel_type_name(picked->from, from);
	struct written *name;
	ssize_t at;

	if (!*text || picked->err)
		return 0;
	HASH_FIND(hh, picked->names, &from, sizeof(from), name);
	if (name)
		return name->to;
	at = append(&picked->text, text, strlen(text) + 1);
	name = at < 0 ? NULL : calloc(1, sizeof(*name));
	if (!name) {
		picked->err = -ENOMEM;
		return 0;
	}
	name->from = from;
	name->to = (uint32_t)at;
	HASH_ADD(hh, picked->names, from, sizeof(name->from), name);
	return name->to;
}

static void forget_written(struct picked *picked)
{
	struct written *name, *next;

	HASH_ITER (hh, picked->names, name, next) {
		HASH_DEL(picked->names, name);
		free(name);
	}
}

/* ---- types ------------------------------------------------------------------------------------- */

static uint32_t pick(struct picked *picked, uint32_t id);

/* The type that lies at @at of the result, which moves as it grows. */
static struct btf_type *type_at(const struct picked *picked, size_t at)
{
	return (struct btf_type *)(picked->types.data + at);
}

static void pick_members(struct picked *picked, const struct btf_type *from, size_t at)
{
	for (__u16 i = 0; i < btf_vlen(from) && !picked->err; i++) {
		uint32_t type = pick(picked, btf_members(from)[i].type);
		struct btf_member *member = &btf_members(type_at(picked, at))[i];

		member->type = type;
		member->name_off = name_in(picked, member->name_off);
	}
}

static void name_enumerators(struct picked *picked, const struct btf_type *from, size_t at)
{
	for (__u16 i = 0; i < btf_vlen(from); i++)
		if (btf_is_enum64(from))
			btf_enum64(type_at(picked, at))[i].name_off =
				name_in(picked, btf_enum64(from)[i].name_off);
		else
			btf_enum(type_at(picked, at))[i].name_off =
				name_in(picked, btf_enum(from)[i].name_off);
}

static void pick_element(struct picked *picked, const struct btf_type *from, size_t at)
{
	uint32_t inner = pick(picked, btf_array(from)->type),
		 index = pick(picked, btf_array(from)->index_type);

	btf_array(type_at(picked, at))->type = inner;
	btf_array(type_at(picked, at))->index_type = index;
}

/* What lies inside of @from, which lies at @at of the result. What it points to does not: that becomes void.
 */
static void pick_inside(struct picked *picked, const struct btf_type *from, size_t at)
{
	uint32_t inner;

	if (btf_is_composite(from)) {
		pick_members(picked, from, at);
	} else if (btf_is_any_enum(from)) {
		name_enumerators(picked, from, at);
	} else if (btf_is_array(from)) {
		pick_element(picked, from, at);
	} else if (btf_is_mod(from) || btf_is_typedef(from)) {
		inner = pick(picked, from->type);
		type_at(picked, at)->type = inner;
	} else if (btf_is_ptr(from)) {
		type_at(picked, at)->type = 0;
	}
}

/* The number of type @id in the result, into which it is taken if it is not there. What a function takes and
 * gives is nothing that lies anywhere: it becomes void. */
static uint32_t pick(struct picked *picked, uint32_t id)
{
	const struct btf_type *from = kernel_type(picked->from, id);
	ssize_t at;

	if (!from || picked->err || btf_is_func_proto(from))
		return 0;
	if (picked->number[id])
		return picked->number[id];
	at = append(&picked->types, from, kernel_type_size(from));
	if (at < 0) {
		picked->err = (int)at;
		return 0;
	}
	picked->number[id] = ++picked->n;
	type_at(picked, at)->name_off = name_in(picked, from->name_off);
	pick_inside(picked, from, at);
	return picked->number[id];
}

/* The kernel's own types have no versions. */
static int pick_named(struct picked *picked, struct name *names)
{
	struct name *name, *next;

	HASH_ITER (hh, names, name, next) {
		uint32_t at = kernel_types_text(picked->from, name->text, name->hh.keylen), id = 0;

		while ((id = kernel_types_next(picked->from, at, id)))
			if (can_be_asked_for(kernel_type(picked->from, id)))
				pick(picked, id);
	}
	return picked->err;
}

static int put_together(const struct picked *picked, void **data, size_t *size)
{
	struct btf_header header = {.magic = BTF_MAGIC,
				    .version = BTF_VERSION,
				    .hdr_len = sizeof(header),
				    .type_len = picked->types.n,
				    .str_off = picked->types.n,
				    .str_len = picked->text.n};
	struct buffer all = {0};

	if (append(&all, &header, sizeof(header)) < 0 ||
	    (picked->types.n && append(&all, picked->types.data, picked->types.n) < 0) ||
	    append(&all, picked->text.data, picked->text.n) < 0) {
		free(all.data);
		return -ENOMEM;
	}
	*data = all.data;
	*size = all.n;
	return 0;
}

int core_types_of(const struct kernel_types *kernel, const struct btf *local, void **data, size_t *size)
{
	struct picked picked = {.from = kernel, .number = calloc(kernel->n, sizeof(*picked.number))};
	struct name *names = NULL;
	int err = picked.number && append(&picked.text, "", 1) == 0 ? collect_names(local, &names) : -ENOMEM;

	if (!err)
		err = pick_named(&picked, names) ?: put_together(&picked, data, size);
	forget_names(names);
	forget_written(&picked);
	free(picked.types.data);
	free(picked.text.data);
	free(picked.number);
	return err;
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

int core_types_fill(int fd, const struct kernel_types *kernel, const struct bpf_object *object)
{
	void *data = NULL;
	size_t size;
	int err = core_types_of(kernel, bpf_object__btf(object), &data, &size);

	if (!err)
		err = write_whole(fd, data, size);
	free(data);
	return err;
}
