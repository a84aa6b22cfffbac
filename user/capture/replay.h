/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A recording judged again: its events are fed to a monitor, as they were when it was made. By the contracts
 * that it was recorded with (and those that were read anew meanwhile, from there on) the same comes of it,
 * byte by byte; by others what would have. Who shows a
 * recording reads the monitor's snapshot, and may do so after any event.
 */
#ifndef LAPSE_CAPTURE_REPLAY_H
#define LAPSE_CAPTURE_REPLAY_H

#include "capture/reader.h"
#include "config/config.h"

struct replay;

struct replay_options {
	const struct config *config; /* NULL: nothing is promised */
	bool as_recorded;	     /* these are the contracts that it was recorded with */
	bool has_severity;	     /* else as recorded: */
	uint32_t exit_severity;	     /* breaches below it leave the verdict alone */
};

/* @reader stands at its beginning, and outlives it, as @options->config does. 0 or -ENOMEM. What of the
 * contracts has no match in the recording is said. */
int replay_new(struct reader *reader, const struct replay_options *options, const struct monitor_sink *sink,
	       struct replay **replay);
void replay_free(struct replay *replay);

struct monitor *replay_monitor(const struct replay *replay);
/* The monitor's number of component @recorded; UINT32_MAX: it has none, or not yet. */
uint32_t replay_number(const struct replay *replay, uint32_t recorded);

/* The next event, which is fed if the monitor wants it. 1, 0 at the end, or -errno. */
int replay_next(struct replay *replay, struct reader_event *event);
/* All that is left. 0 or -errno. */
int replay_rest(struct replay *replay);
/* The end, for the reason that was recorded. */
void replay_end(struct replay *replay);

#endif
