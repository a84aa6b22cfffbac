// SPDX-License-Identifier: GPL-2.0-or-later
#include "monitor/violation_log.h"

void violation_log_add(struct violation_log *log, const struct violation *violation)
{
	log->ring[log->written++ % VIOLATION_LOG_SIZE] = *violation;
}

size_t violation_log_copy(const struct violation_log *log, struct violation *out)
{
	size_t n = log->written < VIOLATION_LOG_SIZE ? log->written : VIOLATION_LOG_SIZE, i;

	for (i = 0; i < n; i++)
		out[i] = log->ring[(log->written - n + i) % VIOLATION_LOG_SIZE];
	return n;
}
