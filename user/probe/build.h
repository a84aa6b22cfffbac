/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Components, files and places of a plan, as functions are added to it. */
#ifndef LAPSE_BUILD_H
#define LAPSE_BUILD_H

#include "probe/plan.h"
#include "probe/resolver.h"
#include "probe/want.h"

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
	bool extend;   /* add no components */
	bool *planned; /* by specification, where wanted: set once it has a component */

	struct refusal *refusals;
	size_t n_refusals;
	struct place_key *keys; /* hash of the places by (file, offset, kind) */
	struct component_key *component_keys;
};

/*
 * Adds the functions of @resolved, which @want means, measured as @safety says. Returns 0 (refused
 * functions are listed in build->refusals), -EINVAL after a message, or -ENOMEM.
 */
int build_add(struct build *build, const struct want *want, const struct resolved *resolved,
	      const struct safety *safety);

/*
 * The component that all of the @spec-th specification is measured as, declared if there is none yet:
 * *index. Returns 0, -ENOENT where none may be added, or -ENOMEM.
 */
int build_whole(struct build *build, size_t spec, const char *object, size_t *index);

/* The same for the marker @name, which is one of several that the specification means. */
int build_marker(struct build *build, size_t spec, const char *object, const char *name, size_t *index);

/*
 * Adds a place. One that is there already for the same purpose is left alone; those of one function get one
 * number, and stand where the first of them in the code does.
 */
int build_place(struct build *build, const struct place *place);

/* Adds @file to the plan's files; 0 or -ENOMEM. */
int build_file(struct plan *plan, const struct mapped_file *file, size_t *index);

/* build_keys.c: what functions share a component by, and which places there are. */
struct place_id {
	uint64_t file;
	uint64_t offset;
	uint64_t purpose; /* some serve all components, others those of one specification */
};
/* The plan's place of that id, or NULL. */
struct place *build_find_place(const struct build *build, const struct place_id *id);
/* What a place would be known by; of an entry without an edge any place of its specification will do. */
struct place_id build_place_id(const struct build *build, const struct place *place, size_t spec);
/* Whether @place is at a function's entry, or waits for its return from there. */
static inline bool build_is_entry(const struct place *place)
{
	return place->role == LAPSE_ROLE_ENTRY || place->role == LAPSE_ROLE_ENTRY_RETINS ||
	       place->role == LAPSE_ROLE_HERE;
}
/* The first place that waits for, or stands at, the function's entry, or NULL. */
struct place *build_find_function(const struct build *build, const struct place *place);
/* Notes the @index-th place of the plan. 0 or -ENOMEM. */
int build_add_place_key(struct build *build, size_t index);
char *build_component_key(const struct build *build, size_t spec, const char *object, const char *function);
int build_add_component_key(struct build *build, char *key, size_t component);
bool build_find_component(const struct build *build, const char *key, size_t *component);

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
