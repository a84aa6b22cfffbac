/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Tracepoints as events of perf: by their numbers, which are read in tracefs. Containers and small systems
 * often have it nowhere; then it is mounted for these reads alone, where no path leads to (fsmount(2),
 * Linux 5.2).
 */
#ifndef LAPSE_KERNEL_EVENTS_H
#define LAPSE_KERNEL_EVENTS_H

#include <stdbool.h>

struct bpf_link;
struct bpf_program;

/* The folder of all events, for events_close(); -errno: there is none to be had. */
int events_open(void);

/* These take what events_open() returned, an error too: then there are no events. */

void events_close(int events);

/* Any. */
bool events_there(int events);

/* System calls have one each besides the two that all of them pass (CONFIG_FTRACE_SYSCALLS). */
bool events_of_calls(int events);

/*
 * Attaches a program of a tracepoint, SEC("tracepoint/GROUP/NAME"), there, or if @event is not NULL at that
 * one, "GROUP/NAME"; a program of anything else as libbpf does. The caller destroys the link. NULL: errno
 * says why.
 */
struct bpf_link *events_attach(int events, const struct bpf_program *program, const char *event);

#endif
