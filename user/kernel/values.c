// SPDX-License-Identifier: GPL-2.0-or-later
/* Captured values: sums and extremes over the shards, and the names that programs gave. */
#include "kernel/tracer_parts.h"

#include <string.h>

static struct lapse_value_cell *value_cell(const struct tracer *tracer, size_t row, unsigned shard)
{
	return &tracer->value_cells[row << tracer->shard_bits | shard];
}

static void add_shard(struct tick_value *out, const struct lapse_value_cell *cell, uint64_t *last_ns)
{
	out->count += cell->count;
	out->sum += cell->sum;
	for (int level = 0; level < LAPSE_LEVELS; level++) {
		out->above[level] += cell->above[level];
		out->below[level] += cell->below[level];
	}
	if (cell->last_ns >= *last_ns) {
		*last_ns = cell->last_ns;
		out->last = cell->last;
	}
}

/* What a slot says: @biased is clamped to what it holds. */
static int64_t unbiased(uint64_t biased)
{
	if (biased == LAPSE_SLOT_MASK)
		return TICK_VALUE_ABOVE_ALL;
	return biased ? (int64_t)biased - LAPSE_VALUE_BIAS : TICK_VALUE_BELOW_ALL;
}

static void take_extremes(struct tick_value *out, struct lapse_value_cell *cell, uint64_t tick)
{
	uint64_t mark = (tick + 1) << LAPSE_SLOT_SHIFT;
	uint32_t slot = tick & (LAPSE_TICK_SLOTS - 1);
	uint64_t high = __atomic_exchange_n(&cell->slot_max[slot], 0, __ATOMIC_RELAXED);
	uint64_t low = __atomic_exchange_n(&cell->slot_min[slot], 0, __ATOMIC_RELAXED);

	if ((high & ~LAPSE_SLOT_MASK) == mark) {
		int64_t max = unbiased(high & LAPSE_SLOT_MASK);

		out->late_max = max > out->late_max ? max : out->late_max;
	}
	if ((low & ~LAPSE_SLOT_MASK) == mark) {
		int64_t min = unbiased(LAPSE_SLOT_MASK - (low & LAPSE_SLOT_MASK));

		out->late_min = min < out->late_min ? min : out->late_min;
	}
}

/* The names that programs have given this component's values so far. */
static void read_names(struct tracer *tracer, uint32_t component, struct tick_component *out)
{
	struct lapse_value_key key, *from = NULL;
	int map = bpf_map__fd(tracer->skel->maps.value_names);
	uint32_t which;

	while (!bpf_map_get_next_key(map, from, &key)) {
		from = &key;
		if (key.component == component && !bpf_map_lookup_elem(map, &key, &which) &&
		    which < LAPSE_VALUES)
			memcpy(out->value[which].name, key.name, sizeof(key.name));
	}
}

static void fixed_names(const struct tracer *tracer, size_t component, struct tick_component *out)
{
	const struct tracer_component *wanted = &tracer->wanted[component];

	for (int i = 0; i < LAPSE_VALUES; i++)
		if (wanted->value_name[i])
			strncpy(out->value[i].name, wanted->value_name[i], LAPSE_VALUE_NAME - 1);
}

void values_read(struct tracer *tracer, size_t component, uint64_t from_tick, uint64_t end_tick,
		 struct tick_component *out)
{
	const struct component_memory *memory = &tracer->memory[component];

	if (memory->value_base == NO_VALUES)
		return;
	fixed_names(tracer, component, out);
	if (memory->named_values)
		read_names(tracer, component, out);
	for (size_t i = 0; i < LAPSE_VALUES; i++) {
		struct tick_value *value = &out->value[i];
		uint64_t last_ns = 0;

		value->late_min = INT64_MAX;
		value->late_max = INT64_MIN;
		for (unsigned shard = 0; shard < 1U << tracer->shard_bits; shard++) {
			struct lapse_value_cell *cell = value_cell(tracer, memory->value_base + i, shard);

			add_shard(value, cell, &last_ns);
			for (uint64_t tick = from_tick; tick < end_tick; tick++)
				take_extremes(value, cell, tick);
		}
	}
}
