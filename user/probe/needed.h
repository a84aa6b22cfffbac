/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The libraries of a program that has not loaded them yet. */
#ifndef LAPSE_NEEDED_H
#define LAPSE_NEEDED_H

#include "probe/target.h"

/*
 * If @process maps no more than its executable and the loader, calls @take for each library that
 * it needs, in turn, and that is found in the usual folders under its root; @take owns the file.
 * Returns 0, or what @take returned first.
 */
int needed_each(const struct process *process, int (*take)(void *context, struct mapped_file *file),
		void *context);

/*
 * Describes the file at @path as @process sees it; process->pid 0: as lapse does. Returns 0,
 * -errno of stat(2), or -ENOMEM. *file and its strings are to be freed.
 */
int needed_file(const struct process *process, const char *path, struct mapped_file **file);

#endif
