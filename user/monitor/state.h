/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The monitor itself, shared by its front (monitor.c) and the snapshot's maker (snapshot.c). */
#ifndef LAPSE_MONITOR_STATE_H
#define LAPSE_MONITOR_STATE_H

#include "monitor/component.h"

/* What a snapshot points to, kept and grown from one to the next. */
struct snapshot_store {
	struct snapshot snapshot;
	struct alert *firing;
	size_t firing_size;
	size_t n_components; /* whose rows and objectives are allocated */
	bool copied;	     /* those rows hold what a whole snapshot had */
};

struct monitor {
	struct stage stage;
	struct component **components;
	struct component *whole; /* the sum of them all, numbered behind the last, with its own contract */
	const struct tick_component **inputs; /* of the tick at hand, by component */
	size_t n_components;
	struct tick_self self;
	struct uptime uptime;	 /* of all of them together, since the start */
	uint64_t next_health_ns; /* and the whole is judged */
	const char *end_reason;
	const struct handler_stats *handlers;
	size_t n_handlers;
	uint64_t lines_dropped;
	const struct recording *recording;
	struct snapshot_store store;
};

void snapshot_store_free(struct snapshot_store *store);
/* The components have other objectives: what is kept for the next snapshot is made anew. */
void snapshot_store_reset(struct snapshot_store *store);

#endif
