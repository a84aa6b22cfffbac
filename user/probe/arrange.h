/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The components of a plan in their final order. */
#ifndef LAPSE_ARRANGE_H
#define LAPSE_ARRANGE_H

#include "probe/plan.h"

struct arranging {
	const bool *dropped;	    /* by component: it cannot be measured as it should be */
	size_t first_fed;	    /* specifications from here on feed others ... */
	const struct plan_fed *fed; /* ... which are these */
};

/*
 * Takes dropped components out of @plan, with their places, and moves those that feed others to the end.
 * Whoever feeds a dropped one must be dropped too. 0 or -ENOMEM.
 */
int arrange_components(struct plan *plan, const struct arranging *how);

#endif
