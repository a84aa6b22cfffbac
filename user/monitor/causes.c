// SPDX-License-Identifier: GPL-2.0-or-later
#include "monitor/causes.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static const double shares[CAUSE_BANDS] = {1, 0.1, 0.01};

int causes_take(struct lapse_why_row **kept, const struct lapse_why_row *rows)
{
	size_t size = LAPSE_WHY_ROWS * sizeof(*rows);

	if (!rows)
		return 0;
	if (!*kept)
		*kept = malloc(size);
	if (!*kept)
		return -ENOMEM;
	memcpy(*kept, rows, size);
	return 0;
}

static void add_row(struct lapse_why_row *sum, const struct lapse_why_row *row)
{
	sum->count += row->count;
	sum->sum_ns += row->sum_ns;
	for (int cause = 0; cause < LAPSE_CAUSES; cause++)
		sum->ns[cause] += row->ns[cause];
}

/* The rows from the slowest down to where they hold @wanted spans. */
static struct lapse_why_row slowest(const struct lapse_why_row *rows, double wanted)
{
	struct lapse_why_row sum = {0};

	for (size_t i = LAPSE_WHY_ROWS; i-- > 0 && (double)sum.count < wanted;)
		add_row(&sum, &rows[i]);
	return sum;
}

/* What is left of the time the threads ran. A wait that began before the probe's own clock was read may be a
 * hair longer than the span. */
static void describe(struct cause_band *band, const struct lapse_why_row *sum)
{
	double rest = (double)sum->sum_ns;

	band->count = sum->count;
	band->mean_ns = (double)sum->sum_ns / (double)sum->count;
	for (int cause = 0; cause < LAPSE_CAUSES; cause++) {
		band->part[cause] = sum->sum_ns ? (double)sum->ns[cause] / (double)sum->sum_ns : 0;
		rest -= (double)sum->ns[cause];
	}
	band->part[LAPSE_CAUSES] = sum->sum_ns && rest > 0 ? rest / (double)sum->sum_ns : 0;
}

size_t causes_bands(const struct lapse_why_row *rows, struct cause_band bands[CAUSE_BANDS])
{
	struct lapse_why_row all;
	size_t n = 0;

	if (!rows)
		return 0;
	all = slowest(rows, 1e300);
	for (; n < CAUSE_BANDS && all.count && (double)all.count * shares[n] >= 1; n++) {
		struct lapse_why_row sum = slowest(rows, (double)all.count * shares[n]);

		bands[n].share = shares[n];
		describe(&bands[n], &sum);
	}
	return n;
}
