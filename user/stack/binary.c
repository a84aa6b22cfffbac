// SPDX-License-Identifier: GPL-2.0-or-later
#include "stack/binary.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "probe/debugfile.h"
#include "probe/symbols.h"

#include <uthash.h>

/* Files held open for the time when their processes are gone. */
#define HELD_MAX 256
/* What the kernel maps as its vdso at most, in 4 KiB pages. */
#define VDSO_MAX (16UL * 4096)

struct binary {
	struct file_id id;
	char *access;
	int fd; /* held; -1: not */
	bool tried;
	struct object *object;
	int err;
	const char **names; /* of object->functions, as far as they were asked for */
	const char *build_id;
	UT_hash_handle hh;
};

static void binary_free(struct binary *binary)
{
	object_close(binary->object);
	if (binary->fd >= 0)
		close(binary->fd);
	free(binary->access);
	free(binary->names);
	free(binary);
}

void binaries_free(struct binaries *binaries)
{
	struct binary *binary, *next;

	HASH_ITER (hh, binaries->known, binary, next) {
		HASH_DEL(binaries->known, binary);
		binary_free(binary);
	}
}

/* Opens a regular file, and nothing that has a mind of its own. */
static int hold(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	struct stat st;

	if (fd >= 0 && (fstat(fd, &st) || !S_ISREG(st.st_mode))) {
		close(fd);
		return -1;
	}
	return fd;
}

/* Sets the way to the file; an attempt that failed is worth another by a new way. */
static void set_access(struct binaries *binaries, struct binary *binary, const char *access)
{
	if (binary->object)
		return;
	free(binary->access);
	binary->access = strdup(access);
	binary->tried = false;
	if (binary->fd < 0 && binaries->n_held < HELD_MAX && strncmp(access, "/proc/", 6) == 0) {
		binary->fd = hold(access);
		binaries->n_held += binary->fd >= 0;
	}
}

static struct binary *add(struct binaries *binaries, const struct file_id *id)
{
	struct binary *binary;

	HASH_FIND(hh, binaries->known, id, sizeof(*id), binary);
	if (binary)
		return binary;
	binary = calloc(1, sizeof(*binary));
	if (!binary)
		return NULL;
	binary->id = *id;
	binary->fd = -1;
	HASH_ADD(hh, binaries->known, id, sizeof(binary->id), binary);
	return binary;
}

struct binary *binaries_get(struct binaries *binaries, const struct mapped_file *file)
{
	struct binary *binary = add(binaries, &file->id);

	if (binary)
		set_access(binaries, binary, file->access);
	return binary;
}

/* lapse's own, as a file; -1 where it has none. */
static int vdso_file(void)
{
	const char *start = (const char *)getauxval(AT_SYSINFO_EHDR);
	long page = sysconf(_SC_PAGESIZE);
	int fd = start ? memfd_create("vdso", MFD_CLOEXEC) : -1;

	/* The kernel refuses what lies behind its last page, so write(2) finds the end. */
	for (size_t at = 0; fd >= 0 && at < VDSO_MAX; at += (size_t)page) {
		if (write(fd, start + at, (size_t)page) != page)
			break;
	}
	return fd;
}

struct binary *binaries_vdso(struct binaries *binaries)
{
	static const struct file_id none;
	struct binary *binary = add(binaries, &none);

	if (binary && binary->fd < 0 && !binary->tried)
		binary->fd = vdso_file();
	return binary;
}

/* The way through the process finds its debug files too; the held file is there when it is gone. */
static void open_object(struct binary *binary)
{
	char held[64];

	binary->err = -ENOENT;
	if (binary->access)
		binary->object = object_open(binary->access, "", &binary->err);
	if (binary->object || binary->fd < 0 || binary->err == -ENOEXEC)
		return;
	snprintf(held, sizeof(held), "/proc/self/fd/%d", binary->fd);
	binary->object = object_open(held, "", &binary->err);
}

const struct object *binary_object(struct binary *binary, int *err)
{
	if (!binary->tried) {
		binary->tried = true;
		open_object(binary);
	}
	*err = binary->err;
	return binary->object;
}

/* The address as linked of what lies at @place of the file, as code. */
static bool address_at(const struct object *object, uint64_t place, uint64_t *addr)
{
	for (size_t i = 0; i < object->n_segments; i++) {
		const struct segment *segment = &object->segments[i];

		if (!segment->executable || place < segment->offset ||
		    place - segment->offset >= segment->size)
			continue;
		*addr = place - segment->offset + segment->addr;
		return true;
	}
	return false;
}

static const char *keep_name(struct binaries *binaries, const char *symbol)
{
	char *readable = name_readable(symbol, false);
	const char *name = pool_keep(binaries->pool, readable ? readable : symbol);

	free(readable);
	return name;
}

const char *binary_function(struct binaries *binaries, struct binary *binary, uint64_t place,
			    uint64_t *within)
{
	const struct function *function;
	const struct object *object;
	uint64_t addr;
	size_t index;
	int err;

	object = binary_object(binary, &err);
	if (!object || !address_at(object, place, &addr))
		return NULL;
	function = symbols_at(object, addr);
	if (!function)
		return NULL;
	*within = addr - function->addr;
	if (!binary->names)
		binary->names = calloc(object->n_functions, sizeof(*binary->names));
	if (!binary->names)
		return keep_name(binaries, function->symbol);
	index = (size_t)(function - object->functions);
	if (!binary->names[index])
		binary->names[index] = keep_name(binaries, function->symbol);
	return binary->names[index];
}

uint64_t binary_address(struct binary *binary, uint64_t place)
{
	const struct object *object;
	uint64_t addr;
	int err;

	object = binary_object(binary, &err);
	return object && address_at(object, place, &addr) ? addr : 0;
}

const char *binary_build_id(struct binaries *binaries, struct binary *binary)
{
	const struct object *object;
	char hex[160];
	int err;

	object = binary_object(binary, &err);
	if (!object)
		return "";
	if (!binary->build_id) {
		debugfile_build_id(object, hex, sizeof(hex));
		binary->build_id = pool_keep(binaries->pool, hex);
	}
	return binary->build_id;
}
