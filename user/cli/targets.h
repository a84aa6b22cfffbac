/* SPDX-License-Identifier: GPL-2.0-or-later */
/* In whose processes the components of a contract file are measured. */
#ifndef LAPSE_CLI_TARGETS_H
#define LAPSE_CLI_TARGETS_H

#include "config/config.h"
#include "probe/plan.h"
#include "probe/target.h"

/*
 * Puts the targets of @config into @selection, whose own, from the options, takes the place of the file's.
 * With targets of components it becomes one of parts, targets_free() releases it, and *numbers (to be freed;
 * else NULL) has the target of each of the @n specifications, the last @n_fed of which feed components or
 * explain all. 0, or -EINVAL (with a component that has no target, or too many targets) or -ENOMEM after a
 * message.
 */
int targets_take(const struct config *config, size_t n, const struct plan_fed *fed, size_t n_fed,
		 struct target_selection *selection, uint64_t **numbers);
void targets_free(struct target_selection *selection);

#endif
