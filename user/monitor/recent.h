/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A count window: the newest durations themselves, as the kernel keeps them. */
#ifndef LAPSE_MONITOR_RECENT_H
#define LAPSE_MONITOR_RECENT_H

#include <stddef.h>
#include <stdint.h>

struct recent {
	uint32_t size;	   /* 0: the component has a duration window */
	uint64_t *ordered; /* oldest first, the top bit still says error */
	uint64_t *sorted;  /* durations alone, ascending */
	size_t n;
	uint64_t errors, sum_ns;
};

/* Of what a stretch of the newest spans shows. */
struct recent_part {
	uint64_t count, errors, sum_ns;
};

int recent_init(struct recent *recent, uint32_t size);
void recent_free(struct recent *recent);

/* Takes the newest @n durations, oldest first (LAPSE_RECENT_ERROR set where they failed). */
void recent_set(struct recent *recent, const uint64_t *durations, size_t n);
/* @count of them from the one at @first. */
struct recent_part recent_sum(const struct recent *recent, size_t first, size_t count);

#endif
