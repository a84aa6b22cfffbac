/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * From specifications and processes to a plan: which components there are, and at which offsets
 * of which files to probe for them. Nothing is attached here.
 */
#ifndef LAPSE_PLAN_H
#define LAPSE_PLAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "probe/spec.h"
#include "probe/target.h"

/* A place to probe: one offset of one file, for one component. Aliases of a function share one. */
struct place {
	size_t file;	    /* index into plan.files */
	uint64_t offset;    /* in the file */
	uint64_t entry;	    /* the function's own offset; differs where the probe was moved */
	uint64_t semaphore; /* markers: where in the file the kernel counts who listens; 0: none */
	uint32_t component; /* index into plan.components */
	uint8_t edge;	    /* enum lapse_edge */
	uint8_t role;	    /* enum lapse_role */
	uint8_t cls;	    /* enum lapse_class */
	const char *stays;  /* why it is single-stepped; NULL: it is not, or that is not known */
	bool args_intact;   /* the argument registers still hold at this place */
	uint32_t flags;	    /* enum lapse_component_flag that this function calls for */
	uint32_t function;  /* a number of its own for each function, the same for all places of it */
	bool shared;	    /* with places of others, or of the span's other end */
};

/* A statically defined marker (USDT) of a file; libbpf knows how its arguments are written. */
struct plan_usdt {
	size_t file;
	char *provider, *name;
	uint32_t component;
	uint8_t edge; /* enum lapse_edge */
};

/* A system call, or one that ends and begins the turns of an event loop. */
struct plan_syscall {
	uint32_t nr;
	uint32_t component;
	bool loop;
};

/* TCP connections whose spans are a component's; several where a name has several addresses. */
struct plan_tcp {
	struct lapse_tcp_rule rule; /* with the component's number */
	size_t spec;		    /* to look its name up again */
};

/* A file with places, and the processes that are to be probed in it. */
struct plan_file {
	struct file_id id;
	char *name;   /* for people */
	char *access; /* for the kernel */
	pid_t *pids;  /* processes that map it; empty where the file is probed for all */
	size_t n_pids;
	size_t n_served; /* of the pids: those that it had before the last plan_extend() */
};

/* What a component's spans are fed to, where it is not a component of its own for the monitor. */
enum plan_feeds {
	FEEDS_ITSELF,
	FEEDS_CACHE,	/* its hits and misses are .fed's */
	FEEDS_CONNECTS, /* its spans are the openings of .fed's connections */
	FEEDS_CAUSES,	/* a function that is a wait: it has no spans, and feeds no component */
};

struct plan_component {
	char *name;	/* unique in the plan */
	char *function; /* demangled */
	char *object;	/* the file's name */
	size_t spec;	/* which specification it came from */
	bool retins;	/* ended by return-instruction probes: dearer, the reason is in why */
	char *why;	/* NULL, or why it was not given a return probe */
	size_t n_places;
	uint32_t flags;		  /* of all its places */
	bool glob;		  /* one of those that a pattern found */
	struct lapse_rules rules; /* of its modifiers; capture and value limits are filled in */
	bool has_rules;
	char value_name[LAPSE_VALUES][LAPSE_VALUE_NAME]; /* empty: none */
	bool untimed;					 /* has a count and no durations */
	bool has_errors;				 /* something tells a failed span from a good one */
	bool has_cache;					 /* something tells hits from misses */
	bool has_values;       /* value_name has some, or a marker names them as they come */
	char *marker;	       /* the name by which a program's markers feed it, or NULL */
	enum plan_feeds feeds; /* those that feed others come last in the plan */
	uint32_t fed;	       /* the component that it feeds */
	enum lapse_cause wait; /* of FEEDS_CAUSES: what blocks inside is charged to this */
};

struct plan {
	struct plan_component *components;
	size_t n_components;
	struct plan_file *files;
	size_t n_files;
	struct place *places;
	size_t n_places;
	struct plan_usdt *usdts;
	size_t n_usdts;
	struct plan_syscall *syscalls;
	size_t n_syscalls;
	struct plan_tcp *tcps;
	size_t n_tcps;
	uint32_t n_functions; /* numbers given so far */
	bool for_all;	      /* all targets but pids: its files are probed for every process */
	bool awaits; /* some of what was asked for comes with a library, or a mark, that is not there yet */
};

/* Which specification another one feeds, and how; with FEEDS_CAUSES itself. */
struct plan_fed {
	size_t spec;
	enum plan_feeds feeds;
};

struct plan_options {
	bool force_uretprobe;	    /* return probes even where something may unwind past them */
	bool yes;		    /* globs over 100 functions are meant */
	bool whole;		    /* every specification must be measured: a contract hangs on it */
	const char *merge;	    /* join the functions of a glob under this name, or NULL */
	const struct plan_fed *fed; /* of the last n_fed specifications: what they feed */
	size_t n_fed;
	const uint64_t *targets; /* by specification: bits of those in whose processes it is looked for; NULL:
				  * in all */
	bool seccomp_kills;	 /* the self-test said that a seccomp filter would kill the target at a
				  * return probe */
};

/*
 * Resolves every specification in every process of its targets. Where a program of --exe does not run yet
 * its file itself is read; what no process is there for is awaited. Returns 0, or after a message: -ENOENT
 * (unknown function, glob without a match; nearest names given), -EPERM (refused for safety, the alternative
 * given), -E2BIG (a glob over 100 functions without yes), -EINVAL, -EACCES, -ENOMEM. One
 * unattachable function among many warns; none attachable, or with @options->whole any specification of
 * which nothing is, is an error. Release with plan_free().
 */
int plan_make(const struct probe_spec *specs, size_t n_specs, const struct target_selection *selection,
	      const struct process *processes, size_t n_processes, const struct plan_options *options,
	      struct plan *plan);
void plan_free(struct plan *plan);

/*
 * Extends @plan for @process, which appeared after plan_make: files that are new get places for the
 * existing components (none is added). *first_place is the index of the first new place, and
 * *new_files the number of files added at the end of plan->files. A file that the plan has already
 * only gains the pid, after .n_served others. Returns 0 (also where nothing was added) or -errno after a
 * message.
 */
int plan_extend(struct plan *plan, const struct probe_spec *specs, size_t n_specs,
		const struct process *process, const struct plan_options *options, size_t *first_place,
		size_t *new_files);

/* Whether specification @spec is looked for in @process. */
bool plan_looks_in(const struct plan_options *options, size_t spec, const struct process *process);

/* Releases what @component holds; plan_free() does it for all. */
void plan_component_free(struct plan_component *component);

/* Whether @component has nowhere to be measured yet: its library, or its mark, has still to come. */
bool plan_awaits(const struct plan *plan, size_t component);

/* The edges (enum lapse_edge, or'ed) that @component has places for. */
unsigned plan_edges(const struct plan *plan, size_t component);

#endif
