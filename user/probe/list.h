/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What can be probed in a process: the verb `list`. */
#ifndef LAPSE_LIST_H
#define LAPSE_LIST_H

#include <stddef.h>
#include <stdint.h>

#include "probe/target.h"

struct list_entry {
	const char *function; /* demangled */
	const char *symbol;   /* as the symbol table has it */
	const char *object;   /* the file's name */
	uint64_t offset;      /* of the entry, in the file */
	uint64_t size;	      /* in bytes; 0 where the table does not say */
	const char *method;   /* "return probe", "return instructions", or NULL: not probed */
	const char *price;    /* "emulated", "nop5", "single-stepped" */
	const char *why;      /* why not, or why by return instructions; may be NULL */
};

/*
 * Calls @each for every function of @process that matches @pattern (a glob over demangled and raw
 * names; NULL: all), objects in the order of the maps, functions by name. @each returns non-zero to
 * stop. Returns 0, what @each returned, or -errno after a message.
 */
int list_functions(const struct process *process, const char *pattern,
		   int (*each)(void *context, const struct list_entry *entry), void *context);

#endif
