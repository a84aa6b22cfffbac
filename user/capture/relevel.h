/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The kernel counts breaches by the limits that it was given when it was traced. For other limits they are
 * told from what was recorded: spans that were sent singly, histograms for the rest. A histogram does not
 * tell how many are beyond a limit inside of one of its buckets; where spans lie there that were not sent,
 * that is not known, and said with the tick.
 */
#ifndef LAPSE_CAPTURE_RELEVEL_H
#define LAPSE_CAPTURE_RELEVEL_H

#include "monitor/feed.h"
#include "monitor/monitor.h"

struct relevel;

/*
 * For component @number of @monitor, which was traced by the limits @traced (UINT64_MAX: none) and the
 * openings of its connections by @traced_connects; both NULL: not by the same all the time. NULL: no memory.
 */
struct relevel *relevel_new(const struct monitor *monitor, uint32_t number,
			    const struct monitor_component *component, unsigned bucket_bits,
			    const uint64_t traced[LAPSE_LEVELS],
			    const uint64_t traced_connects[LAPSE_LEVELS]);
void relevel_free(struct relevel *relevel);

/* Spans of the component, and connections that it opens, as they come. */
void relevel_span(struct relevel *relevel, const struct lapse_span *span);
void relevel_connect(struct relevel *relevel, const struct lapse_span *span);

/* Puts what belongs to the limits that are wanted in place of what was recorded; @lost: records have been
 * lost on the way into the recording. */
void relevel_tick(struct relevel *relevel, struct tick_component *tick, bool lost);

#endif
