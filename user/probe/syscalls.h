/* SPDX-License-Identifier: GPL-2.0-or-later */
/* System calls by name, and those in which event loops wait. */
#ifndef LAPSE_SYSCALLS_H
#define LAPSE_SYSCALLS_H

#include "probe/build.h"

/*
 * Adds the @spec-th specification, a system call or a loop, to the plan. Returns 0, -ENOENT after a
 * message (unknown name, the nearest given), or -ENOMEM.
 */
int syscalls_plan(struct build *build, size_t spec);

/* Whether each system call, and the loop, is asked for once: 0, or -EINVAL after a message. */
int syscalls_check(const struct probe_spec *specs, size_t n);

/* The name of system call @nr; NULL: none that lapse knows. */
const char *syscall_name(long nr);

#endif
