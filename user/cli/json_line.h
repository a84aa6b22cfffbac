/* SPDX-License-Identifier: GPL-2.0-or-later */
/* JSON objects that come from no snapshot: those of list and doctor. */
#ifndef LAPSE_JSON_LINE_H
#define LAPSE_JSON_LINE_H

#include <jansson.h>

/* A new object with v, type and the time of day; owned by the caller. */
json_t *json_line_new(const char *type);
/* Writes @object to stdout as one line and releases it. 0 or -errno. */
int json_line_write(json_t *object);

#endif
