/* SPDX-License-Identifier: GPL-2.0-or-later */
/* JSON objects that come from no snapshot: those of list, doctor and the first minute. */
#ifndef LAPSE_JSON_LINE_H
#define LAPSE_JSON_LINE_H

#include <jansson.h>

#include "output/output.h"

enum json_line {
	JSON_LINE_FUNCTION,
	JSON_LINE_MARKER,
	JSON_LINE_USDT,
	JSON_LINE_PLACEMENT,
	JSON_LINE_CHECK,
	JSON_LINE_FIRST,
	JSON_LINE_FIRST_CULPRIT,
	JSON_LINE_FIRST_THREAD,
	JSON_LINE_FIRST_RIVAL,
	JSON_LINE_FIRST_STACK,
	JSON_LINE_FIRST_PEER,
	JSON_LINE_FIRST_COMMAND,
	JSON_LINE_FIRST_BLIND,
	JSON_LINES
};

/* What each has, for the schema too. */
extern const struct output_object json_line_objects[JSON_LINES];

/*
 * Writes an object to stdout as one line, with v, type and the time of day, and @values in the order of its
 * fields, which it takes over. 0 or -errno.
 */
int json_line_write(enum json_line line, json_t *const *values);

/* @text made safe for a terminal, or null. */
json_t *json_line_text(const char *text);

#endif
