/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Where a verb writes its data: stdout, or what -o names. */
#ifndef LAPSE_OUTPUT_FILE_H
#define LAPSE_OUTPUT_FILE_H

#include "cli/options.h"
#include "cli/outbox.h"

/* Sets @show's stream and whether it is colored. A recording is not written over. 0, or EXIT_USAGE after a
 * message. */
int output_file_open(const struct options *options, struct output_options *show);

/* Puts a box before @show's stream where its reader may be slow: what is behind it stays open. 0 or -errno.
 */
int output_file_open_box(struct output_options *show, struct outbox **box);

/* That the output failed with @err, 0 or -errno. */
void output_file_say(int err);

/* What was written stands there only now: @err, or else the -errno of that; said, but for -EPIPE, which is
 * only noted. */
int output_file_close(struct output_options *show, int err);

#endif
