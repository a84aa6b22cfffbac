// SPDX-License-Identifier: GPL-2.0-or-later
#include "probe/debugfile.h"

#include <ctype.h>
#include <elfutils/libdwelf.h>
#include <fcntl.h>
#include <gelf.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#include "probe/debugdata.h"
#include "probe/debuginfo.h"
#include "probe/section.h"
#include "probe/symtab.h"

#define DEBUG_FOLDER "/usr/lib/debug"
#define DELETED	     " (deleted)"
#define MAX_BUILD_ID 64
#define MAX_VIEWS    2
#define CRC_SIZE     4

/* Where an object lies, and the roots under which its debug files may. */
struct home {
	char folder[PATH_MAX]; /* as seen under the roots */
	char roots[MAX_VIEWS][PATH_MAX];
	size_t n_roots;
};

/* What a debug file must have to be the one of an object. */
struct wanted {
	const void *id; /* build id */
	size_t id_size; /* 0: none */
	bool linked;	/* there is a .gnu_debuglink: */
	char link[NAME_MAX + 1];
	uint32_t crc;
	bool symbols; /* it shall bring symbols, else debug information */
};

/* The length of "/proc/PID" at the start of @path, or 0. */
static size_t process_prefix(const char *path)
{
	size_t n = strlen("/proc/");

	if (strncmp(path, "/proc/", n) != 0 || !isdigit((unsigned char)path[n]))
		return 0;
	while (isdigit((unsigned char)path[n]))
		n++;
	return path[n] == '/' && n < 32 ? n : 0;
}

/* The file's name in the root of the process @path leads through, without " (deleted)". */
static void name_in_root(const char *path, size_t prefix, char name[PATH_MAX])
{
	ssize_t n;

	if (strncmp(path + prefix, "/root/", strlen("/root/")) == 0) {
		snprintf(name, PATH_MAX, "%s", path + prefix + strlen("/root"));
		return;
	}
	n = readlink(path, name, PATH_MAX - 1);
	name[n < 0 ? 0 : n] = '\0';
	if ((size_t)n > strlen(DELETED) && n > 0 && strcmp(name + n - strlen(DELETED), DELETED) == 0)
		name[(size_t)n - strlen(DELETED)] = '\0';
}

static struct home home_of(const struct object *object)
{
	size_t prefix = process_prefix(object->path);
	struct home home = {0};
	char *slash;

	if (prefix) {
		snprintf(home.roots[home.n_roots++], sizeof(home.roots[0]), "%.*s/root", (int)prefix,
			 object->path);
		name_in_root(object->path, prefix, home.folder);
	} else {
		snprintf(home.folder, sizeof(home.folder), "%s", object->path);
	}
	snprintf(home.roots[home.n_roots++], sizeof(home.roots[0]), "%s", object->root);
	slash = strrchr(home.folder, '/');
	home.folder[slash ? slash - home.folder : 0] = '\0';
	return home;
}

/* What .gnu_debuglink says: a plain name, and behind it, aligned, the file's checksum. */
static void read_link(Elf *elf, struct wanted *wanted)
{
	struct section section;
	size_t length;

	if (!section_find(elf, ".gnu_debuglink", &section) || section.size < CRC_SIZE + 2)
		return;
	length = strnlen((const char *)section.bytes, section.size - CRC_SIZE);
	if (length == 0 || length >= sizeof(wanted->link) || length >= section.size - CRC_SIZE)
		return;
	memcpy(wanted->link, section.bytes, length + 1);
	memcpy(&wanted->crc, section.bytes + section.size - CRC_SIZE, CRC_SIZE);
	wanted->linked = !strchr(wanted->link, '/') && strcmp(wanted->link, "..") != 0;
}

static struct wanted wanted_of(const struct object *object)
{
	struct wanted wanted = {.symbols = !symtab_present(object->elf)};
	ssize_t size = dwelf_elf_gnu_build_id(object->elf, &wanted.id);

	wanted.id_size = size >= 2 && size <= MAX_BUILD_ID ? (size_t)size : 0;
	read_link(object->elf, &wanted);
	return wanted;
}

static bool crc_matches(int fd, uint32_t wanted)
{
	unsigned char buffer[65536];
	uLong crc = crc32(0, NULL, 0);
	off_t at = 0;
	ssize_t n;

	while ((n = pread(fd, buffer, sizeof(buffer), at)) > 0) {
		crc = crc32(crc, buffer, (uInt)n);
		at += n;
	}
	return n == 0 && crc == wanted;
}

/* The build id decides where both have one: it is cheaper than the checksum and says as much. */
static bool is_wanted(Elf *elf, int fd, const struct wanted *wanted)
{
	const void *id;
	ssize_t size = dwelf_elf_gnu_build_id(elf, &id);

	if (size > 0 && wanted->id_size)
		return (size_t)size == wanted->id_size && memcmp(id, wanted->id, wanted->id_size) == 0;
	return wanted->linked && crc_matches(fd, wanted->crc);
}

/* Opens a regular ELF file; what else lies under the name is not even opened. */
static Elf *open_elf(const char *path, int *fd)
{
	struct stat st;
	Elf *elf;

	if (stat(path, &st) || !S_ISREG(st.st_mode))
		return NULL;
	*fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	if (*fd < 0)
		return NULL;
	elf = elf_begin(*fd, ELF_C_READ, NULL);
	if (elf && elf_kind(elf) == ELF_K_ELF)
		return elf;
	elf_end(elf);
	close(*fd);
	return NULL;
}

static bool try_path(struct object *object, const char *path, const struct wanted *wanted)
{
	struct stat st;
	int fd;
	Elf *elf;

	/* A link that leads to the object itself is common, and no news. */
	if (stat(path, &st) || (st.st_ino == object->ino && st.st_dev == object->dev))
		return false;
	elf = open_elf(path, &fd);
	if (!elf)
		return false;
	if ((wanted->symbols ? symtab_present(elf) : debuginfo_present(elf)) && is_wanted(elf, fd, wanted)) {
		object->debug = elf;
		object->debug_fd = fd;
		object->debug_path = strdup(path);
		return true;
	}
	elf_end(elf);
	close(fd);
	return false;
}

/* ROOT/usr/lib/debug/.build-id/xx/yyyy.debug; false where it does not fit. */
static bool build_id_path(char path[PATH_MAX], const char *root, const unsigned char *id, size_t size)
{
	int at = snprintf(path, PATH_MAX, "%s" DEBUG_FOLDER "/.build-id/%02x/", root, id[0]);

	if (at < 0 || (size_t)at + 2 * size + sizeof(".debug") > PATH_MAX)
		return false;
	for (size_t i = 1; i < size; i++)
		at += snprintf(path + at, PATH_MAX - (size_t)at, "%02x", id[i]);
	snprintf(path + at, PATH_MAX - (size_t)at, ".debug");
	return true;
}

static bool try_link(struct object *object, const char *root, const char *folder, const struct wanted *wanted)
{
	static const struct {
		const char *above, *below;
	} folders[] = {{"", ""}, {"", "/.debug"}, {DEBUG_FOLDER, ""}};
	char path[PATH_MAX];

	for (size_t i = 0; i < sizeof(folders) / sizeof(folders[0]); i++) {
		if (snprintf(path, sizeof(path), "%s%s%s%s/%s", root, folders[i].above, folder,
			     folders[i].below, wanted->link) < (int)sizeof(path) &&
		    try_path(object, path, wanted))
			return true;
	}
	return false;
}

static bool find(struct object *object, const struct wanted *wanted)
{
	struct home home = home_of(object);
	char path[PATH_MAX];

	for (size_t i = 0; i < home.n_roots; i++) {
		if (wanted->id_size && build_id_path(path, home.roots[i], wanted->id, wanted->id_size) &&
		    try_path(object, path, wanted))
			return true;
	}
	for (size_t i = 0; wanted->linked && i < home.n_roots; i++) {
		if (try_link(object, home.roots[i], home.folder, wanted))
			return true;
	}
	return false;
}

void debugfile_open(struct object *object)
{
	struct wanted wanted = wanted_of(object);

	if (!wanted.symbols && debuginfo_present(object->elf))
		return;
	if (!find(object, &wanted) && wanted.symbols)
		object->debug = debugdata_open(object->elf, &object->debug_image);
}

void debugfile_build_id(const struct object *object, char *hex, size_t size)
{
	const void *id;
	ssize_t n = dwelf_elf_gnu_build_id(object->elf, &id);

	*hex = '\0';
	if (n <= 0 || n > MAX_BUILD_ID || (size_t)n * 2 >= size)
		return;
	for (ssize_t i = 0; i < n; i++)
		snprintf(hex + 2 * i, 3, "%02x", ((const unsigned char *)id)[i]);
}

/* ROOT/NAME where the name is absolute, else beside the file that names it. */
static bool supplement_path(char path[PATH_MAX], const struct object *object, const char *root,
			    const char *name)
{
	const char *by = object->debug_path ? object->debug_path : object->path;
	const char *slash = strrchr(by, '/');
	int n;

	if (name[0] == '/')
		n = snprintf(path, PATH_MAX, "%s%s", root, name);
	else
		n = snprintf(path, PATH_MAX, "%.*s%s", slash ? (int)(slash - by + 1) : 0, by, name);
	return n > 0 && n < PATH_MAX;
}

static Elf *try_supplement(const char *path, const struct wanted *wanted, int *fd)
{
	Elf *elf = open_elf(path, fd);

	if (!elf || is_wanted(elf, *fd, wanted))
		return elf;
	elf_end(elf);
	close(*fd);
	return NULL;
}

void *debugfile_supplement(const struct object *object, const char *name, const void *id, size_t size,
			   int *fd)
{
	struct wanted wanted = {.id = id, .id_size = size <= MAX_BUILD_ID ? size : 0};
	struct home home;
	char path[PATH_MAX];
	Elf *elf = NULL;

	if (!object->root || wanted.id_size < 2)
		return NULL;
	home = home_of(object);
	for (size_t i = 0; !elf && i < home.n_roots; i++) {
		if (build_id_path(path, home.roots[i], id, size))
			elf = try_supplement(path, &wanted, fd);
		if (!elf && supplement_path(path, object, home.roots[i], name))
			elf = try_supplement(path, &wanted, fd);
	}
	return elf;
}
