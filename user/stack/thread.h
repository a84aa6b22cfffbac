/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Where a thread that is blocked now stands, as /proc tells it. */
#ifndef LAPSE_STACK_THREAD_H
#define LAPSE_STACK_THREAD_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* The user registers with which it will go on: 1; 0: it runs; or -errno. */
int thread_registers(pid_t pid, pid_t tid, uint64_t *ip, uint64_t *sp);

/* The number of the system call that it is blocked in, with its arguments; negative: none. */
#define THREAD_ARGUMENTS 6
long thread_call(pid_t pid, pid_t tid, uint64_t arguments[THREAD_ARGUMENTS]);

/* Copies what lies from @sp on in the memory of @pid; how many bytes, at most @size. */
size_t thread_memory(pid_t pid, uint64_t sp, void *bytes, size_t size);

/* Its command name into @comm, 16 bytes padded with zeros; left as it is where it is gone. */
void thread_name(pid_t pid, pid_t tid, char comm[16]);

/* The kernel's functions that it is in, "function+0x1f", innermost first; how many, 0 where /proc does not
 * tell. */
#define THREAD_NAME 256
size_t thread_kernel_stack(pid_t pid, pid_t tid, char names[][THREAD_NAME], size_t max);

#endif
