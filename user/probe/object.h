/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * One ELF file: its segments, its functions, its bytes. The file is hostile input; nothing that
 * it claims is believed before it was checked against its size.
 */
#ifndef LAPSE_OBJECT_H
#define LAPSE_OBJECT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "probe/code_units.h"

struct debuginfo;

/* What a function is to Go. */
enum go_kind {
	GO_NONE,     /* none of its: C, in whatever file */
	GO_FUNCTION, /* compiled by it */
	GO_ASSEMBLY,
};

struct function {
	const char *symbol; /* lives as long as the object */
	uint64_t addr;	    /* virtual, as linked */
	uint64_t offset;    /* in the file */
	uint64_t size;	    /* as the table says; 0: it does not */
	bool ifunc;
	bool global;
	uint8_t go; /* enum go_kind */
};

/* What Go's linker says of a file. */
struct go_file {
	bool built;	/* by Go */
	bool has_table; /* its table of functions could be read, so that these are told apart */
	unsigned minor; /* of Go 1's version; 0: not known */
};

struct segment {
	uint64_t addr, offset, size;
	bool executable;
};

struct object {
	int fd;
	char *path, *root; /* as given to object_open() */
	void *elf;	   /* Elf of libelf */
	void *debug;	   /* Elf of what was found of symbols and debug information apart, or NULL */
	int debug_fd;
	char *debug_path;  /* NULL where it lies in ... */
	void *debug_image; /* memory: symbols that were packed into the file itself */
	dev_t dev;
	ino_t ino;
	bool x86_64;
	bool has_symtab;   /* its own, or one found apart */
	bool has_handlers; /* functions of it may have code for exceptions */
	struct go_file go;
	struct segment *segments;
	size_t n_segments;
	struct function *functions; /* by address, then size, then name */
	size_t n_functions;
	const struct function **cold; /* those named NAME.cold..., by name */
	size_t n_cold;
	struct code_units *units;    /* never NULL */
	struct debuginfo *debuginfo; /* never NULL */
};

/*
 * Opens @path. Returns NULL with *err set to -ENOEXEC (no ELF file, or none with code), or what
 * open(2) said. @root is where separate debug files are looked for ("" for lapse's own view), besides
 * the root of the process that @path leads through (/proc/PID/...); NULL: nowhere. Release with
 * object_close().
 */
struct object *object_open(const char *path, const char *root, int *err);
void object_close(struct object *object);

/* File offset of a virtual address, through the loaded segments. */
bool object_offset(const struct object *object, uint64_t addr, uint64_t *offset);
/* The executable segment that holds @addr, or NULL. */
const struct segment *object_code(const struct object *object, uint64_t addr);

/* Reads up to @size bytes at virtual address @addr; returns how many there were. */
size_t object_read(const struct object *object, uint64_t addr, void *buffer, size_t size);

/* The first function at or after @addr, as an index; n_functions if there is none. */
size_t object_function_from(const struct object *object, uint64_t addr);
/* The function that starts at @addr, or NULL. */
const struct function *object_function_at(const struct object *object, uint64_t addr);

#define FUNCTION_MAX_SIZE (64 * 1024)
/* How many bytes belong to @function: its size, or what else tells where it ends, capped. */
uint64_t object_function_extent(const struct object *object, const struct function *function);

#endif
