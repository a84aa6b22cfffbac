/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Where a figure is going: the last quarter of a window against the one before. */
#ifndef LAPSE_MONITOR_TREND_H
#define LAPSE_MONITOR_TREND_H

#include "monitor/snapshot.h"

#define TREND_MIN_SAMPLES 10

struct trend_quarter {
	uint64_t count, errors, sum_ns, covered_ns;
};

/* Averages: more than 1.2 times is increasing, less than 0.8 times decreasing. */
enum trend trend_latency(const struct trend_quarter *before, const struct trend_quarter *last);
/* Spans per time, by the same figures. */
enum trend trend_throughput(const struct trend_quarter *before, const struct trend_quarter *last);
/* Error rates: 1.5 and 0.5; from none to any is increasing. */
enum trend trend_errors(const struct trend_quarter *before, const struct trend_quarter *last);

#endif
