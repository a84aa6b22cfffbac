/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Probe specifications as a person types them (the grammar of the manual):
 *
 *   PROBE  := [NAME '='] PLACE
 *   PLACE  := FUNC | ':' FUNC | OBJECT ':' FUNC | ['uprobe:'] '/' PATH ':' FUNC
 *
 * FUNC may be a glob. A colon that stands alone parts object from function, so that C++ names
 * ("libx:ns::f") pass. NAME is recognized only as the first token, and never "peer" or "port".
 */
#ifndef LAPSE_SPEC_H
#define LAPSE_SPEC_H

#include <stdbool.h>
#include <stddef.h>

enum spec_kind {
	SPEC_FUNCTION,
};

/* What the part before the colon says. */
enum spec_object {
	SPEC_OBJECT_ANY,  /* none given: the main binary first, then any mapped file */
	SPEC_OBJECT_MAIN, /* ":FUNC" */
	SPEC_OBJECT_NAME, /* a program's or library's name: libssl, libssl.so.3 */
	SPEC_OBJECT_PATH, /* an absolute path, as the target sees it */
};

struct probe_spec {
	char *text; /* as typed, for messages */
	char *name; /* NAME, or NULL */
	enum spec_kind kind;
	enum spec_object object_kind;
	char *object;
	char *function;
	size_t object_at, function_at; /* where these stand in text, for carets */
	bool glob;
};

/*
 * Parses @text into @spec, which the caller releases with spec_free(). Returns 0, -EINVAL after a
 * message with a caret under the offending piece, or -ENOMEM.
 */
int spec_parse(const char *text, struct probe_spec *spec);
void spec_free(struct probe_spec *spec);

#endif
