/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Whether a return probe would kill a program that filters its system calls. On x86-64 the return
 * of a probed function is a system call made by the target (6.11 and newer), which a seccomp filter
 * that does not know it may answer with a kill; newer kernels let it pass. So it is tried.
 */
#ifndef LAPSE_SELFTEST_H
#define LAPSE_SELFTEST_H

#include <stdbool.h>
#include <sys/types.h>

#include "kernel/features.h"

/* Whether @pid runs under a seccomp filter. */
bool selftest_has_seccomp(pid_t pid);

/*
 * Probes a child of lapse's own that allows itself four system calls. True if that kills it, or if it
 * cannot be tried.
 */
bool selftest_seccomp_kills(enum attach_kind wanted);

#endif
