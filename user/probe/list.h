/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What can be probed in a process: the verb `list`. Patterns are those of list_pattern.h. */
#ifndef LAPSE_LIST_H
#define LAPSE_LIST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "probe/target.h"

/*
 * Of so many functions each is looked into. To decode more would take seconds, for a list that nobody
 * reads line by line.
 */
#define LIST_JUDGED_MAX 5000

struct list_entry {
	const char *function; /* demangled */
	const char *symbol;   /* as the symbol table has it */
	const char *object;   /* the file's name */
	uint64_t offset;      /* of the entry, in the file */
	uint64_t size;	      /* in bytes; 0 where the table does not say */
	const char *method;   /* "return probe", "return instructions", or NULL: not probed */
	const char *price;    /* "emulated", "nop5", "single-stepped"; NULL: not probed, or not judged */
	const char
		*entry_price; /* the same of the entry, where the probe was moved on from it, else .price */
	uint64_t moved_by;    /* bytes */
	const char *stays;    /* why it is single-stepped; NULL: it is not */
	const char *why;      /* why not, or why by return instructions; may be NULL */
	bool judged;	      /* its code was looked into; else .method is what holds for its file */
};

/*
 * Calls @each for every function of @process that matches @pattern, demangled or as it stands (NULL:
 * all), objects in the order of the maps, functions by name. @each returns non-zero to stop. Returns 0,
 * what @each returned, or -errno after a message.
 */
int list_functions(const struct process *process, const char *pattern,
		   int (*each)(void *context, const struct list_entry *entry), void *context);

/* A statically defined mark, the probe usdt:PROVIDER:NAME, or a marker of lapse.h, marker:NAME. */
struct list_mark {
	const char *provider, *name;
	const char *file; /* as the process sees it */
	size_t n_args;
	bool marker;
	bool named; /* the marker that stands for all whose names are given at run time */
};

/* The same for marks, each once a file, in the file's order. */
int list_marks(const struct process *process, const char *pattern,
	       int (*each)(void *context, const struct list_mark *mark), void *context);

#endif
