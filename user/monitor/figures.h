/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Sums and a histogram over some stretch of time, and what is shown of them. */
#ifndef LAPSE_MONITOR_FIGURES_H
#define LAPSE_MONITOR_FIGURES_H

#include "monitor/feed.h"
#include "monitor/samples.h"
#include "monitor/window.h"

struct figures {
	struct tally tally;
	uint64_t covered_ns;
	struct extremes extremes;
	struct histogram histogram;
	struct value_extremes value[LAPSE_VALUES];
	struct tick_tcp tcp;
};

/* Release with figures_free(), which zeroed ones may be given too. */
void figures_init(struct figures *figures, unsigned bits);
void figures_free(struct figures *figures);

/* Adds a tick's spans; @bounds are those of its buckets, NULL where it has none. 0 or -ENOMEM. */
int figures_add(struct figures *figures, const struct tally *tally, const struct tick_component *input,
		const struct extremes_bounds *bounds);
/* Adds what connections did in a tick. */
void figures_add_tcp(struct figures *figures, const struct tick_tcp *more);
void figures_clear(struct figures *figures);
struct stats figures_stats(const struct figures *figures);

#endif
