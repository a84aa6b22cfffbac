/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Output is composed in memory and leaves in one write, so that lines of several writers never mix. */
#ifndef LAPSE_COMPOSE_H
#define LAPSE_COMPOSE_H

#include <stdio.h>

struct compose {
	FILE *file; /* print here */
	char *text;
	size_t length;
};

/* Returns 0 or -ENOMEM; then compose_write() must follow. */
int compose_open(struct compose *compose);

/* Writes what was composed to @stream at once, and releases it. Returns 0 or -errno. */
int compose_write(struct compose *compose, FILE *stream);

/* In place of that: what was composed, without a newline at its end, to be freed. NULL: no memory. */
char *compose_take(struct compose *compose);

#endif
