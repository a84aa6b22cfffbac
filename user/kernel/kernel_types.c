// SPDX-License-Identifier: GPL-2.0-or-later
#include "kernel/kernel_types.h"

#include <bpf/btf.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define PATH "/sys/kernel/btf/vmlinux"

/* ---- one type ---------------------------------------------------------------------------------- */

size_t kernel_type_size(const struct btf_type *type)
{
	size_t n = btf_vlen(type), head = sizeof(*type);

	switch (btf_kind(type)) {
	case BTF_KIND_FWD:
	case BTF_KIND_CONST:
	case BTF_KIND_VOLATILE:
	case BTF_KIND_RESTRICT:
	case BTF_KIND_PTR:
	case BTF_KIND_TYPEDEF:
	case BTF_KIND_FUNC:
	case BTF_KIND_FLOAT:
	case BTF_KIND_TYPE_TAG:
		return head;
	case BTF_KIND_INT:
		return head + sizeof(uint32_t);
	case BTF_KIND_ENUM:
		return head + n * sizeof(struct btf_enum);
	case BTF_KIND_ENUM64:
		return head + n * sizeof(struct btf_enum64);
	case BTF_KIND_ARRAY:
		return head + sizeof(struct btf_array);
	case BTF_KIND_STRUCT:
	case BTF_KIND_UNION:
		return head + n * sizeof(struct btf_member);
	case BTF_KIND_FUNC_PROTO:
		return head + n * sizeof(struct btf_param);
	case BTF_KIND_VAR:
		return head + sizeof(struct btf_var);
	case BTF_KIND_DATASEC:
		return head + n * sizeof(struct btf_var_secinfo);
	case BTF_KIND_DECL_TAG:
		return head + sizeof(struct btf_decl_tag);
	default:
		return 0;
	}
}

const struct btf_type *kernel_type(const struct kernel_types *types, uint32_t id)
{
	return id && id < types->n ? (const void *)(types->at + types->where[id]) : NULL;
}

const char *kernel_type_name(const struct kernel_types *types, uint32_t offset)
{
	return offset < types->text_size ? types->text + offset : "";
}

/* ---- all of them ------------------------------------------------------------------------------- */

static int make_room(struct kernel_types *types, uint32_t *max)
{
	uint32_t *where;

	if (types->n < *max)
		return 0;
	*max = *max ? *max * 2 : 1U << 17;
	where = realloc(types->where, *max * sizeof(*where));
	if (!where)
		return -ENOMEM;
	types->where = where;
	return 0;
}

static int number_all(struct kernel_types *types, size_t bytes)
{
	uint32_t max = 0;

	types->n = 1;
	for (size_t at = 0; at < bytes;) {
		const struct btf_type *type = (const void *)(types->at + at);
		size_t size = bytes - at < sizeof(*type) ? 0 : kernel_type_size(type);
		int err = make_room(types, &max);

		if (err)
			return err;
		if (!size || size > bytes - at)
			return -EINVAL;
		types->where[types->n++] = (uint32_t)at;
		at += size;
	}
	return 0;
}

int kernel_types_of(const void *data, size_t size, struct kernel_types *types)
{
	const struct btf_header *header = data;
	size_t rest;

	*types = (struct kernel_types){.data = data, .size = size};
	if (size < sizeof(*header) || header->magic != BTF_MAGIC || header->hdr_len > size)
		return -EINVAL;
	rest = size - header->hdr_len;
	if (header->type_off > rest || header->type_len > rest - header->type_off || header->type_off % 4 ||
	    header->str_off > rest || header->str_len > rest - header->str_off || !header->str_len)
		return -EINVAL;
	types->at = (const char *)data + header->hdr_len + header->type_off;
	types->text = (const char *)data + header->hdr_len + header->str_off;
	types->text_size = header->str_len;
	if (types->text[types->text_size - 1])
		return -EINVAL;
	return number_all(types, header->type_len);
}

/* Before 6.16 the file cannot be mapped. */
static void *read_whole(int fd, size_t size)
{
	char *data = malloc(size);
	size_t had = 0;

	while (data && had < size) {
		ssize_t n = read(fd, data + had, size - had);

		if (n <= 0) {
			free(data);
			return NULL;
		}
		had += n;
	}
	return data;
}

int kernel_types_open(struct kernel_types *types)
{
	int fd = open(PATH, O_RDONLY | O_CLOEXEC), err;
	struct stat status;
	bool mapped = true;
	void *data;

	*types = (struct kernel_types){0};
	if (fd < 0)
		return -errno;
	if (fstat(fd, &status)) {
		err = -errno;
		close(fd);
		return err;
	}
	data = mmap(NULL, status.st_size, PROT_READ, MAP_PRIVATE | MAP_POPULATE, fd, 0);
	if (data == MAP_FAILED) {
		mapped = false;
		data = read_whole(fd, status.st_size);
	}
	close(fd);
	if (!data)
		return -EIO;
	err = kernel_types_of(data, status.st_size, types);
	types->mapped = mapped;
	types->allocated = !mapped;
	if (err)
		kernel_types_close(types);
	return err;
}

void kernel_types_close(struct kernel_types *types)
{
	if (types->mapped)
		munmap((void *)types->data, types->size);
	if (types->allocated)
		free((void *)types->data);
	free(types->where);
	*types = (struct kernel_types){0};
}

/* ---- looked up ----------------------------------------------------------------------------------- */

/* Where @name stands among the names, whose first one is empty; 0: nowhere. */
static uint32_t offset_of(const struct kernel_types *types, const char *name)
{
	size_t length = strlen(name) + 1;
	const char *at = types->text, *end = types->text + types->text_size;

	for (; (at = memmem(at, end - at, name, length)); at++)
		if (at > types->text && !at[-1])
			return at - types->text;
	return 0;
}

int kernel_type_find(const struct kernel_types *types, const char *name, int kind)
{
	uint32_t offset = offset_of(types, name);

	for (uint32_t id = 1; offset && id < types->n; id++) {
		const struct btf_type *type = kernel_type(types, id);

		if (type->name_off == offset && btf_kind(type) == kind)
			return (int)id;
	}
	return -ENOENT;
}

static int arguments_of(const struct btf_type *prototype)
{
	return prototype && btf_is_func_proto(prototype) ? (int)btf_vlen(prototype) : -ENOENT;
}

int kernel_function_takes(const struct kernel_types *types, int id)
{
	return arguments_of(kernel_type(types, kernel_type(types, id)->type));
}

int kernel_function_arguments(const struct kernel_types *types, const char *name)
{
	int id = kernel_type_find(types, name, BTF_KIND_FUNC);

	return id < 0 ? id : kernel_function_takes(types, id);
}

/* The kernel describes each of its tracepoints by a type of its own, a function's whose first argument is for
 * the kernel itself. */
int kernel_tracepoint_arguments(const struct kernel_types *types, const char *name)
{
	const struct btf_type *type;
	char full[64];
	int id, n;

	snprintf(full, sizeof(full), "btf_trace_%s", name);
	id = kernel_type_find(types, full, BTF_KIND_TYPEDEF);
	if (id < 0)
		return id;
	type = kernel_type(types, kernel_type(types, id)->type);
	n = arguments_of(type && btf_is_ptr(type) ? kernel_type(types, type->type) : NULL);
	return n > 0 ? n - 1 : -ENOENT;
}

bool kernel_struct_has(const struct kernel_types *types, const char *name, const char *member)
{
	int id = kernel_type_find(types, name, BTF_KIND_STRUCT);
	const struct btf_type *type = id > 0 ? kernel_type(types, id) : NULL;
	uint32_t offset = offset_of(types, member);

	for (int i = 0; type && offset && i < btf_vlen(type); i++)
		if (btf_members(type)[i].name_off == offset)
			return true;
	return false;
}

const struct btf_type *kernel_percpu(const struct kernel_types *types)
{
	int id = kernel_type_find(types, ".data..percpu", BTF_KIND_DATASEC);

	return id > 0 ? kernel_type(types, (uint32_t)id) : NULL;
}

int kernel_percpu_offset(const struct kernel_types *types, const struct btf_type *section, const char *name)
{
	const struct btf_var_secinfo *variables = section ? btf_var_secinfos(section) : NULL;

	for (int i = 0; section && i < btf_vlen(section); i++) {
		const struct btf_type *variable = kernel_type(types, variables[i].type);

		if (variable && !strcmp(kernel_type_name(types, variable->name_off), name))
			return (int)variables[i].offset;
	}
	return -ENOENT;
}
