/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Whether others keep a process from running, which then looks like one that has nothing to do; and whether
 * it runs although it looks like one that has ended. */
#ifndef LAPSE_HALTED_H
#define LAPSE_HALTED_H

#include <stdbool.h>
#include <sys/types.h>

#define HALTED_WHY 160

enum halted {
	HALTED_NOT,
	HALTED_NOW_AND_THEN, /* by a tracer, whose stops are in all figures */
	HALTED_NOW,
};

/* Of process @pid; @why goes on from "process 12 ", with what lets it run again. Empty for HALTED_NOT. */
enum halted halted(pid_t pid, char why[HALTED_WHY]);

/* The first of the @n processes @pids that does not run, with @why; 0: all do. */
pid_t halted_any(const pid_t *pids, size_t n, char why[HALTED_WHY]);

/* Whether the first thread of @pid has ended and others go on. */
bool halted_first_thread(pid_t pid);

#endif
