/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Return instructions of a function, for where a return probe would be unsafe: all places at which
 * a call of it ends.
 */
#ifndef LAPSE_RETINS_H
#define LAPSE_RETINS_H

#include "probe/decode.h"
#include "probe/object.h"

#define RETINS_MAX_PLACES    64
#define RETINS_MAX_FUNCTIONS 8

struct retins {
	uint64_t addrs[RETINS_MAX_PLACES];
	size_t n;
	bool tail_calls; /* some places lie in functions that it ends in */
	bool cut_short;	 /* some calls are taken to end where they jump out of sight */
	const char *why; /* on failure: the reason, as part of a sentence */
};

/*
 * Finds them for @function. Returns 0, -EOPNOTSUPP with .why set, or -ENOMEM.
 */
int retins_find(const struct object *object, const struct function *function, struct decoder *decoder,
		struct retins *retins);

#endif
