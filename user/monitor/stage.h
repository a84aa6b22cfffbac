/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What all components share: the time of the feed, and the sink. */
#ifndef LAPSE_MONITOR_STAGE_H
#define LAPSE_MONITOR_STAGE_H

#include "monitor/monitor.h"
#include "monitor/timeline.h"

struct stage {
	struct monitor_options options;
	struct monitor_sink sink;
	struct timeline timeline;
	uint64_t now_ns;       /* of the newest tick; time of the feed */
	uint64_t period_ns;    /* that the newest tick added */
	bool extends;	       /* it made the one before longer: the short ticks of the end */
	uint64_t whole_ticks;  /* that the newest tick stands for: one, but for a late one */
	uint64_t missed;       /* program runs that the kernel skipped, so far */
	uint64_t missed_delta; /* in the newest tick */
	const char *gaps;      /* why parts of the feed are missing; NULL: none are known to be */
};

#endif
