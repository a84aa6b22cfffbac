/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What grows, as it stood at a tick: what the next one adds is told from it, or added to it. */
#ifndef LAPSE_CAPTURE_BASE_H
#define LAPSE_CAPTURE_BASE_H

#include "monitor/feed.h"

struct base_component {
	struct tick_component figures;
	uint64_t *recent; /* NULL, or room for WINDOW_MAX_LAST */
	size_t n_recent;
	struct why_rows causes; /* their own memory */
};

struct base {
	struct base_component *components;
	size_t n;
	struct tick_self self;
	uint64_t lost_records, lost_ticks;
};

/* Components of a recording, at most. */
#define BASE_COMPONENTS_MOST (1U << 20)

void base_free(struct base *base);
/* The component, which is all zeroes at first; NULL: no memory, or a number that cannot be. */
struct base_component *base_of(struct base *base, uint64_t component);
/* Room for what is larger. False: no memory. */
bool base_want_recent(struct base_component *component);
/* Now it stands as @tick says. False: no memory. */
bool base_take(struct base *base, const struct tick *tick);

#endif
