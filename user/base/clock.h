/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The clock of all times in lapse, which is the kernel's own for its spans. Not for monitor/. */
#ifndef LAPSE_CLOCK_H
#define LAPSE_CLOCK_H

#include <stdint.h>
#include <time.h>

#include "base/units.h"

/* CLOCK_MONOTONIC in nanoseconds. */
static inline uint64_t clock_now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * NSEC_PER_SEC + now.tv_nsec;
}

#endif
