// SPDX-License-Identifier: GPL-2.0-or-later
#include "kernel/out_of_way.h"

#include "base/clock.h"

/* As often it has to have met who wakes it, more than not, before it moves. */
#define MET	 3
/* At least, from one move to the next. */
#define MOVES_NS (100 * NSEC_PER_MSEC)

void out_of_way_open(struct out_of_way *self, const __u32 *waker)
{
	*self = (struct out_of_way){.waker = waker};
	self->possible = !sched_getaffinity(0, sizeof(self->allowed), &self->allowed);
}

bool out_of_way_meets(struct out_of_way *self, unsigned cpu, uint64_t now_ns)
{
	if (*self->waker == cpu)
		self->met += self->met < MET;
	else
		self->met -= self->met > 0;
	if (!self->possible || self->met < MET || (self->moved_ns && now_ns - self->moved_ns < MOVES_NS))
		return false;
	self->met = 0;
	self->moved_ns = now_ns;
	return true;
}

int out_of_way_choose(const struct out_of_way *self, cpu_set_t *left)
{
	unsigned waker = *self->waker;

	*left = self->allowed;
	if (waker < CPU_SETSIZE)
		CPU_CLR(waker, left);
	return CPU_COUNT(left);
}

/* Should it fail, the thread stays where it is. */
void out_of_way_go(struct out_of_way *self, uint64_t now_ns)
{
	int cpu = sched_getcpu();
	cpu_set_t left;

	if (cpu >= 0 && out_of_way_meets(self, (unsigned)cpu, now_ns) && out_of_way_choose(self, &left))
		sched_setaffinity(0, sizeof(left), &left);
}
