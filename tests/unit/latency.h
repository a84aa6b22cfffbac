/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A component that promises a max_latency. */
#ifndef LAPSE_TEST_LATENCY_H
#define LAPSE_TEST_LATENCY_H

#include "rig.h"

#define LIMIT (30 * MS)

static inline struct rig_component *begin(struct rig *rig)
{
	struct objective o = {.kind = OBJ_MAX_LATENCY, .limit = LIMIT};

	return rig_with(rig, &o, 1);
}

static inline uint64_t violations(struct rig *rig)
{
	return rig_shown(rig, 0)->violations;
}

#endif
