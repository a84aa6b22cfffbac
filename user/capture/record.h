/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What is recorded beside what enters the monitor: the same for who writes it and who reads it. */
#ifndef LAPSE_CAPTURE_RECORD_H
#define LAPSE_CAPTURE_RECORD_H

#include "monitor/monitor.h"

/* A component, and what it was measured by. One that has spans which only feed another one has no place in
 * the monitor. */
struct capture_component {
	uint32_t id;			    /* that its spans have */
	struct monitor_component monitored; /* without .contract */
	const char *probe;		    /* as it was asked for; NULL: by none */
	uint64_t places;		    /* that it was attached to at first */
	const char *feeds;		    /* "connections", "cache" or NULL: spans of its own */
	uint32_t fed;			    /* with .feeds: the component that it feeds */
	uint64_t level_ns[LAPSE_LEVELS];    /* limits by which the kernel counted; UINT64_MAX: none */
};
#define CAPTURE_FEEDS_CONNECTIONS "connections"
#define CAPTURE_FEEDS_CACHE	  "cache"

struct capture_process {
	uint64_t time_ns;  /* monotonic */
	const char *event; /* "traced" (from the beginning), "exec", "fork", "exit" */
	uint32_t pid, parent;
	int32_t code; /* of an exit, as wait(2) has it */
	char comm[LAPSE_COMM_LEN];
	const char *exe; /* NULL: not known */
};

struct capture_contract {
	const char *path, *text;
};

/* Facts, by name; numbers are kept as such. Those that replay needs: */
#define FACT_START_NS	     "start_ns"
#define FACT_EPOCH_NS	     "epoch_ns"
#define FACT_TICK_NS	     "tick_ns"
#define FACT_INTERVAL_NS     "interval_ns"
#define FACT_BUCKET_BITS     "bucket_bits"
#define FACT_EXIT_SEVERITY   "exit_severity"
#define FACT_END_REASON	     "end_reason" /* why tracing ended */
#define FACT_COMPLETE	     "complete"	  /* 1: the recording was ended in peace */
/* Of the whole time, as in struct tick_self: */
#define FACT_PROCESSOR_TICKS "processor_ticks"
#define FACT_STOLEN_TICKS    "stolen_ticks"

#endif
