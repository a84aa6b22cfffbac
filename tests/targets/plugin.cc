// SPDX-License-Identifier: GPL-2.0-or-later
/* Calls back through the host; each third callback throws, and it is caught in here. */
#include <stdexcept>

typedef long (*callback)(long);
typedef long (*host_function)(callback, long);

static long maybe_throw(long i)
{
	if (i % 3 == 2)
		throw std::runtime_error("each third");
	return i;
}

extern "C" long plugin_run(host_function through, long rounds, long *caught);

extern "C" long plugin_run(host_function through, long rounds, long *caught)
{
	long returned = 0;

	for (long i = 0; i < rounds; i++) {
		try {
			returned += through(maybe_throw, i) == i + 1;
		} catch (const std::runtime_error &) {
			++*caught;
		}
	}
	return returned;
}
