// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * C++ exceptions thrown through probed functions and caught above them:
 *
 *     thrower [ROUNDS]
 *
 * Each third round throws in inner(), passes through outer() and is caught in main().
 */
#include "common.h"

#include <stdexcept>

extern "C" {
PROBED long inner(long round);
PROBED long outer(long round);
}

static long destroyed;

/* Its destructor must run when an exception passes. */
struct guard {
	~guard()
	{
		destroyed++;
	}
};

long inner(long round)
{
	if (round % 3 == 2)
		throw std::runtime_error("each third");
	return round;
}

long outer(long round)
{
	guard here;

	return inner(round) + 1;
}

int main(int argc, char **argv)
{
	long rounds = argc > 1 ? atol(argv[1]) : 999, caught = 0, returned = 0;

	target_ready();
	for (long i = 0; i < rounds; i++) {
		try {
			if (outer(i) != i + 1)
				return 1;
			returned++;
		} catch (const std::runtime_error &) {
			caught++;
		}
	}
	target_done("calls=%ld returned=%ld caught=%ld destroyed=%ld", rounds, returned, caught, destroyed);
	return 0;
}
