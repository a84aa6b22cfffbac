/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The newest violations, kept whole; older ones live on only in counts. */
#ifndef LAPSE_MONITOR_VIOLATION_LOG_H
#define LAPSE_MONITOR_VIOLATION_LOG_H

#include "monitor/snapshot.h"

#define VIOLATION_LOG_SIZE 1000

struct violation_log {
	uint64_t written;
	struct violation ring[VIOLATION_LOG_SIZE];
};

void violation_log_add(struct violation_log *log, const struct violation *violation);
/* Copies them to @out (room for VIOLATION_LOG_SIZE), oldest first; returns how many. */
size_t violation_log_copy(const struct violation_log *log, struct violation *out);

#endif
