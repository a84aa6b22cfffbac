/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The options of all verbs, from one table: name, letter, argument, help, verbs, and what it sets. */
#ifndef LAPSE_OPTIONS_H
#define LAPSE_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "kernel/features.h"
#include "monitor/contract.h"
#include "output/output.h"
#include "probe/target.h"

enum verb_bit {
	VERB_STAT = 1 << 0,
	VERB_TRACE = 1 << 1,
	VERB_WATCH = 1 << 2,
	VERB_LIST = 1 << 3,
	VERB_CHECK = 1 << 4,
	VERB_DOCTOR = 1 << 5,
	VERB_TCP = 1 << 6,
	VERB_FIRST = 1 << 7, /* none is named */
	VERB_RECORD = 1 << 8,
	VERB_REPLAY = 1 << 9,
	VERB_REPORT = 1 << 10,
};

/* Causes of spans: AUTO is on where spans are shown one by one, or judged. */
enum why_choice { WHY_AUTO, WHY_ON, WHY_OFF };

/* Of the ring of single spans. The default loses nothing at two million records a second (measured). */
#define RING_SIZE_DEFAULT   (4U << 20)
#define RING_SIZE_RECORDING (32U << 20) /* where all are sent, with what they waited for */
#define RING_SIZE_MIN	    (64U << 10) /* the largest page of any machine */
#define RING_SIZE_MAX	    (1U << 30)

/* What a flight recorder keeps in memory, and the smallest bound of that and of a recording. */
#define KEEP_SIZE_DEFAULT (256U << 20)
#define CAPTURE_SIZE_MIN  (1U << 20)

enum color_choice { COLOR_AUTO, COLOR_ALWAYS, COLOR_NEVER };

struct options {
	struct target_selection target;
	char **operands; /* probes, a contract file, a pattern: what the verb takes */
	size_t n_operands;
	char **command;	      /* after --; NULL-terminated, or NULL */
	uint64_t duration_ns; /* 0: until stopped */
	uint64_t interval_ns;
	bool interval_given;
	uint64_t slower_ns;
	bool slower_given;
	enum time_unit unit;
	enum color_choice color;
	bool timestamps, json, yes, force_uretprobe;
	enum attach_kind attach;
	enum tcp_backend tcp_backend;
	enum why_choice why;
	const char **waits; /* --wait: "lock=ProcSleep" */
	size_t n_waits;
	uint32_t stack_bytes; /* copied of a blocked thread's stack; 0: none */
	size_t ring_bytes;    /* a power of two */
	bool no_realtime;     /* nothing of lapse runs ahead of other threads */
	double max_overhead;  /* share of the CPU time that probes may take; 0: not given */
	const char *merge;
	const char *output_path;
	const char *format;  /* of a report: its option's name; NULL: text */
	const char *against; /* a recording to compare with; NULL: none */
	pid_t tid;
	enum severity fail_on;
	bool fail_on_given;
	/* Recording. */
	const char *capture_path;   /* a file, or with keep_ns a folder; NULL: nothing is recorded */
	const char *contracts_path; /* record's */
	uint64_t keep_ns;	    /* of a flight recorder; 0: none */
	uint64_t keep_bytes;
	enum severity keep_on; /* violations that have it write */
	uint64_t after_ns;
	size_t max_incidents;
	const char *of_keep;		 /* an option that was given and means nothing without --keep; NULL */
	uint64_t max_bytes, max_time_ns; /* of a file; 0: no bound */
	uint64_t stream_rate;		 /* spans a second that are sent singly */
};

/* What argp needs to know of a verb. */
struct verb_usage {
	enum verb_bit bit;
	const char *name;     /* "lapse stat" */
	const char *operands; /* "PROBE..." */
	const char *about;
};

/*
 * Parses @argv, of which argv[0] is the verb, into @options (options_free() releases it). Options end at
 * "--", after which the command stands. Exits by itself on --help (0). 0, or -EINVAL after a message.
 */
int options_parse(const struct verb_usage *usage, int argc, char **argv, struct options *options);
void options_free(struct options *options);

/* Whether output to @stream is to be colored, by --color, NO_COLOR and the terminal. */
bool options_colored(const struct options *options, FILE *stream);

#endif
