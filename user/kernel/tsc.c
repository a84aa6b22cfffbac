// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * How long a cycle of the time stamp counter is: markers of lapse.h measure in cycles. Both clocks are
 * read at the start and at every tick; the longer the stretch, the better the ratio (some 20 ns of
 * jitter against milliseconds at first).
 */
#include "kernel/tracer_parts.h"

#include <x86intrin.h>

#define TRIES 5

/* Both clocks at once: of some tries the one that took the shortest. */
static struct tsc_base read_both(void)
{
	struct tsc_base best = {0};
	uint64_t shortest = UINT64_MAX;

	for (int i = 0; i < TRIES; i++) {
		uint64_t before = __rdtsc(), ns = clock_now_ns(), after = __rdtsc();

		if (after - before >= shortest)
			continue;
		shortest = after - before;
		best = (struct tsc_base){.ns = ns, .cycles = before + (after - before) / 2};
	}
	return best;
}

void tsc_begin(struct tracer *tracer)
{
	tracer->tsc = read_both();
}

static double ns_per_cycle(const struct tracer *tracer)
{
	struct tsc_base now = read_both();

	if (now.cycles <= tracer->tsc.cycles)
		return 0;
	return (double)(now.ns - tracer->tsc.ns) / (double)(now.cycles - tracer->tsc.cycles);
}

void tsc_measure(struct tracer *tracer)
{
	tracer->skel->bss->tsc_mult = (uint64_t)(ns_per_cycle(tracer) * (1U << LAPSE_TSC_SHIFT) + 0.5);
}

uint64_t tracer_cycles(const struct tracer *tracer, uint64_t ns)
{
	double ratio = ns_per_cycle(tracer);

	return ratio > 0 ? (uint64_t)((double)ns / ratio) : 0;
}
