/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Callers out of a copied piece of a stack, by the rules that compilers leave in .eh_frame and
 * .debug_frame; where a file has none for a place, by the chain of frame pointers. This is the only place
 * that knows libdwfl.
 */
#ifndef LAPSE_STACK_UNWINDER_H
#define LAPSE_STACK_UNWINDER_H

#include "stack/space.h"

struct stack_piece;
struct unwinder;

/* Why a chain of callers is shorter than it was, or doubtful. */
enum ending {
	ENDING_WHOLE,	  /* it is complete */
	ENDING_PIECE,	  /* the callers are beyond the copied piece */
	ENDING_FRAMES,	  /* there are more than were asked for */
	ENDING_BUDGET,	  /* it took too long */
	ENDING_NO_CODE,	  /* the next return address, .addr, is not code */
	ENDING_NO_RULE,	  /* nothing tells how to go on */
	ENDING_OTHER_CPU, /* code of another architecture, of 32 bits */
	ENDING_FAILED,	  /* out of memory */
};

struct unwound {
	enum ending ending;
	uint64_t addr;	    /* where it ended */
	const char *opaque; /* a file that could not be read for its rules, or NULL: frame
			     * pointers were followed through it */
	int opaque_err;
	uint64_t spent_ns; /* of the budget */
};

struct code_address {
	uint64_t addr;
	bool exact; /* where a thread was; else a return address, behind the call */
};

/* NULL where memory is out. The space must not change until unwinder_free(). */
struct unwinder *unwinder_new(struct space *space);
void unwinder_free(struct unwinder *unwinder);

/*
 * Fills up to @max addresses, innermost first, and returns how many. Gives up when this thread has spent
 * @budget_ns of CPU time, not counting the reading of files that were not read before.
 */
size_t unwinder_run(struct unwinder *unwinder, const struct stack_piece *piece, uint64_t budget_ns,
		    struct code_address *addrs, size_t max, struct unwound *unwound);

#endif
