/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The ranges of code that the unwind tables describe: functions and split-off parts of them, in
 * stripped files too.
 */
#ifndef LAPSE_CODE_UNITS_H
#define LAPSE_CODE_UNITS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct object;

struct code_unit {
	uint64_t addr, size;
};

/* Read when first asked for. */
struct code_units {
	bool read;
	uint64_t header;	/* address of .eh_frame_hdr, 0: none */
	struct code_unit *list; /* by address */
	size_t n;
};

/* The unit that holds @addr, or NULL. */
const struct code_unit *code_unit_find(const struct object *object, uint64_t addr);

#endif
