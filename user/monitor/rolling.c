// SPDX-License-Identifier: GPL-2.0-or-later
#include "monitor/rolling.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

int rolling_init(struct rolling *rolling, uint64_t slot_ns, size_t n_slots)
{
	*rolling = (struct rolling){.slot_ns = slot_ns, .n_slots = n_slots};
	rolling->slots = calloc(n_slots, sizeof(*rolling->slots));
	return rolling->slots ? 0 : -ENOMEM;
}

void rolling_free(struct rolling *rolling)
{
	free(rolling->slots);
	rolling->slots = NULL;
}

static void advance(struct rolling *r, uint64_t now_ns)
{
	uint64_t slot = now_ns / r->slot_ns;

	if (slot <= r->newest)
		return;
	if (!r->sum) {
		r->newest = slot;
		return;
	}
	if (slot - r->newest >= r->n_slots) {
		memset(r->slots, 0, r->n_slots * sizeof(*r->slots));
		r->sum = 0;
		r->newest = slot;
	}
	while (r->newest < slot) {
		uint32_t *oldest = &r->slots[++r->newest % r->n_slots];

		r->sum -= *oldest;
		*oldest = 0;
	}
}

void rolling_add(struct rolling *rolling, uint64_t now_ns, uint64_t count)
{
	uint32_t *slot;

	if (!rolling->slots)
		return;
	advance(rolling, now_ns);
	slot = &rolling->slots[rolling->newest % rolling->n_slots];
	if (count > UINT32_MAX - *slot)
		count = UINT32_MAX - *slot;
	*slot += (uint32_t)count;
	rolling->sum += count;
}

uint64_t rolling_sum(struct rolling *rolling, uint64_t now_ns)
{
	if (!rolling->slots)
		return 0;
	advance(rolling, now_ns);
	return rolling->sum;
}
