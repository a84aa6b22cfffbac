// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * lapse.h's C++: spans that end with their scope, by return, by fail() and by exception, in a namespace
 * without a name, in templates and in lambdas.
 *
 *     marked_cxx [CALLS]
 *
 *     cxx_order   each call; the third fails by an exception that leaves it, the fourth by fail()
 *     cxx_risk    from a template for two types and from a lambda: three spans a call
 */
#include "common.h"
#include "lapse.h"

#include <stdexcept>

namespace
{
struct rejected : std::runtime_error {
	rejected() : std::runtime_error("rejected")
	{
	}
};

template <typename T> T risk(T exposure)
{
	LAPSE_SCOPE(cxx_risk, span);
	return exposure / 2;
}

void order(long number)
{
	LAPSE_SCOPE(cxx_order, span);
	auto late = [] { LAPSE_SCOPE(cxx_risk, inner); };

	risk(number);
	risk(1.0);
	late();
	LAPSE_VALUE(cxx_order, "number", number);
	if (number % 4 == 2)
		throw rejected();
	if (number % 4 == 3)
		span.fail();
}

/* A span that begins and ends well while an exception is on its way is not a failed one. */
struct cleanup {
	~cleanup()
	{
		LAPSE_SCOPE(cxx_cleanup, span);
	}
};

bool accepted(long number)
{
	try {
		cleanup at_the_end;

		order(number);
		return true;
	} catch (const rejected &) {
		return false;
	}
}
} // namespace

int main(int argc, char **argv)
{
	long calls = argc > 1 ? atol(argv[1]) : 100, thrown = 0;

	target_ready();
	for (long i = 0; i < calls; i++)
		thrown += !accepted(i);
	target_done("calls=%ld thrown=%ld errors=%ld risks=%ld", calls, thrown, thrown + calls / 4,
		    3 * calls);
	return 0;
}
