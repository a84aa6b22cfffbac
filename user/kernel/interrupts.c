// SPDX-License-Identifier: GPL-2.0-or-later
#include "kernel/interrupts.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/utsname.h>

#include "kernel/kernel_types.h"

/*
 * include/linux/preempt.h, with those that cannot be masked. Since 7.3 what holds interrupts back is counted
 * between those and the soft ones ("preempt: Introduce HARDIRQ_DISABLE_BITS"), beside a variable for each
 * processor.
 */
#define HARDIRQS       0x00ff0000
#define HARDIRQS_ABOVE 0x1f000000

/* What a count's bits mean is no promise of the kernel: of newer ones nobody has looked. */
#define KNOWN_MAJOR 7
#define KNOWN_MINOR 3

/* A kernel for real time does not count soft interrupts there. */
static bool is_known(void)
{
	struct utsname name;
	int major, minor;

	if (uname(&name) || sscanf(name.release, "%d.%d", &major, &minor) != 2 ||
	    strstr(name.version, "PREEMPT_RT"))
		return false;
	return major < KNOWN_MAJOR || (major == KNOWN_MAJOR && minor <= KNOWN_MINOR);
}

/* From 6.2 until 6.14 as a member of another variable. */
static int offset_of_count(const struct kernel_types *types, const struct btf_type *section)
{
	int offset = kernel_percpu_offset(types, section, "__preempt_count");

	return offset < 0 ? kernel_percpu_offset(types, section, "pcpu_hot") : offset;
}

struct interrupts interrupts_counted(const struct kernel_types *types)
{
	const struct btf_type *section = kernel_percpu(types);
	int queue = kernel_percpu_offset(types, section, "runqueues");
	int statistics = kernel_percpu_offset(types, section, "kstat");
	int count = offset_of_count(types, section);
	bool above = kernel_percpu_offset(types, section, "local_interrupt_disable_state") >= 0;

	if (queue < 0 || statistics < 0 || count < 0 || !is_known() ||
	    !kernel_struct_has(types, "sched_entity", "cfs_rq"))
		return (struct interrupts){0};
	return (struct interrupts){count - queue, statistics - queue, above ? HARDIRQS_ABOVE : HARDIRQS};
}
