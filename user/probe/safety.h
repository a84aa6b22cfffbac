/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Whether a return probe would be safe. It replaces a return address on the target's stack: what
 * unwinds past it or moves the stack would kill the target.
 */
#ifndef LAPSE_SAFETY_H
#define LAPSE_SAFETY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct safety_file {
	const char *name;
	uint32_t traits; /* enum trait */
};

enum safety_verdict {
	SAFETY_RETURN_PROBE,
	SAFETY_RETURN_INSNS, /* entry and return instructions instead */
	SAFETY_REFUSED,
};

struct safety {
	enum safety_verdict verdict;
	bool switches;	/* something in the process switches stacks */
	bool haskell;	/* some functions of the file are compiled by GHC */
	bool goroutine; /* a function of Go's: its frames are a goroutine's */
	char why[256];	/* empty for a return probe */
};

/*
 * Decides for a function of @file in a process that maps the @n files of @mapped. @force: return
 * probes wherever they are possible at all.
 */
struct safety safety_decide(const struct safety_file *file, const struct safety_file *mapped, size_t n,
			    bool force, bool seccomp_kills);

struct process;

/* How the functions of @process's main binary may be measured, seccomp aside. 0, -errno. */
int safety_of_main(const struct process *process, struct safety *safety);

#endif
