/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Components, files and places of a plan, as functions are added to it. */
#ifndef LAPSE_BUILD_H
#define LAPSE_BUILD_H

#include "probe/plan.h"
#include "probe/resolver.h"

/* A function that could not be planned, and why. */
struct refusal {
	char *text;
	int err;
};

struct build {
	struct plan *plan;
	struct resolver *resolver;
	const struct probe_spec *specs;
	const struct plan_options *options;
	bool extend; /* add no components */

	struct refusal *refusals;
	size_t n_refusals;
	struct place_key *keys; /* hash of the places by (file, offset, kind) */
	struct component_key *component_keys;
};

/*
 * Adds the functions of @resolved, which the @spec-th specification means, measured as @safety
 * says. Returns 0 (refused functions are listed in build->refusals) or -ENOMEM.
 */
int build_add(struct build *build, size_t spec, const struct resolved *resolved, const struct safety *safety);

/* The plan's file of that id, or n_files. */
size_t build_find_file(const struct plan *plan, const struct file_id *id);
/* Adds @pid to the processes of a file; 0 or -ENOMEM. */
int build_add_pid(struct plan_file *file, pid_t pid);

/* Makes the components' names unique. 0 or -ENOMEM. */
int build_unique_names(struct plan *plan);

/* Notes the places that the plan has already, so that none is doubled. 0 or -ENOMEM. */
int build_index(struct build *build);
void build_release(struct build *build);

#endif
