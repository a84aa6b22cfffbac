/* SPDX-License-Identifier: GPL-2.0-or-later */
/* System calls by name, and those in which event loops wait. */
#ifndef LAPSE_SYSCALLS_H
#define LAPSE_SYSCALLS_H

#include "probe/build.h"

/*
 * Adds the @spec-th specification, a system call or a loop, to the plan. Returns 0, -ENOENT after a
 * message (unknown name, the nearest given; measured already), or -ENOMEM.
 */
int syscalls_plan(struct build *build, size_t spec);

#endif
