/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Jump tables of a function: where its indirect jumps may go. */
#ifndef LAPSE_TABLES_H
#define LAPSE_TABLES_H

#include "probe/body.h"

#define TABLES_MAX 64

/* Places that may hold a table, gathered from the function's instructions. */
struct tables {
	uint64_t relative[TABLES_MAX]; /* 32-bit distances from the table's own address */
	size_t n_relative;
	uint64_t absolute[TABLES_MAX]; /* 64-bit addresses */
	size_t n_absolute;
	bool full; /* some did not fit: nothing is known for sure */
};

/* Notes what @effects says of tables. */
void tables_note(struct tables *tables, const struct body *body, const struct insn_effects *effects);

/*
 * Reads every table and calls @each for each address within @body that stands in one; entries past
 * a table's end may be read too, so there may be more than are real. Returns how many, or -ENOMEM
 * as @each said.
 */
int tables_each_target(const struct tables *tables, const struct body *body,
		       int (*each)(void *context, uint64_t target), void *context);

#endif
