/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Marks that programs were built with: USDT, and those of lapse.h. */
#ifndef LAPSE_MARKS_H
#define LAPSE_MARKS_H

#include "probe/build.h"

/*
 * Adds what the @spec-th specification says of marks, be they the whole of it or an end of a span, as
 * far as the files of @views have them. Returns 0, MARKS_COME_LATER after a message (no library with marks
 * of that kind is there yet), -ENOENT after a message (no such mark in any process; the nearest one given),
 * or -ENOMEM.
 */
int marks_plan(struct build *build, size_t spec, const struct view *views, size_t n_views);
#define MARKS_COME_LATER 1

/* The same for the files of a process that came later; marks that it does not have are no error. */
int marks_extend(struct build *build, size_t spec, const struct view *view);

#endif
