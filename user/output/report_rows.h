/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a report says besides the snapshot: rows that its renderers show, and JSON has tables of. */
#ifndef LAPSE_REPORT_ROWS_H
#define LAPSE_REPORT_ROWS_H

#include "monitor/snapshot.h"
#include "output/output.h"

/* A recording as a whole. */
struct report_head {
	const char *path;
	const char *command, *host, *kernel; /* NULL: not known */
	uint64_t begin_ns, end_ns;	     /* monotonic */
	uint64_t spans;			     /* recorded one by one */
	uint64_t lost;			     /* records that did not find their way into the file */
	uint64_t not_streamed;		     /* calls above the rate that was to be recorded one by one */
	uint64_t damage;		     /* places that could not be read */
	bool complete;			     /* it was ended in peace */
	const char *const *story;
	size_t n_story;
};

/* A component in a stretch of time. */
struct report_slice {
	const char *component;
	uint64_t begin_ns, width_ns, count;
	uint64_t p50_ns, p90_ns, p99_ns, max_ns; /* within 3.1 % */
};

/* What calls waited for in one place. */
struct report_wait {
	const char *component, *cause;
	uint64_t count, ns;
	/* Functions, innermost first; none: the time for which no stack was recorded, and count is 0. */
	const char *const *frames;
	size_t n_frames;
};

/* A remote end. */
struct report_peer {
	const char *component;
	const char *what; /* "wait": calls waited for it; "request", "connect": spans of connections */
	char peer[64];
	uint64_t count, ns, max_ns;
};

/* A percentile before and after. */
struct report_shift {
	const char *component;
	double quantile;
	uint64_t before_count, after_count;
	double before_ns, after_ns;
	double shift_ns;	/* after less before */
	double low_ns, high_ns; /* its interval; NAN: too few calls to tell */
	bool shifted;		/* both ends are on one side of 0 */
};

/* A cause before and after: of a call's time, in the mean. */
struct report_cause_shift {
	const char *component, *cause;
	double share; /* of the slowest calls that it is about: 1, 0.1, 0.01 */
	double before_share,
		after_share; /* ... and how much these are, at the least that can be told apart */
	double before_ns, after_ns, shift_ns;
};

enum report_row {
	REPORT_HEAD,
	REPORT_SLICE,
	REPORT_WAIT,
	REPORT_PEER,
	REPORT_SHIFT,
	REPORT_CAUSE_SHIFT,
	REPORT_ROWS,
};

/* One object, a line; @row is the structure of its kind. 0 or -errno. */
int output_report_row(const struct output_options *options, const struct snapshot *snapshot,
		      enum report_row kind, const void *row, uint64_t time_ns);

#endif
