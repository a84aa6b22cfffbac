/* SPDX-License-Identifier: GPL-2.0-or-later */
/* How many functions of a process's files have a cheap place for a probe, and how many only a dear one. */
#ifndef LAPSE_SHARES_H
#define LAPSE_SHARES_H

#include <stddef.h>

#include "probe/target.h"

/* Of a file with more functions so many are looked at, evenly spread: each is decoded. */
#define SHARES_LOOKED_MAX 5000

struct placement_shares {
	const char *object; /* the file's name */
	size_t functions, looked_at;
	size_t cheap;	/* as they begin */
	size_t moved;	/* where the probe is moved to */
	size_t stepped; /* nowhere */
	size_t refused; /* the kernel takes no probe */
};

/*
 * Calls @each for each file of @process that has functions, in the order of the maps; it returns non-zero to
 * stop. Returns 0, what @each returned, or -ENOMEM after a message.
 */
int placement_shares(const struct process *process,
		     int (*each)(void *context, const struct placement_shares *shares), void *context);

#endif
