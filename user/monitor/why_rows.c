// SPDX-License-Identifier: GPL-2.0-or-later
#include "monitor/why_rows.h"

#include <stdlib.h>
#include <string.h>

static struct why_rows trimmed(struct lapse_why_row *all, bool (*is_empty)(const struct lapse_why_row *row))
{
	struct why_rows rows = {.row = all, .n = LAPSE_WHY_ROWS, .kept = 1};

	while (rows.n && is_empty(&all[rows.n - 1]))
		rows.n--;
	while (rows.first < rows.n && is_empty(&all[rows.first]))
		rows.first++;
	rows.row += rows.first;
	rows.n -= rows.first;
	return rows;
}

static bool has_no_span(const struct lapse_why_row *row)
{
	return !row->count;
}

static bool has_nothing(const struct lapse_why_row *row)
{
	uint64_t any = row->count | row->sum_ns;

	for (int cause = 0; cause < LAPSE_CAUSES; cause++)
		any |= row->ns[cause];
	return !any;
}

struct why_rows why_rows_of(struct lapse_why_row *all)
{
	return trimmed(all, has_no_span);
}

struct why_rows why_rows_of_stretch(struct lapse_why_row *all)
{
	return trimmed(all, has_nothing);
}

const struct lapse_why_row *why_row(const struct why_rows *rows, size_t i)
{
	static const struct lapse_why_row none;

	return i >= rows->first && i < rows->first + rows->n ? &rows->row[i - rows->first] : &none;
}

bool why_rows_copy(struct why_rows *copy, const struct why_rows *rows)
{
	/* Rows that are in use stay so: mostly it has the size that it had. */
	if (copy->n != rows->n) {
		struct lapse_why_row *room = reallocarray(copy->row, rows->n + 1, sizeof(*room));

		if (!room)
			return false;
		copy->row = room;
	}
	copy->first = rows->first;
	copy->n = rows->n;
	copy->kept = rows->kept;
	if (rows->n)
		memcpy(copy->row, rows->row, rows->n * sizeof(*rows->row));
	return true;
}

struct lapse_why_row *why_rows_reach(struct why_rows *copy, uint32_t i)
{
	uint32_t first = copy->n && copy->first < i ? copy->first : i;
	uint32_t end = copy->n && copy->first + copy->n > i + 1 ? copy->first + copy->n : i + 1;
	struct why_rows grown = {.first = first, .n = end - first, .kept = 1};

	if (grown.n == copy->n)
		return &copy->row[i - copy->first];
	grown.row = calloc(grown.n, sizeof(*grown.row));
	if (!grown.row)
		return NULL;
	if (copy->n)
		memcpy(&grown.row[copy->first - first], copy->row, copy->n * sizeof(*copy->row));
	free(copy->row);
	*copy = grown;
	return &copy->row[i - first];
}

void why_rows_free(struct why_rows *copy)
{
	free(copy->row);
	*copy = (struct why_rows){0};
}
