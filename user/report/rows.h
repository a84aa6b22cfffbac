/* SPDX-License-Identifier: GPL-2.0-or-later */
/* From what was gathered to the rows that every renderer shows. */
#ifndef LAPSE_REPORT_GATHERED_H
#define LAPSE_REPORT_GATHERED_H

#include "report/report.h"

/* A stack, a function a line, taken apart: innermost first. */
struct report_frames {
	const char **at;
	size_t n;
	char *text;
};

/* NULL has no frames. 0 or -ENOMEM. */
int report_frames(const char *stack, struct report_frames *frames);
void report_frames_free(struct report_frames *frames);

/* "2026-11-28T12:00:00.123456789Z" of a monotonic time. Returns @buffer. */
#define REPORT_TIME 40
const char *report_time(const struct report *report, uint64_t ns, char buffer[REPORT_TIME]);

struct report_peer report_peer_row(const struct report *report, const struct peer_row *row);
/* Its stack is @frames, which outlive it. */
struct report_wait report_wait_row(const struct report *report, const struct offcpu_row *row,
				   const struct report_frames *frames);

#endif
