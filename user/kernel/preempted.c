// SPDX-License-Identifier: GPL-2.0-or-later
#include "kernel/preempted.h"

#include <linux/btf.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>

/* Of the kernel; 0: it does not tell. */
static int major_version(void)
{
	struct utsname name;

	return uname(&name) ? 0 : atoi(name.release);
}

/* What holds their end back since they no longer turn preemption off has a part for each processor, and those
 * are among the kernel's types. Kernels before 6.13 had one of that name for tracepoints of idle processors.
 */
bool preempted_at_tracepoints(const struct kernel_types *types)
{
	return major_version() >= 7 && kernel_type_find(types, "tracepoint_srcu_srcu_data", BTF_KIND_VAR) > 0;
}

/* Where it can be changed as the kernel runs: what is in force stands in brackets. */
static bool preempts_now(void)
{
	FILE *file = fopen("/sys/kernel/debug/sched/preempt", "re");
	char line[64] = "";

	if (!file)
		return false;
	if (!fgets(line, sizeof(line), file))
		*line = '\0';
	fclose(file);
	return strstr(line, "(full)") || strstr(line, "(lazy)");
}

bool preempted_at_functions(const struct kernel_types *types)
{
	struct utsname name;

	if (preempted_at_tracepoints(types))
		return true;
	if (uname(&name) || !strstr(name.version, " PREEMPT"))
		return false;
	return !strstr(name.version, " PREEMPT_DYNAMIC") || preempts_now();
}
