/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Who ended the waits that were sent, in bounded memory: the names with the most time stay (space saving). A
 * name that takes another's place begins with that one's time, which is kept apart as what may not be its
 * own.
 */
#ifndef LAPSE_MONITOR_NAMES_H
#define LAPSE_MONITOR_NAMES_H

#include "monitor/snapshot.h"

#define NAMES_MAX 64

struct named_wait {
	uint32_t row;	/* of the span's duration, as the kernel's rows of causes have it */
	uint32_t cause; /* enum lapse_cause */
	struct cause_name name;
	uint64_t ns, doubtful_ns;
};

struct names {
	size_t n;
	struct named_wait at[NAMES_MAX];
};

/* A wait of @ns by @name, of a span in @row. */
void names_add(struct names *names, uint32_t row, uint32_t cause, const struct cause_name *name, uint64_t ns);

/*
 * Fills band->named with who is known for most of the band's causes, out of @n lists (entries may be NULL),
 * from spans in @from_row or beyond; band->part and the band's time tell of how much.
 */
void names_describe(const struct names *const *lists, size_t n, uint32_t from_row, struct cause_band *band);

#endif
