/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The clock of all times in lapse, which is the kernel's own for its spans. Not for monitor/. */
#ifndef LAPSE_CLOCK_H
#define LAPSE_CLOCK_H

#include <stdint.h>
#include <time.h>

#include "base/units.h"

/* What this process's time namespace adds to CLOCK_MONOTONIC; of that the kernel's own times know nothing. */
extern int64_t clock_namespace_ns;

/* Looks that up; before any time is taken. */
void clock_begin(void);

/* CLOCK_MONOTONIC in nanoseconds, as the kernel has it. */
static inline uint64_t clock_now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * NSEC_PER_SEC + now.tv_nsec - clock_namespace_ns;
}

/* The moment @ns of clock_now_ns() for a timer of this process. */
static inline struct timespec clock_timer(uint64_t ns)
{
	ns += clock_namespace_ns;
	return (struct timespec){.tv_sec = ns / NSEC_PER_SEC, .tv_nsec = ns % NSEC_PER_SEC};
}

#endif
