/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Programs that a process runs without their functions being functions of its files. */
#ifndef LAPSE_HOSTED_H
#define LAPSE_HOSTED_H

struct view;

/* The language of such a program, by the runtime that the process maps: "Java"; NULL: there is none. */
const char *hosted_language(const struct view *view);

#endif
