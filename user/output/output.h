/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Renderers. Each has the same entry points, one row in a table of outputs; all of them read the
 * snapshot (and single spans, violations, alerts as the pipeline hands them on) and nothing else.
 * Data goes to the stream given, composed in a buffer and written once an event.
 */
#ifndef LAPSE_OUTPUT_H
#define LAPSE_OUTPUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "bpf/event.h"
#include "monitor/snapshot.h"

enum time_unit { UNIT_AUTO, UNIT_MS, UNIT_US };

struct output_options {
	FILE *stream;
	enum time_unit unit; /* -m, -u; AUTO: the table picks us, or ms where all are large */
	bool timestamps;     /* -T */
	bool color;
	bool histogram; /* in the final report */
	bool tcp;	/* intervals in the columns of connections */
	bool why;	/* spans with a column of causes */
	unsigned width; /* of the terminal, in letters; 0: no terminal, rows may be as long as they like */
};

/* One frame, as the target names things; texts that are not known are "". */
struct output_frame {
	const char *text;     /* all in one, "function+0x1f"; without a name, why */
	const char *name;     /* of the function */
	const char *file;     /* as the target maps it, or "[kernel]", "[MODULE]" */
	const char *build_id; /* of the file, in hexadecimal */
	uint64_t offset;      /* in the function */
	uint64_t address;     /* as the file is linked; 0: not in a file's code */
};

/* Where a thread waited, innermost first, the kernel's frames before its own. */
struct output_stack {
	const struct output_frame *frames;
	size_t n;
	const char *brief; /* the innermost of its own functions in one line; "": none */
};

/* A renderer; each function may be NULL where it has nothing to show. All return 0 or -errno of the
 * write (-EPIPE: the reader has gone). */
struct output {
	const char *name;
	/* Before the first row. */
	int (*begin)(const struct output_options *, const struct snapshot *);
	/* The interval's rows: a table for text, `window` objects for JSON. */
	int (*interval)(const struct output_options *, const struct snapshot *);
	/* A span that was sent singly. @snapshot names its component; the stack is of its longest wait, or
	 * NULL. */
	int (*span)(const struct output_options *, const struct snapshot *, const struct lapse_span *,
		    const struct output_stack *);
	int (*violation)(const struct output_options *, const struct snapshot *, const struct violation *);
	int (*alert)(const struct output_options *, const struct snapshot *, const struct alert *);
	int (*health)(const struct output_options *, const struct snapshot *);
	/* The final report, the integrity line and the verdict. */
	int (*final)(const struct output_options *, const struct snapshot *);
};

extern const struct output output_text;
extern const struct output output_json;

/* @alert as one JSON object (the same as output_json writes), to be freed; NULL: out of memory. */
char *output_alert_json(const struct snapshot *snapshot, const struct alert *alert);

/* @alert in one line for people, without its time, to be freed; NULL: out of memory. */
char *output_alert_text(const struct snapshot *snapshot, const struct alert *alert);

/* An object that is made elsewhere, from no snapshot. */
enum output_field_kind { OUTPUT_TEXT, OUTPUT_COUNT, OUTPUT_BOOL };
struct output_field {
	const char *key;
	enum output_field_kind kind;
	bool nullable;
	const char *help;
};
struct output_object {
	const char *type, *help;
	const struct output_field *fields;
	size_t n_fields;
};

/* The JSON schema of every object (--json-schema), @others among them. 0 or -errno. */
int output_json_schema(FILE *stream, const struct output_object *others, size_t n_others);

/* Names as they stand in every output. */
const char *output_severity_name(enum severity severity);
const char *output_verdict_name(enum verdict verdict);
const char *output_trend_name(enum trend trend);

#endif
