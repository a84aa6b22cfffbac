/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Where an entry probe stands: its first instruction decides what each hit costs. */
#ifndef LAPSE_PLACEMENT_H
#define LAPSE_PLACEMENT_H

#include "bpf/event.h"
#include "probe/body.h"

struct placement {
	uint64_t addr;
	enum lapse_class cls;	    /* LAPSE_CLASS_EMULATED, _NOP5 or _STEPPED */
	enum lapse_class entry_cls; /* what it would be at the entry */
	const char *stays;	    /* why it is single-stepped; NULL: it is not */
	bool entry_probeable;
	bool args_intact;
	bool self_jump;	  /* the function jumps to its own entry */
	bool stack_check; /* it is the jump of Go's stack check, which is taken to come back */
};

/*
 * Chooses the place for the function of @body: its entry, or further along the straight line an
 * instruction that the kernel emulates, where nothing can tell the difference. @need_args: the
 * arguments are still in their registers there. Returns 0, or -EOPNOTSUPP where the kernel can place no
 * probe, -ENOMEM.
 */
int placement_choose(const struct body *body, struct decoder *decoder, bool need_args,
		     struct placement *placement);

/* "emulated", "nop5" or "single-stepped": how the kernel executes what a probe stands on. */
const char *placement_price(enum lapse_class cls);

/* The place of a function whose code cannot be judged: its entry, single-stepped. */
struct placement placement_blind(uint64_t addr);

#endif
