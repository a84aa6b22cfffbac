/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A walk along all paths of a function with the height of its stack frame, so that it is known
 * where it is left: by returns, and by jumps with the frame gone (tail calls).
 */
#ifndef LAPSE_WALK_H
#define LAPSE_WALK_H

#include "probe/body.h"

enum way_out {
	OUT_RETURN,
	OUT_TAIL_CALL,	  /* a direct jump, to another function */
	OUT_TAIL_SLOT,	  /* a jump through a slot of the GOT */
	OUT_TAIL_POINTER, /* a jump through a register or a table of methods */
};

struct out {
	uint64_t addr;
	enum way_out way;
	uint64_t target;  /* OUT_TAIL_CALL */
	bool conditional; /* OUT_TAIL_CALL: the jump may be not taken */
	bool probeable;
};

struct walk {
	struct out *outs;
	size_t n_outs;
	bool broken;	   /* the function's own bytes do not all decode */
	bool unknown;	   /* a jump goes to places of the function that were not found */
	uint64_t *targets; /* of jump tables */
	size_t n_targets;
};

/* Walks @body. Returns 0 or -ENOMEM. Release with walk_free(). */
int walk_function(const struct body *body, struct decoder *decoder, struct walk *walk);
void walk_free(struct walk *walk);

#endif
