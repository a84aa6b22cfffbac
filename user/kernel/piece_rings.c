// SPDX-License-Identifier: GPL-2.0-or-later
#include "kernel/piece_rings.h"

#include <errno.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "base/thread_start.h"

uint32_t piece_rings_wanted(void)
{
	uint32_t n = 1, cpus = (uint32_t)libbpf_num_possible_cpus();

	while (n < LAPSE_PIECE_RINGS && n < cpus)
		n *= 2;
	return n;
}

int piece_rings_make(struct piece_rings *rings, uint32_t n, uint32_t bytes)
{
	while (rings->n < n) {
		int ring = bpf_map_create(BPF_MAP_TYPE_RINGBUF, "piece_ring", 0, 0, bytes, NULL);

		if (ring < 0)
			return -errno;
		rings->ring[rings->n++] = ring;
	}
	return 0;
}

/*
 * After a change of such a map the kernel waits until no program has in use what was there before: some 8 ms
 * where it ticks 250 times a second. Newer ones wait once for all that are changed together.
 */
static int hand_out(const struct piece_rings *rings)
{
	uint32_t numbers[LAPSE_PIECE_RINGS], count = rings->n;
	int err = 0;

	for (uint32_t i = 0; i < rings->n; i++)
		numbers[i] = i;
	if (!bpf_map_update_batch(rings->map, numbers, rings->ring, &count, NULL))
		return 0;
	for (uint32_t i = 0; i < rings->n && !err; i++)
		err = bpf_map_update_elem(rings->map, &i, &rings->ring[i], BPF_ANY);
	return err;
}

static void *run(void *context)
{
	struct piece_rings *rings = context;

	rings->err = hand_out(rings);
	return NULL;
}

void piece_rings_hand_out(struct piece_rings *rings, int map)
{
	rings->map = map;
	rings->handing = !thread_start(&rings->thread, run, rings);
	if (!rings->handing)
		run(rings);
}

int piece_rings_await(struct piece_rings *rings)
{
	int err;

	if (rings->handing)
		pthread_join(rings->thread, NULL);
	err = rings->err;
	for (uint32_t i = 0; i < rings->n; i++)
		close(rings->ring[i]);
	*rings = (struct piece_rings){0};
	return err;
}
