/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the verb `list` is asked for: a glob over names (handle_*, *trade::*), or one over the names of some
 * files, with the object before a colon that stands alone as in a probe: libssl:SSL_*, lib*:*alloc,
 * /usr/lib/libz.so.1:inflate*, and :main* for the main binary.
 */
#ifndef LAPSE_LIST_PATTERN_H
#define LAPSE_LIST_PATTERN_H

#include <stdbool.h>

#include "probe/target.h"

struct list_pattern {
	const char *text; /* as typed; "*" for nothing */
	const char *name; /* the part after the object */
	char *object;	  /* NULL: any file; "": the main binary */
};

/* 0 or -ENOMEM; @text, which may be NULL, must outlive @pattern. Release with list_pattern_free(). */
int list_pattern_parse(const char *text, struct list_pattern *pattern);
void list_pattern_free(struct list_pattern *pattern);

/* Whether files such as @file are meant. */
bool list_pattern_file(const struct list_pattern *pattern, const struct mapped_file *file);

/* Whether the function or mark @name, of a file that is meant, is. */
bool list_pattern_name(const struct list_pattern *pattern, const char *name);

/* Whether @label, such as "usdt:libc:setjmp", is what was typed as a whole. */
bool list_pattern_label(const struct list_pattern *pattern, const char *label);

#endif
