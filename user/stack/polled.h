/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which descriptors a poll that has not ended waits for: what ends it tells its cause, and this one has no
 * end yet. */
#ifndef LAPSE_STACK_POLLED_H
#define LAPSE_STACK_POLLED_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "stack/thread.h"

/* Into @fds those that system call @number of @pid waits for; how many, at most @max. 0: it is no poll, or
 * that cannot be told. */
size_t polled_by_call(pid_t pid, long number, const uint64_t arguments[THREAD_ARGUMENTS], int *fds,
		      size_t max);

/* The same of the system call that thread @tid is blocked in. */
size_t polled_now(pid_t pid, pid_t tid, int *fds, size_t max);

#endif
