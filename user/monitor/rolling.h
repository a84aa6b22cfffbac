/* SPDX-License-Identifier: GPL-2.0-or-later */
/* How often something happened lately, in slots of equal length: bounded memory, whatever the rate. */
#ifndef LAPSE_MONITOR_ROLLING_H
#define LAPSE_MONITOR_ROLLING_H

#include <stddef.h>
#include <stdint.h>

struct rolling {
	uint64_t slot_ns;
	size_t n_slots;
	uint64_t newest; /* slot number: time / slot_ns */
	uint64_t sum;
	uint32_t *slots;
};

/* Counts over @n_slots of @slot_ns. 0 or -ENOMEM. */
int rolling_init(struct rolling *rolling, uint64_t slot_ns, size_t n_slots);
void rolling_free(struct rolling *rolling);

/* Times before the newest one count as that. */
void rolling_add(struct rolling *rolling, uint64_t now_ns, uint64_t count);
uint64_t rolling_sum(struct rolling *rolling, uint64_t now_ns);

#endif
