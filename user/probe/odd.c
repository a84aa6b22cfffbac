// SPDX-License-Identifier: GPL-2.0-or-later
#include "probe/odd.h"

#include <stddef.h>
#include <stdio.h>

#include "base/text.h"

enum odd_kind {
	ODD_KEEPS_ADDRESS, /* by return instructions only */
	ODD_NO_ADDRESS,	   /* not at all */
};

struct odd_function {
	const char *pattern; /* a glob over the symbol */
	enum odd_kind kind;
	const char *why;
};

static const char keeps_address[] = "it keeps a copy of its return address";
static const char no_address[] = "it is entered without a return address";

/* glibc's and musl's names, with the aliases that only debug symbols show. */
static const struct odd_function odd_functions[] = {
	{"*setjmp*", ODD_KEEPS_ADDRESS, keeps_address},
	{"savectx", ODD_KEEPS_ADDRESS, keeps_address},
	{"*vfork*", ODD_KEEPS_ADDRESS, "it returns twice on one stack"},
	{"*getcontext", ODD_KEEPS_ADDRESS, keeps_address},
	{"*swapcontext", ODD_KEEPS_ADDRESS, keeps_address},
	{"_dl_runtime_resolve*", ODD_NO_ADDRESS, no_address},
	{"_dl_runtime_profile*", ODD_NO_ADDRESS, no_address},
	{"_dl_start_user", ODD_NO_ADDRESS, no_address},
	{"__start_context", ODD_NO_ADDRESS, no_address},
	{"*restore_rt", ODD_NO_ADDRESS, no_address},
	{"_start", ODD_NO_ADDRESS, no_address},
	{"__morestack*", ODD_NO_ADDRESS, no_address},
};

static const struct odd_function *odd_find(const char *symbol)
{
	for (size_t i = 0; i < sizeof(odd_functions) / sizeof(odd_functions[0]); i++)
		if (text_glob_match(odd_functions[i].pattern, symbol))
			return &odd_functions[i];
	return NULL;
}

struct safety odd_safety(const struct safety *otherwise, const char *symbol, bool force)
{
	const struct odd_function *odd = odd_find(symbol);
	struct safety safety = *otherwise;

	if (!odd || (odd->kind == ODD_KEEPS_ADDRESS && (force || safety.verdict != SAFETY_RETURN_PROBE)))
		return safety;
	safety.verdict = odd->kind == ODD_NO_ADDRESS ? SAFETY_REFUSED : SAFETY_RETURN_INSNS;
	snprintf(safety.why, sizeof(safety.why), "%s", odd->why);
	return safety;
}
