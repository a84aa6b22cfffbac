// SPDX-License-Identifier: GPL-2.0-or-later
#include "probe/tables.h"

#include <string.h>

/* Entries of one table that are read at most. */
#define ENTRIES_MAX 1024

static void add(uint64_t *list, size_t *n, uint64_t addr, bool *full)
{
	for (size_t i = 0; i < *n; i++) {
		if (list[i] == addr)
			return;
	}
	if (*n == TABLES_MAX)
		*full = true;
	else
		list[(*n)++] = addr;
}

void tables_note(struct tables *tables, const struct body *body, const struct insn_effects *effects)
{
	if (effects->lea && !body_part(body, effects->lea))
		add(tables->relative, &tables->n_relative, effects->lea, &tables->full);
	if (effects->table)
		add(tables->absolute, &tables->n_absolute, effects->table, &tables->full);
}

/* The entry's target, 0 for one that cannot be code: there the table ends. */
static uint64_t entry_target(const struct body *body, uint64_t table, const uint8_t *at, size_t width)
{
	uint64_t target;
	int32_t distance;

	if (width == sizeof(distance)) {
		memcpy(&distance, at, sizeof(distance));
		target = table + (uint64_t)(int64_t)distance;
	} else {
		memcpy(&target, at, sizeof(target));
	}
	return body_part(body, target) || (body->is_code && body->is_code(body->context, target)) ? target
												  : 0;
}

static int read_table(const struct body *body, uint64_t table, size_t width,
		      int (*each)(void *context, uint64_t target), void *context)
{
	uint8_t entries[ENTRIES_MAX * 8];
	size_t n = body->read ? body->read(body->context, table, entries, ENTRIES_MAX * width) / width : 0;
	int found = 0, err;

	for (size_t i = 0; i < n; i++) {
		uint64_t target = entry_target(body, table, entries + i * width, width);

		if (!target)
			break;
		if (!body_part(body, target))
			continue;
		found++;
		err = each(context, target);
		if (err)
			return err;
	}
	return found;
}

int tables_each_target(const struct tables *tables, const struct body *body,
		       int (*each)(void *context, uint64_t target), void *context)
{
	int found = 0, n;

	for (size_t i = 0; i < tables->n_relative; i++) {
		n = read_table(body, tables->relative[i], sizeof(int32_t), each, context);
		if (n < 0)
			return n;
		found += n;
	}
	for (size_t i = 0; i < tables->n_absolute; i++) {
		n = read_table(body, tables->absolute[i], sizeof(uint64_t), each, context);
		if (n < 0)
			return n;
		found += n;
	}
	return found;
}
