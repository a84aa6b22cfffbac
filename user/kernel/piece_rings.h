/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The rings on which pieces of stacks come, one for each processor as far as they go, and the map in which
 * programs find them.
 */
#ifndef LAPSE_PIECE_RINGS_H
#define LAPSE_PIECE_RINGS_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "bpf/event.h"

struct piece_rings {
	int ring[LAPSE_PIECE_RINGS]; /* file descriptors, open until piece_rings_await() */
	uint32_t n;
	int map; /* an array of maps, of the caller's */
	pthread_t thread;
	bool handing; /* by the thread */
	int err;
};

/* How many this machine needs: a power of two. */
uint32_t piece_rings_wanted(void);

/* Makes @n rings of @bytes each; 0 or -errno. The caller calls piece_rings_await() in any case. */
int piece_rings_make(struct piece_rings *rings, uint32_t n, uint32_t bytes);

/* Begins to put them into @map, by their numbers: beside the caller, since the kernel takes its time. */
void piece_rings_hand_out(struct piece_rings *rings, int map);

/* Waits until they are there, and closes them: the map holds them then. 0 or -errno of that; again: 0. */
int piece_rings_await(struct piece_rings *rings);

#endif
