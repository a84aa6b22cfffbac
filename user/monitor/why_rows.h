/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The kernel's rows of a component's causes, as far as any has been counted in. There are 165 of them, a
 * component has a dozen: thousands of components would take hundreds of megabytes each time they are kept.
 */
#ifndef LAPSE_MONITOR_WHY_ROWS_H
#define LAPSE_MONITOR_WHY_ROWS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "bpf/event.h"

/* Those from @first on; all others are zeroes. */
struct why_rows {
	struct lapse_why_row *row;
	uint32_t first, n;
	uint64_t kept; /* 0: there are no rows at all, not even zeroes */
};

/* Those of LAPSE_WHY_ROWS that are no zeroes, where they lie. */
struct why_rows why_rows_of(struct lapse_why_row *all);
/* The same of what was counted in a stretch of time: of a span that was counted as that began only its times
 * may have come in it. */
struct why_rows why_rows_of_stretch(struct lapse_why_row *all);

/* Row @i of them all. */
const struct lapse_why_row *why_row(const struct why_rows *rows, size_t i);

/* Makes *copy, which has memory of its own, hold what @rows does. False: no memory. */
bool why_rows_copy(struct why_rows *copy, const struct why_rows *rows);
/* Row @i of what has memory of its own, to be changed. NULL: no memory. */
struct lapse_why_row *why_rows_reach(struct why_rows *copy, uint32_t i);
void why_rows_free(struct why_rows *copy);

#endif
