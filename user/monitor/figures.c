// SPDX-License-Identifier: GPL-2.0-or-later
#include "monitor/figures.h"

#include <string.h>

int figures_init(struct figures *figures, unsigned bits)
{
	memset(figures, 0, sizeof(*figures));
	return histogram_init(&figures->histogram, bits);
}

void figures_free(struct figures *figures)
{
	histogram_free(&figures->histogram);
}

void figures_add(struct figures *figures, const struct tally *tally, const struct tick_component *input,
		 const struct extremes_bounds *bounds)
{
	tally_add(&figures->tally, tally);
	histogram_add(&figures->histogram, input->buckets, input->n_buckets);
	if (bounds)
		extremes_expect(&figures->extremes, bounds);
}

void figures_clear(struct figures *figures)
{
	struct histogram histogram = figures->histogram;

	histogram_clear(&histogram);
	*figures = (struct figures){.histogram = histogram};
}

struct stats figures_stats(const struct figures *figures)
{
	const struct tally *t = &figures->tally;
	struct samples samples = samples_of_histogram(&figures->histogram, &figures->extremes);
	struct stats stats = {0};

	stats_count(&stats, t->count, t->errors, t->sum_ns, figures->covered_ns);
	stats_cache(&stats, t->hits, t->misses);
	samples_describe(&samples, &stats);
	return stats;
}
