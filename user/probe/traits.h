/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a mapped file may do to a stack, as its symbols tell. */
#ifndef LAPSE_TRAITS_H
#define LAPSE_TRAITS_H

#include <stdint.h>

enum trait {
	TRAIT_CATCHES = 1 << 0,	 /* catches exceptions, or unwinds by itself */
	TRAIT_CLEANUPS = 1 << 1, /* has code that runs while a stack is unwound */
	TRAIT_CANCELS = 1 << 2,	 /* cancels or exits threads */
	TRAIT_HANDLERS = 1 << 3, /* registers clean-up handlers of threads */
	TRAIT_SWITCHES = 1 << 4, /* fibers, coroutines */
	TRAIT_GO = 1 << 5,
	TRAIT_RUNTIME = 1 << 6,	    /* a language's runtime: does not count by itself */
	TRAIT_LIBC = 1 << 7,	    /* of those, the C library's own */
	TRAIT_ASYNC_USER = 1 << 8,  /* starts OpenSSL's fibers */
	TRAIT_ASYNC_OWNER = 1 << 9, /* has them: switches only for such a user */
	TRAIT_ALTSTACK = 1 << 10,   /* gives signal handlers a stack of their own */
	TRAIT_WALKS = 1 << 11,	    /* its collector finds frames by the return addresses of its functions */
	TRAIT_HASKELL = 1 << 12,    /* has functions that GHC compiled */
};

/*
 * Reads the traits of the ELF file @path, called @name in the target. What is no ELF file has none.
 */
uint32_t traits_read(const char *path, const char *name);

/* The traits that one symbol alone shows. */
uint32_t traits_of_symbol(const char *symbol, int defined);

/* The traits that a file's name alone shows: which runtime it is. */
uint32_t traits_of_name(const char *name);

#endif
