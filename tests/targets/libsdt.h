/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A library whose marks have semaphores: it makes them only while somebody listens. */
#ifndef TARGETS_LIBSDT_H
#define TARGETS_LIBSDT_H

#include <stdint.h>

struct marked_job {
	long number;
	uint64_t begun_ns;
};

void job_mark_begin(struct marked_job *job, int size);
void job_mark_end(struct marked_job *job, int status);

/* How often somebody listened. */
long marks_listened(void);

/* What the semaphores add up to now: 0 if nobody listens. */
int marks_semaphores(void);

#endif
