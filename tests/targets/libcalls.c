// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Calls a function of a shared library a known number of times:
 *
 *     libcalls [CALLS [DURATION]]
 */
#include "common.h"

uint64_t shared_work(uint64_t ns);

int main(int argc, char **argv)
{
	long calls = argc > 1 ? atol(argv[1]) : 1000, i;
	uint64_t ns = argc > 2 ? parse_duration(argv[2]) : 5000, sum = 0;

	target_ready();
	for (i = 0; i < calls; i++)
		sum += shared_work(ns);
	target_done("calls=%ld sum_ns=%llu", calls, (unsigned long long)sum);
	return 0;
}
