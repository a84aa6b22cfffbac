// SPDX-License-Identifier: GPL-2.0-or-later
#include "probe/odd.h"

#include <stddef.h>
#include <stdio.h>

#include "base/text.h"

enum odd_kind {
	ODD_KEEPS_ADDRESS, /* by return instructions only */
	ODD_NO_ADDRESS,	   /* not at all */
	ODD_NONE,	   /* as any other */
};

struct odd_function {
	const char *pattern; /* a glob over the symbol */
	enum odd_kind kind;
	const char *why;
};

static const char keeps_address[] = "it keeps a copy of its return address";
static const char no_address[] = "it is entered without a return address";
static const char haskell[] = "it is Haskell, which is entered and left by jumps";

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

/*
 * What GHC compiles keeps its frames on a stack of its own, by another register: on top of the processor's
 * lie registers that it has spilled. The names are its labels' (GHC.Cmm.CLabel), and those of the runtime,
 * but for what is C among them.
 */
static const struct odd_function haskell_functions[] = {
	{"stg_exit", ODD_NONE, NULL},	     {"stg_sig_install", ODD_NONE, NULL},
	{"stg_*", ODD_NO_ADDRESS, haskell},  {"__stg_gc_*", ODD_NO_ADDRESS, haskell},
	{"*_info", ODD_NO_ADDRESS, haskell}, {"*_fast", ODD_NO_ADDRESS, haskell},
	{"*_slow", ODD_NO_ADDRESS, haskell}, {"*_ret", ODD_NO_ADDRESS, haskell},
};

#define N(list) (sizeof(list) / sizeof((list)[0]))

/* The first of @list whose pattern @symbol matches, or NULL. */
static const struct odd_function *find(const struct odd_function *list, size_t n, const char *symbol)
{
	for (size_t i = 0; i < n; i++)
		if (text_glob_match(list[i].pattern, symbol))
			return &list[i];
	return NULL;
}

static const struct odd_function *odd_find(const char *symbol, bool in_haskell)
{
	const struct odd_function *odd =
		in_haskell ? find(haskell_functions, N(haskell_functions), symbol) : NULL;

	return odd && odd->kind != ODD_NONE ? odd : find(odd_functions, N(odd_functions), symbol);
}

struct safety odd_safety(const struct safety *otherwise, const char *symbol, bool force)
{
	const struct odd_function *odd = odd_find(symbol, otherwise->haskell);
	struct safety safety = *otherwise;

	if (!odd || (odd->kind == ODD_KEEPS_ADDRESS && (force || safety.verdict != SAFETY_RETURN_PROBE)))
		return safety;
	safety.verdict = odd->kind == ODD_NO_ADDRESS ? SAFETY_REFUSED : SAFETY_RETURN_INSNS;
	snprintf(safety.why, sizeof(safety.why), "%s", odd->why);
	return safety;
}
