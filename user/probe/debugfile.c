// SPDX-License-Identifier: GPL-2.0-or-later
#include "probe/debugfile.h"

#include <elfutils/libdwelf.h>
#include <fcntl.h>
#include <gelf.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "probe/symtab.h"

#define MAX_BUILD_ID 64

static bool same_build_id(Elf *elf, const unsigned char *id, ssize_t size)
{
	const void *other;

	return dwelf_elf_gnu_build_id(elf, &other) == size && memcmp(other, id, (size_t)size) == 0;
}

void debugfile_open(struct object *object, const char *root)
{
	char path[PATH_MAX];
	const void *note;
	const unsigned char *id;
	ssize_t size = dwelf_elf_gnu_build_id(object->elf, &note);
	int at;

	if (size < 2 || size > MAX_BUILD_ID)
		return;
	id = note;
	at = snprintf(path, sizeof(path), "%s/usr/lib/debug/.build-id/%02x/", root, id[0]);
	if (at < 0 || (size_t)at + 2 * (size_t)size + sizeof(".debug") > sizeof(path))
		return;
	for (ssize_t i = 1; i < size; i++)
		at += snprintf(path + at, sizeof(path) - (size_t)at, "%02x", id[i]);
	snprintf(path + at, sizeof(path) - (size_t)at, ".debug");
	object->debug_fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	if (object->debug_fd < 0)
		return;
	object->debug = elf_begin(object->debug_fd, ELF_C_READ, NULL);
	if (object->debug && elf_kind(object->debug) == ELF_K_ELF && symtab_present(object->debug) &&
	    same_build_id(object->debug, id, size))
		return;
	elf_end(object->debug);
	object->debug = NULL;
	close(object->debug_fd);
	object->debug_fd = -1;
}
