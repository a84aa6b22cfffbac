/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Where a verb writes its data: stdout, or what -o names. */
#ifndef LAPSE_OUTPUT_FILE_H
#define LAPSE_OUTPUT_FILE_H

#include "cli/options.h"

/* Sets @show's stream and whether it is colored. A recording is not written over. 0, or EXIT_USAGE after a
 * message. */
int output_file_open(const struct options *options, struct output_options *show);

/* What was written stands there only now: @err, or else the -errno of that; said, but for -EPIPE, which is
 * only noted. */
int output_file_close(struct output_options *show, int err);

#endif
