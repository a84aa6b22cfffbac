// SPDX-License-Identifier: GPL-2.0-or-later
#include "kernel/preempted.h"

#include <linux/btf.h>
#include <stdio.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

/* What holds tracepoints back since they no longer turn preemption off; it has a part for each processor, and
 * those are among the kernel's types. */
bool preempted_at_tracepoints(const struct kernel_types *types)
{
	return kernel_type_find(types, "tracepoint_srcu_srcu_data", BTF_KIND_VAR) > 0;
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

/* Where libbpf looks for them. */
bool preempted_has_events(void)
{
	return !access("/sys/kernel/debug/tracing/events/raw_syscalls/sys_enter/id", R_OK) ||
	       !access("/sys/kernel/tracing/events/raw_syscalls/sys_enter/id", R_OK);
}
