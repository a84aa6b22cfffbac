/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A component's newest violations of a day, kept whole; older ones live on only in counts. */
#ifndef LAPSE_MONITOR_VIOLATION_LOG_H
#define LAPSE_MONITOR_VIOLATION_LOG_H

#include "monitor/snapshot.h"

#define VIOLATION_LOG_SIZE 1000

struct violation_log {
	struct violation *ring; /* NULL: there was none yet */
	size_t size;		/* room; grows up to VIOLATION_LOG_SIZE */
	uint64_t written;
};

void violation_log_free(struct violation_log *log);
/* Without memory for more the oldest gives way sooner. */
void violation_log_add(struct violation_log *log, const struct violation *violation);
/* Copies those of the day before @now_ns to @out (room for VIOLATION_LOG_SIZE), oldest first; how many. */
size_t violation_log_copy(const struct violation_log *log, uint64_t now_ns, struct violation *out);

#endif
