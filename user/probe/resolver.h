/* SPDX-License-Identifier: GPL-2.0-or-later */
/* From a specification to the functions of a file, in one process. */
#ifndef LAPSE_RESOLVER_H
#define LAPSE_RESOLVER_H

#include "probe/decode.h"
#include "probe/object.h"
#include "probe/safety.h"
#include "probe/spec.h"
#include "probe/symbols.h"
#include "probe/target.h"

/* What a process maps, and what it will: the libraries of a program that has not loaded them. */
struct view {
	const struct process *process;
	const struct mapped_file **files;
	size_t n_files;
};

/* Keeps what was read of each file, so that it is read once however many processes map it. */
struct resolver {
	struct decoder *decoder;
	struct known_file *known; /* by file id */
	struct known_match *cache;
	size_t n_cache, cache_capacity;
	struct mapped_file **extra; /* files that no process has mapped yet */
	size_t n_extra;
};

enum failure_kind {
	FAILED_NO_OBJECT = 1, /* no such file in the process */
	FAILED_UNREADABLE,    /* .err says why */
	FAILED_NO_FUNCTION,
	FAILED_IFUNC, /* only functions chosen at load time */
	FAILED_COLD,  /* a part that is never called by itself */
};

struct failure {
	enum failure_kind kind;
	const struct mapped_file *file; /* the one that was looked through, or NULL */
	int err;
};

/* The functions that a specification means in a process. */
struct resolved {
	const struct mapped_file *file;
	const struct object *object;
	const struct matches *matches; /* the resolver's */
	size_t n_others;	       /* further files that have such functions */
};

/* 0 or -ENOMEM; release with resolver_free(). */
int resolver_init(struct resolver *resolver);
void resolver_free(struct resolver *resolver);

/* The view of @process: its mapped files, and its needed ones before they are loaded. */
int resolver_view(struct resolver *resolver, const struct process *process, struct view *view);
void view_free(struct view *view);

/* The opened file, or NULL with *err set. */
const struct object *resolver_object(struct resolver *resolver, const struct mapped_file *file, int *err);

/*
 * Resolves @spec, the @index-th. Returns 0, -ENOENT or what opening said, with *failure filled,
 * or -ENOMEM.
 */
int resolver_resolve(struct resolver *resolver, const struct view *view, const struct probe_spec *spec,
		     size_t index, struct resolved *resolved, struct failure *failure);

/* How a function of @file may be measured in the process of @view; 0 or -ENOMEM. */
int resolver_safety(struct resolver *resolver, const struct view *view, const struct mapped_file *file,
		    bool force, bool seccomp_kills, struct safety *safety);

/* The part of a path after the last slash. */
const char *path_base(const char *path);

#endif
