/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Places of one file that go into the same links. */
#ifndef LAPSE_KERNEL_BATCH_H
#define LAPSE_KERNEL_BATCH_H

#include <errno.h>
#include <linux/types.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/types.h>

#include "bpf/config.h"

struct tracer;

struct batch {
	unsigned long *offsets;
	unsigned long *semaphores; /* where the kernel counts who listens; 0: nowhere. NULL: all are 0 */
	__u64 *cookies;
	size_t n;
};

/* The places of a file, by role. */
struct batches {
	struct batch role[LAPSE_ROLES];
};

/* Probes all of @batch in the file at @path, for process @pid (-1: everyone). 0 or -errno; links that were
 * made before an error stay. */
typedef int (*batch_attach)(struct tracer *tracer, pid_t pid, const char *path, const struct batch *batch);

/* Room for @max places; 0 or -ENOMEM. Release with batch_free() in any case. */
static inline int batch_new(struct batch *batch, size_t max)
{
	batch->offsets = calloc(max, sizeof(*batch->offsets));
	batch->semaphores = calloc(max, sizeof(*batch->semaphores));
	batch->cookies = calloc(max, sizeof(*batch->cookies));
	batch->n = 0;
	return batch->offsets && batch->semaphores && batch->cookies ? 0 : -ENOMEM;
}

static inline void batch_free(struct batch *batch)
{
	free(batch->offsets);
	free(batch->semaphores);
	free(batch->cookies);
}

static inline void batch_add(struct batch *batch, uint64_t offset, uint64_t semaphore, uint64_t cookie)
{
	batch->offsets[batch->n] = offset;
	batch->semaphores[batch->n] = semaphore;
	batch->cookies[batch->n++] = cookie;
}

/* The @n from number @first on, which stay @batch's. */
static inline struct batch batch_part(const struct batch *batch, size_t first, size_t n)
{
	return (struct batch){
		.offsets = batch->offsets + first,
		.semaphores = batch->semaphores ? batch->semaphores + first : NULL,
		.cookies = batch->cookies + first,
		.n = n,
	};
}

#endif
