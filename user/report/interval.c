// SPDX-License-Identifier: GPL-2.0-or-later
#include "report/interval.h"

#include <math.h>

#include "monitor/rank.h"

#define TAIL 0.025 /* beyond either end */

/* ---- ranks -------------------------------------------------------------------------------------- */

static double log_probability(double n, double k, double q)
{
	return lgamma(n + 1) - lgamma(k + 1) - lgamma(n - k + 1) + k * log(q) + (n - k) * log1p(-q);
}

/* The smallest k for which no more than k of @n lie below the quantile with a probability above @wanted.
 * What is left out below the first k that is looked at is less than a double tells. */
static uint64_t binomial_quantile(uint64_t n, double q, double wanted)
{
	double mean = (double)n * q, deviation = sqrt(mean * (1 - q)), sum = 0;
	double first = floor(mean - 12 * deviation - 24);
	uint64_t k = first > 0 ? (uint64_t)first : 0;

	for (; k < n; k++) {
		sum += exp(log_probability((double)n, (double)k, q));
		if (sum > wanted)
			break;
	}
	return k;
}

bool interval_ranks(uint64_t n, unsigned permille, uint64_t *low, uint64_t *high)
{
	double q = permille / 1000.0;

	if (!n)
		return false;
	/* P(fewer than low) <= TAIL, P(high or more) <= TAIL. */
	*low = binomial_quantile(n, q, TAIL);
	*high = binomial_quantile(n, q, 1 - TAIL) + 1;
	return *low >= 1 && *high <= n;
}

/* ---- of histograms ------------------------------------------------------------------------------ */

static const struct histogram_row *row_at(const struct histogram_row *rows, size_t n, uint64_t rank)
{
	uint64_t seen = 0;

	for (size_t i = 0; i < n; i++) {
		seen += rows[i].count;
		if (seen >= rank)
			return &rows[i];
	}
	return n ? &rows[n - 1] : NULL;
}

/* The middle, as percentiles are reported; of the overflow bucket its lowest. */
static double middle(const struct histogram_row *row)
{
	return row->high_ns == UINT64_MAX ? (double)row->low_ns
					  : (double)(row->low_ns + (row->high_ns - row->low_ns) / 2);
}

struct interval interval_of(const struct histogram_row *rows, size_t n, unsigned permille)
{
	struct interval interval = {NAN, NAN, NAN};
	uint64_t total = 0, low, high;

	for (size_t i = 0; i < n; i++)
		total += rows[i].count;
	if (total < 2)
		return interval;
	interval.value = middle(row_at(rows, n, rank_of(permille, total)));
	if (!interval_ranks(total, permille, &low, &high))
		return interval;
	interval.low = (double)row_at(rows, n, low)->low_ns;
	interval.high = row_at(rows, n, high)->high_ns == UINT64_MAX ? INFINITY
								     : (double)row_at(rows, n, high)->high_ns;
	return interval;
}

struct interval interval_difference(const struct interval *before, const struct interval *after)
{
	struct interval d = {.value = after->value - before->value};

	d.low = d.value - hypot(after->value - after->low, before->high - before->value);
	d.high = d.value + hypot(after->high - after->value, before->value - before->low);
	return d;
}
