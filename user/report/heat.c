// SPDX-License-Identifier: GPL-2.0-or-later
#include "report/heat.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/units.h"
#include "monitor/histogram.h"
#include "monitor/rank.h"

int heat_init(struct heat *heat, uint64_t begin_ns, uint64_t width_ns)
{
	*heat = (struct heat){.begin_ns = begin_ns, .width_ns = width_ns ? width_ns : NSEC_PER_SEC};
	return 0;
}

void heat_free(struct heat *heat)
{
	for (size_t i = 0; i < heat->n_components; i++)
		free(heat->cells[i]);
	free(heat->cells);
	*heat = (struct heat){0};
}

static void merge(struct heat_cell *to, const struct heat_cell *from)
{
	to->count += from->count;
	for (size_t i = 0; i < HEAT_ROWS; i++)
		to->row[i] = from->row[i] > UINT32_MAX - to->row[i] ? UINT32_MAX : to->row[i] + from->row[i];
}

static void halve(struct heat_cell *cells)
{
	for (size_t i = 0; i < HEAT_COLUMNS / 2; i++) {
		struct heat_cell pair = cells[2 * i];

		merge(&pair, &cells[2 * i + 1]);
		cells[i] = pair;
	}
	memset(cells + HEAT_COLUMNS / 2, 0, HEAT_COLUMNS / 2 * sizeof(*cells));
}

/* The column of what ended until @end_ns, for which there is room then. */
static size_t column_of(struct heat *heat, uint64_t end_ns)
{
	uint64_t since = end_ns > heat->begin_ns ? end_ns - heat->begin_ns - 1 : 0;

	while (since / heat->width_ns >= HEAT_COLUMNS) {
		for (size_t i = 0; i < heat->n_components; i++)
			if (heat->cells[i])
				halve(heat->cells[i]);
		heat->width_ns *= 2;
		heat->n = (heat->n + 1) / 2;
	}
	return since / heat->width_ns;
}

static struct heat_cell *cells_of(struct heat *heat, size_t component)
{
	struct heat_cell **grown;

	if (component >= heat->n_components) {
		grown = reallocarray(heat->cells, component + 1, sizeof(*grown));
		if (!grown)
			return NULL;
		memset(grown + heat->n_components, 0, (component + 1 - heat->n_components) * sizeof(*grown));
		heat->cells = grown;
		heat->n_components = component + 1;
	}
	if (!heat->cells[component])
		heat->cells[component] = calloc(HEAT_COLUMNS, sizeof(struct heat_cell));
	return heat->cells[component];
}

static void add_bucket(struct heat_cell *cell, const struct bucket_delta *delta, unsigned bits)
{
	uint32_t row = delta->index >= LAPSE_BUCKETS(bits)
			       ? HEAT_ROWS - 1
			       : lapse_bucket(lapse_bucket_low(delta->index, bits), HEAT_BITS);
	uint32_t *to = &cell->row[row];

	cell->count += delta->count;
	*to = delta->count > UINT32_MAX - *to ? UINT32_MAX : *to + delta->count;
}

int heat_add(struct heat *heat, size_t component, uint64_t end_ns, const struct bucket_delta *deltas,
	     size_t n, unsigned bits)
{
	size_t column = column_of(heat, end_ns);
	struct heat_cell *cells;

	if (column >= heat->n)
		heat->n = column + 1;
	if (!n)
		return 0;
	cells = cells_of(heat, component);
	if (!cells)
		return -ENOMEM;
	for (size_t i = 0; i < n; i++)
		add_bucket(&cells[column], &deltas[i], bits);
	return 0;
}

const struct heat_cell *heat_cell(const struct heat *heat, size_t component, size_t column)
{
	if (component >= heat->n_components || !heat->cells[component] || column >= heat->n ||
	    !heat->cells[component][column].count)
		return NULL;
	return &heat->cells[component][column];
}

uint64_t heat_quantile(const struct heat_cell *cell, unsigned permille)
{
	uint64_t rank = rank_of(permille, cell->count), seen = 0;
	uint32_t row = 0;

	for (; row < HEAT_ROWS - 1; row++) {
		seen += cell->row[row];
		if (seen >= rank && seen)
			break;
	}
	return bucket_mid(row, HEAT_BITS);
}

bool heat_rows(const struct heat *heat, size_t component, size_t *first, size_t *last)
{
	bool any = false;

	for (size_t column = 0; column < heat->n; column++) {
		const struct heat_cell *cell = heat_cell(heat, component, column);

		for (size_t row = 0; cell && row < HEAT_ROWS; row++) {
			if (!cell->row[row])
				continue;
			*first = !any || row < *first ? row : *first;
			*last = !any || row > *last ? row : *last;
			any = true;
		}
	}
	return any;
}
