/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Durations over time: what ticks tell of each component, in columns of equal width. It is not known before
 * how long a recording is: whenever the columns are used up, two become one.
 */
#ifndef LAPSE_REPORT_HEAT_H
#define LAPSE_REPORT_HEAT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "bpf/buckets.h"
#include "monitor/feed.h"

#define HEAT_COLUMNS 240
#define HEAT_BITS    LAPSE_BUCKET_BITS_COARSE
#define HEAT_ROWS    (LAPSE_BUCKETS(LAPSE_BUCKET_BITS_COARSE) + 1)

/* One component in one column. */
struct heat_cell {
	uint64_t count;		 /* calls with a duration */
	uint32_t row[HEAT_ROWS]; /* by bpf/buckets.h, HEAT_BITS */
};

struct heat {
	uint64_t begin_ns, width_ns; /* of a column */
	size_t n;		     /* columns in use */
	size_t n_components;
	struct heat_cell **cells; /* a component: HEAT_COLUMNS of them, or NULL */
};

/* Columns begin with @width_ns (0 counts as a second). 0 or -ENOMEM. */
int heat_init(struct heat *heat, uint64_t begin_ns, uint64_t width_ns);
void heat_free(struct heat *heat);

/* What ended in @component until @end_ns, by buckets of @bits. 0 or -ENOMEM. */
int heat_add(struct heat *heat, size_t component, uint64_t end_ns, const struct bucket_delta *deltas,
	     size_t n, unsigned bits);

/* NULL: nothing ended there. */
const struct heat_cell *heat_cell(const struct heat *heat, size_t component, size_t column);

/* The duration that @permille of the cell's calls do not exceed; it has some. */
uint64_t heat_quantile(const struct heat_cell *cell, unsigned permille);

/* The first and the last occupied row of all columns; false: there is none. */
bool heat_rows(const struct heat *heat, size_t component, size_t *first, size_t *last);

#endif
