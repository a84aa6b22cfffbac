/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The first minute as one JSON object. */
#ifndef LAPSE_FIRST_JSON_H
#define LAPSE_FIRST_JSON_H

#include "first/report.h"

/* Writes it to stdout. 0 or -errno. */
int first_json(const struct report *report);

#endif
