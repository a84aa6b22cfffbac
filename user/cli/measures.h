/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The probes of a contract file's components. */
#ifndef LAPSE_MEASURES_H
#define LAPSE_MEASURES_H

#include "config/config.h"
#include "probe/plan.h"

/*
 * Parses every component's measure, with the modifiers that its other keys make, into @specs, which has
 * room for all and is zeroed; each takes its component's name. All bad ones are said, each with its place
 * in the file. Returns 0, or the last -errno; *specs are to be freed by spec_free() in either case.
 */
int measures_parse(const struct config *config, struct probe_spec *specs);

/*
 * The same of the probes of components' caches and connections, *n of them (set also on failure). @fed says
 * of each what it feeds. @specs (zeroed) and @fed have room for MEASURES_FEEDERS a component; names are such
 * as "COMPONENT cache".
 */
int measures_parse_feeders(const struct config *config, struct probe_spec *specs, struct plan_fed *fed,
			   size_t *n);
#define MEASURES_FEEDERS 2

/*
 * Checks that what was parsed can feed the objectives of the file. Returns 0, or -EINVAL after a message
 * for each that it cannot, with its place.
 */
int measures_check_fed(const struct config *config, const struct probe_spec *specs,
		       const struct plan_fed *fed, size_t n_fed);

/* The exit code of a plan_make() that gave @err: what was asked for is wrong, or cannot be had. */
int measures_exit_code(int err);

#endif
