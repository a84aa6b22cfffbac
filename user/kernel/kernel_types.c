// SPDX-License-Identifier: GPL-2.0-or-later
#include "kernel/kernel_types.h"

#include <bpf/btf.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/thread_start.h"

#define PATH "/sys/kernel/btf/vmlinux"

/* ---- one type ---------------------------------------------------------------------------------- */

/* What follows a type's head: so many bytes, and so many for each of its parts. */
static const struct {
	uint8_t known, fixed, each;
} sizes[] = {
	[BTF_KIND_INT] = {1, sizeof(uint32_t), 0},
	[BTF_KIND_PTR] = {1, 0, 0},
	[BTF_KIND_ARRAY] = {1, sizeof(struct btf_array), 0},
	[BTF_KIND_STRUCT] = {1, 0, sizeof(struct btf_member)},
	[BTF_KIND_UNION] = {1, 0, sizeof(struct btf_member)},
	[BTF_KIND_ENUM] = {1, 0, sizeof(struct btf_enum)},
	[BTF_KIND_FWD] = {1, 0, 0},
	[BTF_KIND_TYPEDEF] = {1, 0, 0},
	[BTF_KIND_VOLATILE] = {1, 0, 0},
	[BTF_KIND_CONST] = {1, 0, 0},
	[BTF_KIND_RESTRICT] = {1, 0, 0},
	[BTF_KIND_FUNC] = {1, 0, 0},
	[BTF_KIND_FUNC_PROTO] = {1, 0, sizeof(struct btf_param)},
	[BTF_KIND_VAR] = {1, sizeof(struct btf_var), 0},
	[BTF_KIND_DATASEC] = {1, 0, sizeof(struct btf_var_secinfo)},
	[BTF_KIND_FLOAT] = {1, 0, 0},
	[BTF_KIND_DECL_TAG] = {1, sizeof(struct btf_decl_tag), 0},
	[BTF_KIND_TYPE_TAG] = {1, 0, 0},
	[BTF_KIND_ENUM64] = {1, 0, sizeof(struct btf_enum64)},
};

/* For each type in turn it would be dear to choose by kind: they follow each other without an order. */
size_t kernel_type_size(const struct btf_type *type)
{
	uint32_t kind = btf_kind(type);

	if (kind >= sizeof(sizes) / sizeof(*sizes) || !sizes[kind].known)
		return 0;
	return sizeof(*type) + sizes[kind].fixed + (size_t)btf_vlen(type) * sizes[kind].each;
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

/* As many as there can be: what is not written to takes no memory. */
static uint32_t *room_for(size_t n)
{
	return malloc((n + 1) * sizeof(uint32_t));
}

static int number_all(struct kernel_types *types, size_t bytes)
{
	types->n = 1;
	types->where = room_for(bytes / sizeof(struct btf_type) + 1);
	if (!types->where)
		return -ENOMEM;
	for (size_t at = 0; at < bytes;) {
		const struct btf_type *type = (const void *)(types->at + at);
		size_t size = bytes - at < sizeof(*type) ? 0 : kernel_type_size(type);

		if (!size || size > bytes - at)
			return -EINVAL;
		types->where[types->n++] = (uint32_t)at;
		at += size;
	}
	return 0;
}

/* ---- to look up by ----------------------------------------------------------------------------- */

#define HEADS_BITS 16

/* Numbers by a hash: from .head of the hash on by .next of each, until 0. */
struct chains {
	uint32_t head[1U << HEADS_BITS];
	uint32_t *next;
};

struct kernel_types_by {
	struct chains names; /* by what they read */
	uint32_t *name_at;   /* names are numbered from 1 on */
	struct chains types; /* by where their names stand */
};

static uint32_t mixed(uint64_t bits)
{
	return (uint32_t)(bits * 0x9e3779b97f4a7c15ULL >> (64 - HEADS_BITS));
}

/* Of both ends, in which most names differ. */
static uint32_t hash_of(const char *text, size_t length)
{
	uint64_t first = 0, last = 0;

	if (length >= sizeof(first)) {
		memcpy(&first, text, sizeof(first));
		memcpy(&last, text + length - sizeof(last), sizeof(last));
	} else {
		memcpy(&first, text, length);
	}
	return mixed(first ^ (last << 7 | last >> 57) ^ length);
}

static void chain(struct chains *chains, uint32_t hash, uint32_t number)
{
	chains->next[number] = chains->head[hash];
	chains->head[hash] = number;
}

static int chain_names(const struct kernel_types *types, struct kernel_types_by *by)
{
	uint32_t n = 1;

	by->name_at = room_for(types->text_size);
	by->names.next = room_for(types->text_size);
	if (!by->name_at || !by->names.next)
		return -ENOMEM;
	for (size_t at = 1, length; at < types->text_size; at += length + 1) {
		length = strlen(types->text + at);
		by->name_at[n] = (uint32_t)at;
		chain(&by->names, hash_of(types->text + at, length), n++);
	}
	return 0;
}

static int chain_types(const struct kernel_types *types, struct kernel_types_by *by)
{
	by->types.next = room_for(types->n);
	if (!by->types.next)
		return -ENOMEM;
	for (uint32_t id = 1; id < types->n; id++)
		chain(&by->types, mixed(kernel_type(types, id)->name_off), id);
	return 0;
}

static int chain_all(struct kernel_types *types)
{
	types->by = calloc(1, sizeof(*types->by));
	if (!types->by)
		return -ENOMEM;
	return chain_names(types, types->by) ?: chain_types(types, types->by);
}

static void forget_chains(struct kernel_types_by *by)
{
	if (!by)
		return;
	free(by->names.next);
	free(by->name_at);
	free(by->types.next);
	free(by);
}

/* ---- opened -------------------------------------------------------------------------------------- */

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
	return number_all(types, header->type_len) ?: chain_all(types);
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

static int read_types(struct kernel_types *types)
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

/* ---- read beside the caller ---------------------------------------------------------------------- */

static struct {
	pthread_t thread;
	bool begun;
	struct kernel_types types;
	int err;
} beside;

static void *read_beside(void *unused)
{
	(void)unused;
	pthread_setname_np(pthread_self(), "lapse-types");
	beside.err = read_types(&beside.types);
	return NULL;
}

void kernel_types_begin(void)
{
	if (!beside.begun)
		beside.begun = !thread_start(&beside.thread, read_beside, NULL);
}

int kernel_types_open(struct kernel_types *types)
{
	if (!beside.begun)
		return read_types(types);
	pthread_join(beside.thread, NULL);
	beside.begun = false;
	*types = beside.types;
	return beside.err;
}

void kernel_types_close(struct kernel_types *types)
{
	if (types->mapped)
		munmap((void *)types->data, types->size);
	if (types->allocated)
		free((void *)types->data);
	free(types->where);
	forget_chains(types->by);
	*types = (struct kernel_types){0};
}

/* ---- looked up ----------------------------------------------------------------------------------- */

uint32_t kernel_types_text(const struct kernel_types *types, const char *text, size_t length)
{
	const struct kernel_types_by *by = types->by;
	uint32_t number = by ? by->names.head[hash_of(text, length)] : 0;

	for (; number; number = by->names.next[number]) {
		uint32_t at = by->name_at[number];

		if (!strncmp(types->text + at, text, length) && !types->text[at + length])
			return at;
	}
	return 0;
}

uint32_t kernel_types_next(const struct kernel_types *types, uint32_t offset, uint32_t id)
{
	const struct kernel_types_by *by = types->by;

	if (!by || !offset)
		return 0;
	id = id ? by->types.next[id] : by->types.head[mixed(offset)];
	while (id && kernel_type(types, id)->name_off != offset)
		id = by->types.next[id];
	return id;
}

/* The first one, should there be some. */
int kernel_type_find(const struct kernel_types *types, const char *name, int kind)
{
	uint32_t offset = kernel_types_text(types, name, strlen(name)), id = 0;
	int found = -ENOENT;

	while ((id = kernel_types_next(types, offset, id)))
		if (btf_kind(kernel_type(types, id)) == kind && (found < 0 || id < (uint32_t)found))
			found = (int)id;
	return found;
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
	uint32_t offset = kernel_types_text(types, member, strlen(member));

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
