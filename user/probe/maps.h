/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The files that a process has mapped executable, out of /proc/PID/maps. */
#ifndef LAPSE_MAPS_H
#define LAPSE_MAPS_H

#include "probe/target.h"

/* One line of /proc/PID/maps that maps a file. */
struct maps_line {
	uint64_t start, end, offset;
	uint64_t dev; /* as makedev() */
	uint64_t ino;
	bool executable;
	bool deleted;
	const char *name; /* points into the line, without " (deleted)" */
};

/*
 * Parses one line and ends its name with a NUL in place. Returns false for what maps no file:
 * anonymous memory, [stack], malformed lines.
 */
bool maps_parse_line(char *line, struct maps_line *parsed);

/*
 * Fills process->files from /proc/PID/maps: each file once, in the order of the addresses, with
 * the path that opens exactly it. Returns 0, -ESRCH, -EACCES or -ENOMEM.
 */
int maps_read(struct process *process);

#endif
