// SPDX-License-Identifier: GPL-2.0-or-later
#include "probe/code_units.h"

#include <stdlib.h>
#include <string.h>

#include "probe/object.h"

/* How the linkers encode .eh_frame_hdr: a relative pointer, a count, a table of relative pairs. */
static const uint8_t header_start[] = {1, 0x1b, 0x03, 0x3b};

#define HEADER_SIZE 12
/* Descriptions that are read at most, and how far behind the header they may lie. */
#define UNITS_MAX   (1024 * 1024)
#define FRAMES_MAX  (64 * 1024 * 1024)

struct pair {
	int32_t start, description;
};

static int32_t read_s32(const uint8_t *at)
{
	int32_t value;

	memcpy(&value, at, sizeof(value));
	return value;
}

/* The size of the unit at @start by its description at @at of @frames; 0: not told. */
static uint64_t described_size(const uint8_t *frames, size_t size, uint64_t base, uint64_t at, uint64_t start)
{
	const uint8_t *description;

	if (at < base || at - base > size || size - (at - base) < 16)
		return 0;
	description = frames + (at - base);
	/* length, owner, start relative to itself, size */
	if (at + 8 + (uint64_t)(int64_t)read_s32(description + 8) != start)
		return 0;
	return (uint32_t)read_s32(description + 12);
}

static int compare(const void *a, const void *b)
{
	const struct code_unit *x = a, *y = b;

	return (x->addr > y->addr) - (x->addr < y->addr);
}

static void read_units(const struct object *object, struct code_units *units, uint8_t *frames, size_t size)
{
	uint64_t base = units->header;
	uint32_t count;
	struct pair pair;

	if (size < HEADER_SIZE || memcmp(frames, header_start, sizeof(header_start)) != 0)
		return;
	memcpy(&count, frames + 8, sizeof(count));
	if (count > UNITS_MAX || count > (size - HEADER_SIZE) / sizeof(pair))
		return;
	units->list = calloc(count ? count : 1, sizeof(*units->list));
	for (uint32_t i = 0; units->list && i < count; i++) {
		struct code_unit *unit = &units->list[units->n];

		memcpy(&pair, frames + HEADER_SIZE + i * sizeof(pair), sizeof(pair));
		unit->addr = base + (uint64_t)(int64_t)pair.start;
		unit->size = described_size(frames, size, base, base + (uint64_t)(int64_t)pair.description,
					    unit->addr);
		units->n += unit->size && object_code(object, unit->addr);
	}
	if (units->n)
		qsort(units->list, units->n, sizeof(*units->list), compare);
}

/* The table and the descriptions lie one after the other, to the end of their segment. */
static void load(const struct object *object, struct code_units *units)
{
	uint64_t offset, size = 0;
	uint8_t *frames;

	units->read = true;
	for (size_t i = 0; i < object->n_segments; i++) {
		const struct segment *segment = &object->segments[i];

		if (units->header >= segment->addr && units->header - segment->addr < segment->size)
			size = segment->size - (units->header - segment->addr);
	}
	if (!units->header || !size || !object_offset(object, units->header, &offset))
		return;
	if (size > FRAMES_MAX)
		size = FRAMES_MAX;
	frames = malloc(size);
	if (frames)
		read_units(object, units, frames, object_read(object, units->header, frames, size));
	free(frames);
}

const struct code_unit *code_unit_find(const struct object *object, uint64_t addr)
{
	struct code_units *units = object->units;
	size_t low = 0, high;

	if (!units->read)
		load(object, units);
	high = units->n;
	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (units->list[middle].addr <= addr)
			low = middle + 1;
		else
			high = middle;
	}
	if (low == 0 || addr - units->list[low - 1].addr >= units->list[low - 1].size)
		return NULL;
	return &units->list[low - 1];
}
