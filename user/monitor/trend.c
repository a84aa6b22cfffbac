// SPDX-License-Identifier: GPL-2.0-or-later
#include "monitor/trend.h"

/* Tenths, as counts: 0.3 is not 1.5 times 0.2 as doubles. */
struct bounds {
	unsigned less, more;
};

struct ratio {
	uint64_t part, whole;
};

/* a/b times @tenths against c/d, as tenths a d and 10 c b. */
static bool above(const struct ratio *last, const struct ratio *before, unsigned tenths)
{
	return (unsigned __int128)last->part * before->whole * 10 >
	       (unsigned __int128)before->part * last->whole * tenths;
}

static bool below(const struct ratio *last, const struct ratio *before, unsigned tenths)
{
	return (unsigned __int128)last->part * before->whole * 10 <
	       (unsigned __int128)before->part * last->whole * tenths;
}

static enum trend compare(struct ratio before, struct ratio last, struct bounds tenths)
{
	if (!before.whole || !last.whole)
		return TREND_UNKNOWN;
	if (above(&last, &before, tenths.more))
		return TREND_INCREASING;
	return below(&last, &before, tenths.less) ? TREND_DECREASING : TREND_STABLE;
}

enum trend trend_latency(const struct trend_quarter *before, const struct trend_quarter *last)
{
	return compare((struct ratio){before->sum_ns, before->count},
		       (struct ratio){last->sum_ns, last->count}, (struct bounds){8, 12});
}

enum trend trend_throughput(const struct trend_quarter *before, const struct trend_quarter *last)
{
	return compare((struct ratio){before->count, before->covered_ns},
		       (struct ratio){last->count, last->covered_ns}, (struct bounds){8, 12});
}

enum trend trend_errors(const struct trend_quarter *before, const struct trend_quarter *last)
{
	return compare((struct ratio){before->errors, before->count},
		       (struct ratio){last->errors, last->count}, (struct bounds){5, 15});
}
