/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What is known while a plan is made: where each function was found, and of what nothing is there. */
#ifndef LAPSE_PLANNING_H
#define LAPSE_PLANNING_H

#include "probe/plan.h"
#include "probe/resolver.h"
#include "probe/want.h"

/* A function that was resolved in a process. */
struct hit {
	size_t want;
	pid_t pid;
	struct resolved resolved;
	struct safety safety;
};

struct planning {
	struct resolver resolver;
	const struct probe_spec *specs;
	size_t n_specs;
	struct want *wants;
	size_t n_wants;
	const struct plan_options *options;
	struct view *views;
	size_t n_views;
	struct hit *hits;
	size_t n_hits, hits_capacity;
	int failed_err; /* of what is nowhere */
	bool *pending;	/* by specification: its library has still to come */
	bool *failed;	/* by specification: it, or one of its ends, is nowhere */
	bool *planned;	/* by specification: it has a component */
};

/* 0 or -errno; to be released by planning_free() in either case. */
int planning_init(struct planning *p, const struct probe_spec *specs, size_t n_specs,
		  const struct process *processes, size_t n_processes, const struct plan_options *options);
void planning_free(struct planning *p);

/* Resolves the @index-th function in all processes of its targets. 0, or -errno after a message; that it is
 * nowhere is noted only. */
int planning_resolve(struct planning *p, size_t index);

/* Whether an earlier hit of the same specification is in the same file. */
bool planning_seen_before(const struct planning *p, const struct hit *hit);
/* Whether both were found in one file. */
bool planning_same_file(const struct resolved *a, const struct resolved *b);

/* Specification @spec has to wait: no process of its targets is there yet. */
void planning_await_process(struct planning *p, size_t spec);

#endif
