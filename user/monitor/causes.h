/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Causes of a component's spans, by how slow these were. The kernel's rows grow from the start on; where
 * something is promised of a window, what was counted in a few stretches of time is kept, so that the window
 * has its own.
 */
#ifndef LAPSE_MONITOR_CAUSES_H
#define LAPSE_MONITOR_CAUSES_H

#include "monitor/feed.h"
#include "monitor/names.h"

/* Stretches that are kept. A window reaches back to the nearest beginning before its own. */
#define CAUSES_MARKS 8

/* The end of a tick, and the stretch from there to the next mark: what was counted in it, and who was named.
 */
struct causes_mark {
	uint64_t tick;
	struct why_rows rows; /* of the last mark none yet: that is what has come since causes.marked */
	struct names *names;  /* NULL: nobody */
};

struct causes_state {
	struct why_rows rows;
	struct cause_band bands[CAUSE_BANDS];
	size_t n_bands;
	bool stale; /* the rows are newer than the bands */
};

struct causes {
	struct causes_state *state; /* as the last tick told it; NULL: not known */
	struct names *names;	    /* since the start; NULL: nobody */
	struct causes_mark mark[CAUSES_MARKS];
	size_t n_marks;		/* oldest first; 0: none are wanted */
	struct why_rows marked; /* the rows as they were at the last one */
	uint64_t spacing;	/* ticks from one mark to the next */
};

void causes_free(struct causes *causes);

/* Windows that begin after @tick will be asked for. 0 or -ENOMEM: they are not known then. */
int causes_watch_windows(struct causes *causes, uint64_t tick);

/* Takes a copy of @rows at the end of @tick. 0 or -ENOMEM. */
int causes_take(struct causes *causes, const struct why_rows *rows, uint64_t tick);

/* A record: who ended its waits. Without memory nobody is named. */
void causes_span(struct causes *causes, const struct lapse_span *span);

/* The bands since the start, all spans first, the slowest last; how many. Bands end where a row does, a
 * quarter of an octave: where many spans are alike, the slowest hundredth may be half of all. One that would
 * be the same as a wider one is left out. Valid until the next tick. */
size_t causes_bands(struct causes *causes, const struct cause_band **bands);

/* The slowest @share of the spans that ended in ticks from @first on, or a few ticks more; false: not known.
 */
bool causes_of_window(struct causes *causes, double share, uint64_t first, uint64_t last,
		      struct cause_band *band);

/* Those of the last tick that took @limit_ns or more; false: not known. */
bool causes_beyond(struct causes *causes, uint64_t limit_ns, uint64_t tick, struct cause_band *band);

#endif
