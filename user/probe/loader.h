/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The dynamic linker of a process: where it tells debuggers that the list of libraries changes. */
#ifndef LAPSE_LOADER_H
#define LAPSE_LOADER_H

#include <stdint.h>

#include "probe/plan.h"
#include "probe/target.h"

/*
 * Finds the hook of @process's dynamic linker: the file, which is one of @process's, and the offset
 * of the empty function that glibc and musl call. 0, -ENOENT (linked statically, or no such
 * symbol), -ENOMEM; no message.
 */
int loader_hook(const struct process *process, const struct mapped_file **file, uint64_t *offset);

struct view;

/* Whether the process of @view, or a program that is not running yet, can load more libraries. */
bool loader_may_load(const struct view *view);

/*
 * Whether functions of @plan that have return probes may not have them any more in @process, as it is
 * mapped now. 1 with the reason in @why, 0, or -errno; no message.
 */
int loader_made_unsafe(const struct plan *plan, const struct process *process,
		       const struct plan_options *options, char *why, size_t size);

#endif
