/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A session's recording, shared by recorder.c (what is recorded) and flight.c (when it is written). */
#ifndef LAPSE_RECORDER_H
#define LAPSE_RECORDER_H

#include "capture/capture.h"
#include "cli/session_parts.h"

/* A flight recorder's state; all zeroes where a file is written from the beginning. */
struct flight {
	uint64_t until_ns; /* an incident is being recorded, so far */
	size_t incidents;
	uint64_t retry_ns; /* one could not be written: not before then is the next tried */
	bool unwritten;	   /* there was such a one */
	bool draining;	   /* it is over, and still on its way to the disk */
	bool full_said;	   /* there are as many as may be */
	char *wanted;	   /* another one came meanwhile: its name; NULL: none */
};

struct recorder {
	struct capture *capture;
	const char *made; /* a file that nothing is in yet; NULL: none */
	bool started, failure_said, rate_said, loss_said, left_out_said;
	char **stacks; /* of the spans in flight of a tick, some of them NULL */
	size_t n_stacks;
	struct recording recording;
	struct flight flight;
};

/* The folder is there, or is made. 0 or an exit code. */
int flight_prepare(const struct session *session);
/* An incident: @component and @what name it. */
void flight_trigger(struct session *session, const char *component, const char *what);
/* After each tick. */
void flight_tick(struct session *session, uint64_t now_ns);
/* Ends what is being recorded. */
void flight_finish(struct session *session);

#endif
