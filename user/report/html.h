/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A report as one page, which loads nothing. It is complete without its script, which adds what is told under
 * the pointer and moving about by keys; every picture has its figures as a table besides.
 *
 * All that comes out of a recording is hostile: it enters by html_text() alone. Should that ever fail, the
 * page's policy runs no script and takes no style but its own, which it knows by a random word.
 */
#ifndef LAPSE_REPORT_HTML_H
#define LAPSE_REPORT_HTML_H

#include <stdio.h>

#include "report/report.h"

/* @text for the inside of an element or of a quoted attribute: without control characters and escaped. */
void html_text(FILE *out, const char *text);

/* "<code>name</code>" */
void html_name(FILE *out, const char *name);

/* html_chart.c: one component over time. */
void html_over_time(FILE *out, const struct report *report, uint32_t component);
/* html_calls.c: what its calls spent their time on; the slowest; remote ends. */
void html_causes(FILE *out, const struct report *report, uint32_t component);
void html_slowest(FILE *out, const struct report *report, uint32_t component);
void html_peers(FILE *out, const struct report *report);
/* html_flame.c: off-CPU time of all. 0 or -ENOMEM. */
int html_flame(FILE *out, const struct report *report);

#endif
