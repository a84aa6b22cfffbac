/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which processes are meant, and what they have mapped. */
#ifndef LAPSE_TARGET_H
#define LAPSE_TARGET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/cgroup.h"

/* What the options say: -p, --exe, --comm, --cgroup, --unit, --container, --follow, --, as given. */
struct target_selection {
	pid_t *pids;
	size_t n_pids;
	const char *exe;	   /* path, or NULL */
	const char *comm;	   /* name, or NULL */
	struct cgroup_rule cgroup; /* --cgroup, --unit, --container; or none */
	bool follow;		   /* -p: children too */
	/* Where components have targets of their own: each of them, by its number; all else but the pids of
	 * all of them is empty then. */
	struct target_selection *parts;
	size_t n_parts;
};

/* The targets by their number: those of the components, or the one that all have. */
size_t target_parts(const struct target_selection *selection, const struct target_selection **parts);

/* How many ways to name processes it holds: one is right. */
unsigned target_ways(const struct target_selection *selection);

/* 0, or -EINVAL after a message where it holds several. */
int target_check_ways(const struct target_selection *selection);

/* Whether processes that come later are meant too. */
bool target_is_open(const struct target_selection *selection);

/* Whether any target is a program, whose file is there before anybody runs it. */
bool target_has_exe(const struct target_selection *selection);

/* Whether any target is a control group, a unit or a container. */
bool target_has_groups(const struct target_selection *selection);

/* Which processes are meant, as what stands behind "every", "no" or "a". Returns @buffer. */
const char *target_describe(const struct target_selection *selection, char *buffer, size_t size);
#define TARGET_WORDS (CGROUP_NAME + 64) /* room enough */

/*
 * Replaces what a person gives by what holds as long as lapse runs: a path below the mount point of the
 * control groups by the group's own, the beginning of a container's id by the whole one. 0, or -ENOENT (no
 * such container), -ENOTUNIQ (several) or -ENOMEM after a message.
 */
int target_settle(struct target_selection *selection);

/* Of a selection that nobody matches: what may be the reason, as the end of a sentence; "" if nothing is
 * known. Returns @buffer. */
const char *target_why_none(const struct target_selection *selection, char *buffer, size_t size);

/* The same as a message of its own. */
void target_say_none(const struct target_selection *selection);

/* A file as the kernel knows it; the same for every process that maps it. */
struct file_id {
	uint64_t dev; /* st_dev */
	uint64_t ino;
};

/* One mapped file of a process. Deleted and replaced files keep their own entry. */
struct mapped_file {
	struct file_id id;
	char *name;   /* as /proc/PID/maps names it, without " (deleted)" */
	char *access; /* a path that opens exactly this file from lapse's own view:
		       * /proc/PID/map_files/..., /proc/PID/exe or /proc/PID/root/... */
	bool deleted;
	bool main;		/* the process's executable */
	bool executable;	/* has an executable mapping */
	uint64_t start, offset; /* of the first executable mapping */
};

struct process {
	pid_t pid;
	char comm[16];
	char *exe; /* readlink of /proc/PID/exe, without " (deleted)" */
	uid_t uid;
	uint64_t targets; /* bits of the targets that it is of, where somebody has asked */
	struct mapped_file *files;
	size_t n_files;
};

/* Reads a live process. Returns 0, -ESRCH (gone, kernel threads and zombies too), -EACCES,
 * -ENOMEM; no message. Release with process_free(). */
int process_read(pid_t pid, struct process *process);
void process_free(struct process *process);

/*
 * All processes that @selection means now, in order of pid. With -p each must exist: -ESRCH after
 * a message that names the pid otherwise; the other ways may match none (0 and *n == 0).
 */
int target_find(const struct target_selection *selection, struct process **processes, size_t *n);
void target_free(struct process *processes, size_t n);

/* Their pids alone; with --follow those of all descendants too. 0 or -errno. *pids is to be freed. */
int target_pids(const struct target_selection *selection, pid_t **pids, size_t *n);

/* Whether @pid runs a program still: what is gone, or a zombie, does not. */
bool target_runs(pid_t pid);

/* Whether a process that has just appeared, changed its image or moved is meant by something else than its
 * pid. */
bool target_matches(const struct target_selection *selection, const struct process *process);

/* Bits of the targets, by their number, that mean it: by its pid too. */
uint64_t target_numbers(const struct target_selection *selection, const struct process *process);

/* The same as target_matches() of one that is known by its pid alone. */
bool target_matches_pid(const struct target_selection *selection, pid_t pid);

/* All processes of the system, threads of the kernel's too. 0 or -errno; *pids is to be freed. */
int target_everyone(pid_t **pids, size_t *n);

/* The process that thread @tid belongs to, or 0 if there is no such thread. */
pid_t target_of_thread(pid_t tid);

/* Parses "-p" arguments: numbers parted by commas or blanks. 0, or -EINVAL after a message. */
int target_parse_pids(const char *text, pid_t **pids, size_t *n);

#endif
