// SPDX-License-Identifier: GPL-2.0-or-later
#include "base/clock.h"

#include <stdio.h>

int64_t clock_namespace_ns;

/* /proc/PID/timens_offsets, time_namespaces(7): a clock's name, seconds, nanoseconds. */
void clock_begin(void)
{
	FILE *file = fopen("/proc/self/timens_offsets", "re");
	long long seconds, nanoseconds;

	if (!file)
		return;
	if (fscanf(file, "monotonic %lld %lld", &seconds, &nanoseconds) == 2)
		clock_namespace_ns = seconds * (int64_t)NSEC_PER_SEC + nanoseconds;
	fclose(file);
}
