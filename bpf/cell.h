/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Counters, histogram, extremes and recent durations of a component: always kept, always exact. */
#ifndef LAPSE_BPF_CELL_H
#define LAPSE_BPF_CELL_H

#include "bpf/buckets.h"
#include "bpf/compat.h"

/* What a hit of class @cls costs. Older verifiers forget a comparison of what they have spilled. */
static __always_inline const struct lapse_cost *cost_of(__u32 cls)
{
	__u64 at = cls;

	asm volatile("%[at] &= %[mask]" : [at] "+r"(at) : [mask] "i"(LAPSE_COSTS - 1));
	return &costs[at];
}

static __always_inline __u32 cell_index(__u32 component)
{
	return component << cfg_shard_bits | (bpf_get_smp_processor_id() & cfg_shard_mask);
}

static __always_inline struct lapse_cell *cell_of(__u32 component)
{
	__u32 index = cell_index(component);

	return bpf_map_lookup_elem(&cells, &index);
}

/* Raises *slot to @value; the tick in the top bits makes a newer tick win over any older one. */
static __always_inline void slot_raise(__u64 *slot, __u64 value)
{
	for (int i = 0; i < SLOT_TRIES; i++) {
		__u64 seen = *(volatile __u64 *)slot;

		if (seen >= value || slot_set(slot, seen, value))
			return;
	}
}

/* Shortest and longest span of the tick in which it ended. */
static __always_inline void cell_extremes(struct lapse_cell *cell, __u64 end_ns, __u64 duration)
{
	__u64 tick = end_ns / cfg_tick_ns;
	__u64 mark = (tick + 1) << LAPSE_SLOT_SHIFT;
	__u32 slot = tick & (LAPSE_TICK_SLOTS - 1);

	if (duration > LAPSE_SLOT_MASK)
		duration = LAPSE_SLOT_MASK;
	slot_raise(&cell->slot_max[slot], mark | duration);
	slot_raise(&cell->slot_min[slot], mark | (LAPSE_SLOT_MASK - duration));
}

/* Beyond one of the component's limits: of the lower two, since none is unused above one in use. */
static __always_inline bool is_breach(const struct lapse_component *component, __u64 duration)
{
	return duration > component->level_ns[LAPSE_LEVEL_NOTICE] ||
	       duration > component->level_ns[LAPSE_LEVEL_WARNING];
}

static __always_inline void cell_level(struct lapse_cell *cell, const struct lapse_component *component,
				       __u64 duration)
{
	if (!is_breach(component, duration))
		return;
	if (duration > component->level_ns[LAPSE_LEVEL_CRITICAL])
		ADD(cell->level[LAPSE_LEVEL_CRITICAL], 1);
	else if (duration > component->level_ns[LAPSE_LEVEL_WARNING])
		ADD(cell->level[LAPSE_LEVEL_WARNING], 1);
	else
		ADD(cell->level[LAPSE_LEVEL_NOTICE], 1);
}

static __always_inline void histogram_add(__u32 component, __u64 duration)
{
	__u32 index = cell_index(component);
	__u32 *buckets = bpf_map_lookup_elem(&histograms, &index);
	__u32 bucket = lapse_bucket(duration, cfg_bucket_bits);

	if (!buckets)
		return;
	if (bucket > cfg_overflow)
		bucket = cfg_overflow;
	ADD(buckets[bucket], 1);
}

/* The position is shard 0's alone, so that the order of the circle is that of the claims. */
static __always_inline void recent_add(__u32 number, const struct lapse_component *component, __u64 entry)
{
	__u32 first = number << cfg_shard_bits;
	struct lapse_cell *cell;
	__u64 *slot, position;
	__u32 at;

	if (!component->recent_len)
		return;
	cell = bpf_map_lookup_elem(&cells, &first);
	if (!cell)
		return;
	position = TAKE_NUMBER(cell->recent_pos, SERIES_RECENT | number);
	if (position == NO_NUMBER)
		return;
	at = component->recent_base + position % component->recent_len;
	slot = bpf_map_lookup_elem(&recent, &at);
	if (slot)
		*slot = entry;
}

#endif
