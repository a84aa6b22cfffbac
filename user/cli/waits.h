/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Functions that are waits, from --wait and from the contract file, as specifications behind all others. */
#ifndef LAPSE_WAITS_H
#define LAPSE_WAITS_H

#include "cli/options.h"
#include "config/config.h"
#include "probe/plan.h"

/* Specifications, of which the last .n_fed feed others. */
struct waits_beside {
	struct probe_spec **specs;
	size_t *n_specs;
	struct plan_fed **fed;
	size_t *n_fed;
};

/*
 * Appends those of @options and of @config (or NULL), if causes are told at all. Returns 0, -EINVAL after a
 * message, or -ENOMEM; what was appended until then is to be released in any case.
 */
int waits_add(const struct options *options, const struct config *config, const struct waits_beside *beside);

/* Whether @plan has any. */
bool waits_planned(const struct plan *plan);

/* Says of which the blocks cannot be charged, because they run on stacks that the thread leaves. */
void waits_say(const struct plan *plan);

#endif
