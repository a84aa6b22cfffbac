/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * `-- COMMAND`: a program started under the tracer. It is held where the dynamic linker hands over to
 * it, with its libraries mapped and none of its own code run, until the probes are attached.
 */
#ifndef LAPSE_COMMAND_H
#define LAPSE_COMMAND_H

#include <stdbool.h>
#include <sys/types.h>

struct command {
	pid_t pid; /* 0: none */
	bool held;
};

/* Starts @argv (found in PATH) and holds it. 0, or -errno after a message. */
int command_start(struct command *command, char **argv);
/* Lets it go on, without a tracer. */
int command_release(struct command *command);
/* Its exit status as a shell gives it, after it has ended; -ECHILD if it is none. */
int command_status(struct command *command);
/* Kills it where it is still held; one that was let go is left alone. */
void command_abandon(struct command *command);

#endif
