// SPDX-License-Identifier: GPL-2.0-or-later
#include <inttypes.h>

#include "base/units.h"
#include "bpf/buckets.h"
#include "output/text_parts.h"

#define SLOTS 64
#define STARS 40

struct scale {
	uint64_t ns;
	const char *name;
};

/* The finest unit would need too many empty rows for long durations, the coarsest hides short ones. */
static struct scale pick_scale(const struct component_snapshot *component, enum time_unit unit)
{
	const struct scale ns = {1, "nsecs"}, us = {NSEC_PER_USEC, "usecs"}, ms = {NSEC_PER_MSEC, "msecs"};

	if (unit != UNIT_AUTO)
		return unit == UNIT_MS ? ms : us;
	if (component->histogram[component->n_histogram - 1].low_ns < 100 * NSEC_PER_USEC)
		return ns;
	return component->histogram[0].low_ns >= 10 * NSEC_PER_MSEC ? ms : us;
}

/* Slot 0 holds 0 and 1, slot n > 0 holds [2^n, 2^(n+1)). A fine bucket goes where its middle is. */
static unsigned collect(const struct component_snapshot *component, uint64_t scale, uint64_t slots[SLOTS])
{
	unsigned top = 0;

	for (size_t i = 0; i < component->n_histogram; i++) {
		const struct histogram_row *row = &component->histogram[i];
		unsigned slot = lapse_high_bit((row->low_ns + (row->high_ns - row->low_ns) / 2) / scale);

		slots[slot] += row->count;
		if (slot > top)
			top = slot;
	}
	return top;
}

static void stars(FILE *out, uint64_t count, uint64_t most)
{
	unsigned n = most ? (unsigned)((double)count / (double)most * STARS) : 0;

	for (unsigned i = 0; i < STARS; i++)
		fputc(i < n ? '*' : ' ', out);
}

/* From the first slot that is not empty to the last. */
static void print_slots(FILE *out, const uint64_t slots[SLOTS], unsigned top)
{
	int width = top < 32 ? 10 : 20;
	unsigned bottom = 0;
	uint64_t most = 0;

	while (bottom < top && !slots[bottom])
		bottom++;
	for (unsigned i = bottom; i <= top; i++)
		most = slots[i] > most ? slots[i] : most;
	for (unsigned i = bottom; i <= top; i++) {
		uint64_t low = i ? 1ULL << i : 0, high = (2ULL << i) - 1;

		fprintf(out, "%*" PRIu64 " -> %-*" PRIu64 " : %-8" PRIu64 " |", width, low, width, high,
			slots[i]);
		stars(out, slots[i], most);
		fputs("|\n", out);
	}
}

void text_histogram(FILE *out, const struct component_snapshot *component, enum time_unit unit)
{
	uint64_t slots[SLOTS] = {0};
	struct scale scale;
	unsigned top;

	if (!component->n_histogram)
		return;
	scale = pick_scale(component, unit);
	top = collect(component, scale.ns, slots);
	fprintf(out, "%*s%-*s : count    distribution\n", top < 32 ? 5 : 15, "", top < 32 ? 19 : 29,
		scale.name);
	print_slots(out, slots, top);
}
