/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Instructions that the kernel does not probe (arch/x86/kernel/uprobes.c of Linux tells which), though all
 * that is known of them here says that it does: it refuses the whole link for one of them, and does not say
 * for which.
 */
#ifndef LAPSE_KERNEL_REFUSED_H
#define LAPSE_KERNEL_REFUSED_H

#include <stdbool.h>

#include "kernel/batch.h"

/* Whether error @err means that. */
bool refused(int err);

/* The number of the first one in @batch; -1: none is. Found by halves, each of which is attached for a
 * moment. */
ssize_t refused_first(struct tracer *tracer, pid_t pid, const char *path, const struct batch *batch,
		      batch_attach attach);

#endif
