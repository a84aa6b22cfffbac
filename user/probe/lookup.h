/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The names of TCP peers, looked up again every so often while tracing goes on: in a thread of its own, as
 * a name server may take its time.
 */
#ifndef LAPSE_LOOKUP_H
#define LAPSE_LOOKUP_H

#include "probe/plan.h"

struct lookup;

#define LOOKUP_PERIOD_NS 60000000000ULL

/*
 * Of the names among @specs, which stay the caller's. *lookup is NULL where there is none. 0 or -ENOMEM.
 * The first look-up comes @period_ns after @now_ns.
 */
int lookup_new(const struct probe_spec *specs, size_t n_specs, uint64_t now_ns, uint64_t period_ns,
	       struct lookup **lookup);

/*
 * Begins a look-up when it is time, takes the result of one that has ended, and adds to @plan's rules what
 * addresses are new; never waits. NULL has nothing to do. Returns 1 if rules were added, 0, or -ENOMEM.
 * Where there is no room for them, that is said once.
 */
int lookup_poll(struct lookup *lookup, uint64_t now_ns, struct plan *plan);

/* A look-up that is still under way goes on by itself, and is forgotten. */
void lookup_free(struct lookup *lookup);

#endif
