/* SPDX-License-Identifier: GPL-2.0-or-later */
/* From a stack to the function that matters in it: the program's own that is nearest to where it waits or
 * runs. */
#ifndef LAPSE_FIRST_PLACE_H
#define LAPSE_FIRST_PLACE_H

#include <stdbool.h>
#include <stddef.h>

#include "stack/frame.h"

/* What functions of well-known programs say of a wait that goes through them. */
enum known_kind {
	KNOWN_IDLE, /* it waits for work */
	KNOWN_WAIT, /* it waits for .cause, whatever system call it sits in */
};

struct known_place {
	const char *function;
	enum known_kind kind;
	unsigned cause;	  /* enum lapse_cause */
	const char *hint; /* what a person does next, or NULL */
};

#define PLACE_FUNCTIONS 4
#define PLACE_NAME	256

/* Where a thread was, as far as that is known. */
struct first_place {
	const char *name; /* of the function that matters; in brackets why there is none */
	const char *functions[PLACE_FUNCTIONS]; /* the program's own that may be probed, that one first */
	const char *files[PLACE_FUNCTIONS];	/* where they are, as the target maps them */
	size_t n_functions;
	char brief[PLACE_NAME];		 /* that one and its callers in one line */
	const struct known_place *known; /* or NULL */
	bool condition;	  /* in a condition variable, a semaphore, a join: someone else has to do something */
	bool shared_lock; /* in a lock for readers and writers */
	bool interpreted; /* JavaScript whose functions have no names */
	bool stripped;	  /* the function that matters has no name in its file */
	bool cut;	  /* callers are missing */
};

/* Describes @n frames, innermost first, of a thread that @waits or runs; their strings have to outlive
 * @place. */
void place_describe(const struct stack_frame *frames, size_t n, bool waits, struct first_place *place);

/* Whether the file belongs to the system's run-time libraries, of which nobody is to blame. */
bool place_is_runtime(const char *file);

#endif
