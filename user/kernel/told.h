/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Attach cookies for kernels that have none (before 5.15): each perf event gets a little program of its own,
 * which has the cookie as a constant, leaves it where the real program looks, and goes on with that one.
 */
#ifndef LAPSE_TOLD_H
#define LAPSE_TOLD_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "bpf/config.h"

/* Where a probe stands. */
struct told_place {
	pid_t pid; /* whose calls count; -1: everyone's */
	const char *path;
	uint64_t offset;
	uint64_t semaphore; /* where the kernel counts who listens; 0: nowhere */
	bool retprobe;
};

/* The maps of bpf/maps.h that the two programs share, by descriptor. */
struct told_maps {
	int passed, next;
};

/* Probes @place with @cookie for the program @next. Gives the perf event, which close() takes away, or
 * -errno. */
int told_attach(const struct told_maps *maps, const struct told_place *place, enum lapse_next next,
		uint64_t cookie);

#endif
