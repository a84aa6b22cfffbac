// SPDX-License-Identifier: GPL-2.0-or-later
#include "report/compare.h"

#include <math.h>
#include <string.h>

#include "output/words.h"
#include "report/interval.h"

const unsigned compare_permille[] = {500, 900, 950, 990, 999};
const size_t compare_n = sizeof(compare_permille) / sizeof(*compare_permille);

const struct component_snapshot *compare_partner(const struct report *before, const char *name)
{
	const struct snapshot *snapshot = before->snapshot;

	for (size_t i = 0; i < snapshot->n_components; i++)
		if (!strcmp(snapshot->components[i].name, name))
			return &snapshot->components[i];
	return NULL;
}

/* A percentile is never beyond the longest call or below the shortest, which are known exactly: the middle of
 * their buckets may be. The edges of the interval hold it all the same. */
static struct interval known_of(const struct component_snapshot *c, unsigned permille)
{
	struct interval known = interval_of(c->histogram, c->n_histogram, permille);

	if (c->total.has_extremes && !isnan(known.value))
		known.value = fmin(fmax(known.value, (double)c->total.min_ns), (double)c->total.max_ns);
	return known;
}

struct report_shift compare_shift(const struct component_snapshot *before,
				  const struct component_snapshot *after, unsigned permille)
{
	struct interval was = known_of(before, permille);
	struct interval is = known_of(after, permille);
	struct interval shift = interval_difference(&was, &is);

	return (struct report_shift){
		.component = after->name,
		.quantile = permille / 1000.0,
		.before_count = before->total.count,
		.after_count = after->total.count,
		.before_ns = was.value,
		.after_ns = is.value,
		.shift_ns = shift.value,
		.low_ns = shift.low,
		.high_ns = shift.high,
		.shifted = shift.low > 0 || shift.high < 0,
	};
}

/* The band of the slowest @share. One that came to the same as a wider one is not kept; NULL: nothing is
 * known. */
static const struct cause_band *band_of(const struct component_snapshot *c, double share)
{
	size_t i = c->n_bands;

	if (!i || (double)c->bands[0].count * share < 1)
		return NULL;
	while (c->bands[i - 1].share < share)
		i--;
	return &c->bands[i - 1];
}

bool compare_cause(const struct component_snapshot *before, const struct component_snapshot *after,
		   size_t band, size_t i, struct report_cause_shift *shift)
{
	const struct cause_band *was = band_of(before, cause_shares[band]);
	const struct cause_band *is = band_of(after, cause_shares[band]);

	if (!was || !is)
		return false;
	*shift = (struct report_cause_shift){
		.component = after->name,
		.cause = cause_names[i],
		.share = cause_shares[band],
		.before_share = was->held,
		.after_share = is->held,
		.before_ns = was->part[i] * was->mean_ns,
		.after_ns = is->part[i] * is->mean_ns,
	};
	shift->shift_ns = shift->after_ns - shift->before_ns;
	return true;
}

bool compare_grown(const struct component_snapshot *before, const struct component_snapshot *after,
		   size_t band, struct report_cause_shift *shift)
{
	struct report_cause_shift one;
	bool any = false;

	for (size_t i = 0; i <= LAPSE_CAUSES; i++) {
		if (!compare_cause(before, after, band, i, &one) || one.shift_ns <= 0 ||
		    (any && one.shift_ns <= shift->shift_ns))
			continue;
		*shift = one;
		any = true;
	}
	return any;
}
