// SPDX-License-Identifier: GPL-2.0-or-later
#include "first/look.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

const char *const first_part_names[FIRST_PARTS] = {
	[LAPSE_RUNQ] = "runq",	 [LAPSE_THROTTLED] = "throttled",
	[LAPSE_LOCK] = "lock",	 [LAPSE_DISK] = "disk",
	[LAPSE_NET] = "net",	 [LAPSE_HANDOFF] = "handoff",
	[LAPSE_POLL] = "poll",	 [LAPSE_SLEEP] = "sleep",
	[LAPSE_FAULT] = "fault", [LAPSE_OTHER] = "other",
	[FIRST_IDLE] = "idle",	 [FIRST_ON_CPU] = "on-cpu",
};

struct first_seen *look_seen(struct first_look *look, bool waits, char *folded,
			     const struct first_place *place)
{
	struct first_seen *seen;

	HASH_FIND_STR(look->seen[waits], folded, seen);
	if (seen) {
		free(folded);
		return seen;
	}
	seen = calloc(1, sizeof(*seen));
	if (!seen) {
		free(folded);
		return NULL;
	}
	seen->folded = folded;
	seen->place = *place;
	HASH_ADD_KEYPTR(hh, look->seen[waits], seen->folded, strlen(seen->folded), seen);
	return seen;
}

static bool alike(const struct first_stack *a, const struct first_stack *b)
{
	return a->tid == b->tid && a->part == b->part && a->seen == b->seen && a->call == b->call &&
	       a->condition == b->condition;
}

int look_add(struct first_look *look, const struct first_stack *sample)
{
	for (size_t i = 0; i < look->n_stacks; i++) {
		if (!alike(&look->stacks[i], sample))
			continue;
		look->stacks[i].weight_ns += sample->weight_ns;
		return 0;
	}
	if (look->n_stacks == look->max_stacks) {
		size_t max = look->max_stacks ? 2 * look->max_stacks : 64;
		struct first_stack *grown = reallocarray(look->stacks, max, sizeof(*grown));

		if (!grown)
			return -ENOMEM;
		look->stacks = grown;
		look->max_stacks = max;
	}
	look->stacks[look->n_stacks++] = *sample;
	return 0;
}

const struct first_thread *look_thread(const struct first_look *look, uint32_t tid)
{
	for (size_t i = 0; i < look->n_threads; i++)
		if (look->threads[i].seen.tid == tid)
			return &look->threads[i];
	return NULL;
}

const struct first_stack *look_mostly(const struct first_look *look, uint32_t tid)
{
	const struct first_stack *most = NULL;

	for (size_t i = 0; i < look->n_stacks; i++) {
		const struct first_stack *stack = &look->stacks[i];

		if (stack->tid == tid && stack->becomes != FIRST_IDLE && stack->ns &&
		    (!most || stack->ns > most->ns))
			most = stack;
	}
	return most;
}

static void free_seen(struct first_seen *all)
{
	struct first_seen *seen, *next;

	HASH_ITER (hh, all, seen, next) {
		HASH_DEL(all, seen);
		free(seen->folded);
		free(seen);
	}
}

void look_free(struct first_look *look)
{
	free_seen(look->seen[false]);
	free_seen(look->seen[true]);
	free(look->threads);
	free(look->stacks);
	free(look->peers);
	free(look->culprits);
}
