// SPDX-License-Identifier: GPL-2.0-or-later
#include "monitor/liveness.h"

#include <errno.h>
#include <stdlib.h>

void liveness_add(struct liveness *tick, const struct liveness *more)
{
	tick->ended += more->ended;
	tick->failed += more->failed;
	tick->lost += more->lost;
	tick->ran |= more->ran;
	tick->hangs = more->hangs;
}

enum liveness_state liveness_of(const struct liveness *tick)
{
	/* A success shows that a process ran, even one that began and ended unseen. */
	if (tick->ended > tick->failed)
		return LIVE_UP;
	if (!tick->ran)
		return LIVE_DOWN;
	if (tick->lost)
		return LIVE_DOUBTFUL;
	return tick->ended || tick->hangs ? LIVE_DOWN : LIVE_UP;
}

int uptime_init(struct uptime *uptime, uint64_t size)
{
	*uptime = (struct uptime){.size = size, .states = size ? calloc(size, 1) : NULL};
	return size && !uptime->states ? -ENOMEM : 0;
}

void uptime_free(struct uptime *uptime)
{
	free(uptime->states);
	uptime->states = NULL;
}

static void count(struct uptime *u, enum liveness_state state, uint64_t n)
{
	u->up += state == LIVE_UP ? n : 0;
	u->doubtful += state == LIVE_DOUBTFUL ? n : 0;
}

/* One that was never written is LIVE_DOWN, which counts for nothing. */
static void put(struct uptime *u, uint64_t tick, enum liveness_state state)
{
	uint8_t *slot = &u->states[tick % u->size];

	count(u, (enum liveness_state) * slot, (uint64_t)-1);
	*slot = (uint8_t)state;
	count(u, state, 1);
}

static void put_newest(struct uptime *u, enum liveness_state state)
{
	uint64_t n = u->last_ticks < u->size ? u->last_ticks : u->size;

	for (uint64_t i = 1; i <= n; i++)
		put(u, u->ticks - i, state);
}

void uptime_add(struct uptime *uptime, enum liveness_state state, uint64_t n, bool again)
{
	if (again && !uptime->states)
		count(uptime, uptime->last, -uptime->last_ticks);
	if (!again) {
		uptime->ticks += n;
		uptime->last_ticks = n;
	}
	if (uptime->states)
		put_newest(uptime, state);
	else
		count(uptime, state, uptime->last_ticks);
	uptime->last = state;
}

uint64_t uptime_observed(const struct uptime *uptime)
{
	return uptime->states && uptime->ticks > uptime->size ? uptime->size : uptime->ticks;
}
