// SPDX-License-Identifier: GPL-2.0-or-later
#include "monitor/trend.h"

static enum trend compare(double before, double last, double less, double more)
{
	if (last > before * more)
		return TREND_INCREASING;
	return last < before * less ? TREND_DECREASING : TREND_STABLE;
}

static double share(uint64_t part, uint64_t whole)
{
	return (double)part / (double)whole;
}

enum trend trend_latency(const struct trend_quarter *before, const struct trend_quarter *last)
{
	if (!before->count || !last->count)
		return TREND_UNKNOWN;
	return compare(share(before->sum_ns, before->count), share(last->sum_ns, last->count), 0.8, 1.2);
}

enum trend trend_throughput(const struct trend_quarter *before, const struct trend_quarter *last)
{
	if (!before->covered_ns || !last->covered_ns)
		return TREND_UNKNOWN;
	return compare(share(before->count, before->covered_ns), share(last->count, last->covered_ns), 0.8,
		       1.2);
}

enum trend trend_errors(const struct trend_quarter *before, const struct trend_quarter *last)
{
	if (!before->count || !last->count)
		return TREND_UNKNOWN;
	return compare(share(before->errors, before->count), share(last->errors, last->count), 0.5, 1.5);
}
