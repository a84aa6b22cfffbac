/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which tracepoints can be events of perf: those whose numbers can be read in tracefs. */
#ifndef LAPSE_KERNEL_EVENTS_H
#define LAPSE_KERNEL_EVENTS_H

#include <stdbool.h>

/* Any. */
bool events_there(void);

/* System calls have one each besides the two that all of them pass (CONFIG_FTRACE_SYSCALLS). */
bool events_of_calls(void);

#endif
