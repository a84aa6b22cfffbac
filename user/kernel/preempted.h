/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which programs this kernel may preempt, so that it misses what comes meanwhile: bpf/preempted.h. */
#ifndef LAPSE_KERNEL_PREEMPTED_H
#define LAPSE_KERNEL_PREEMPTED_H

#include <stdbool.h>

#include "kernel/kernel_types.h"

/* Those of raw tracepoints. */
bool preempted_at_tracepoints(const struct kernel_types *types);

/* Those of functions (fentry, fexit): wherever the kernel preempts itself, as far as it tells. */
bool preempted_at_functions(const struct kernel_types *types);

#endif
