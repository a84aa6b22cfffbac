/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What to tell a person whose specification means nothing in a process. */
#ifndef LAPSE_FAILURE_H
#define LAPSE_FAILURE_H

#include "probe/resolver.h"

/* Prints the message, with a caret and what to do, and returns the -errno to pass on. */
int failure_report(struct resolver *resolver, const struct view *view, const struct probe_spec *spec,
		   const struct failure *failure);

/* Whether @object, which no file is called, is near to a kind of measure: then @hint says so. A file's whole
 * name, "syscal.so", never is. */
bool failure_nearest_kind(const char *object, char *hint, size_t size);

/* Whether a file of @view has a name like @object, which none has: then @hint says so. */
bool failure_nearest_object(const struct view *view, const char *object, char *hint, size_t size);

#endif
