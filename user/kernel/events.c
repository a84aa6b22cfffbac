// SPDX-License-Identifier: GPL-2.0-or-later
#include "kernel/events.h"

#include <unistd.h>

/* Where libbpf looks for them, too. */
#define IN_DEBUGFS	   "/sys/kernel/debug/tracing/events/"
#define IN_TRACEFS	   "/sys/kernel/tracing/events/"
#define EVENT_THERE(event) (!access(IN_DEBUGFS event "/id", R_OK) || !access(IN_TRACEFS event "/id", R_OK))

bool events_there(void)
{
	return EVENT_THERE("raw_syscalls/sys_enter");
}

bool events_of_calls(void)
{
	return EVENT_THERE("syscalls/sys_enter_connect") && EVENT_THERE("syscalls/sys_exit_accept4");
}
