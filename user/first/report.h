/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The first minute's report, from a look that has been judged. */
#ifndef LAPSE_FIRST_REPORT_H
#define LAPSE_FIRST_REPORT_H

#include <stdio.h>

#include "first/look.h"

#define REPORT_LINES 16
#define REPORT_LINE  512

struct report_lines {
	char text[REPORT_LINES][REPORT_LINE];
	size_t n;
};

struct report {
	const struct first_look *look;
	const char *subject;	      /* "checkout (PID 4182)" */
	const char *halted;	      /* "process 4182 is stopped ...": why it did nothing; NULL: it ran */
	struct report_lines commands; /* ready to be typed */
	struct report_lines blind;    /* what could not be seen */
};

/* Adds a line, as printf does, unless it is there or the room is used up. */
void report_add(struct report_lines *lines, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* One line that explains: "95 % of the busy time waiting: 62 % lock, ...". Returns @buffer. */
const char *report_headline(const struct report *report, char buffer[REPORT_LINE]);

/* Where a culprit's time goes, in one line. Returns @buffer. */
const char *report_culprit(const struct report *report, const struct first_culprit *culprit,
			   char buffer[REPORT_LINE]);

/* Whether there is anything to be said but that it waits for work: busy for more than a thousandth. */
bool report_is_idle(const struct first_look *look);

/* All of it as text. 0 or -errno. */
int report_print(const struct report *report, FILE *out);

/* Fills .blind with what a look like this cannot see, and what of it was met. */
void report_blind_spots(struct report *report, const pid_t *pids, size_t n);

/* Fills .commands: probes of the functions that matter, of slow peers and of long turns. */
void report_commands(struct report *report);

#endif
