/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Where programs read which interrupts a processor serves: bpf/ready.h says how. */
#ifndef LAPSE_KERNEL_INTERRUPTS_H
#define LAPSE_KERNEL_INTERRUPTS_H

#include <stdint.h>

struct kernel_types;

struct interrupts {
	int64_t distance;  /* bytes from a processor's run queue to its count; 0: not known */
	int64_t softirqs;  /* to its statistics, which have how many of each kind of soft ones there were */
	uint32_t hardirqs; /* the count's bits of interrupts that are not soft */
};

/* By what the running kernel tells of itself. */
struct interrupts interrupts_counted(const struct kernel_types *types);

#endif
