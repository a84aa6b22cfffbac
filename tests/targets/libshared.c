// SPDX-License-Identifier: GPL-2.0-or-later
/* A library that several processes use at once, with a mark in its function. */
#include "common.h"

#include <sys/sdt.h>

PROBED uint64_t shared_work(uint64_t ns);

uint64_t shared_work(uint64_t ns)
{
	uint64_t start = now_ns();

	DTRACE_PROBE1(sharedlib, work, ns);
	return busy_wait(start, ns) - start;
}
