// SPDX-License-Identifier: GPL-2.0-or-later
#include "monitor/violation_log.h"

#include <stdlib.h>

#define DAY_NS (24 * 3600 * 1000000000ULL)

void violation_log_free(struct violation_log *log)
{
	free(log->ring);
	*log = (struct violation_log){0};
}

/* As long as it grows nothing has been written over. */
static void grow(struct violation_log *log)
{
	size_t size = log->size ? 2 * log->size : 8;
	struct violation *ring;

	size = size < VIOLATION_LOG_SIZE ? size : VIOLATION_LOG_SIZE;
	ring = realloc(log->ring, size * sizeof(*ring));
	if (!ring)
		return;
	log->ring = ring;
	log->size = size;
}

void violation_log_add(struct violation_log *log, const struct violation *violation)
{
	if (log->written == log->size && log->size < VIOLATION_LOG_SIZE)
		grow(log);
	if (log->size)
		log->ring[log->written++ % log->size] = *violation;
}

size_t violation_log_copy(const struct violation_log *log, uint64_t now_ns, struct violation *out)
{
	uint64_t kept = log->written < log->size ? log->written : log->size;
	size_t n = 0;

	for (uint64_t i = log->written - kept; i < log->written; i++)
		if (log->ring[i % log->size].time_ns + DAY_NS > now_ns)
			out[n++] = log->ring[i % log->size];
	return n;
}
