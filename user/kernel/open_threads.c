// SPDX-License-Identifier: GPL-2.0-or-later
/* Spans of threads in flight, where their stacks lie in a hash that user space reads: no task storage. */
#include "kernel/tracer_parts.h"

#include <stdio.h>
#include <string.h>

static void read_comm(struct lapse_open *open)
{
	char path[64];
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%u/task/%u/comm", open->pid, open->tid);
	file = fopen(path, "re");
	if (!file)
		return;
	if (fgets(open->comm, sizeof(open->comm), file))
		open->comm[strcspn(open->comm, "\n")] = '\0';
	fclose(file);
}

static int take_turn(struct tracer *tracer, const struct lapse_open *thread, const struct lapse_turn *turn,
		     uint64_t now_ns)
{
	struct lapse_open open = *thread;

	if (!turn->start_ns)
		return 0;
	open.component = turn->component;
	open.start_ns = turn->start_ns;
	open.flags = LAPSE_FRAME_TURN;
	return open_take(tracer, &open, NULL, NULL, now_ns);
}

static int take_thread(struct tracer *tracer, uint64_t id, const struct lapse_stack *stack, uint64_t now_ns)
{
	struct lapse_open open = {.pid = id >> 32, .tid = (uint32_t)id};
	int err;

	if (!stack->depth && !stack->syscall.start_ns && !stack->loop.start_ns)
		return 0;
	read_comm(&open);
	err = take_turn(tracer, &open, &stack->syscall, now_ns);
	if (!err)
		err = take_turn(tracer, &open, &stack->loop, now_ns);
	return err ?: open_take_stack(tracer, stack, &open, NULL, now_ns);
}

static int take_threads(struct tracer *tracer, const void *keys, const void *values, size_t n,
			uint64_t now_ns)
{
	const struct lapse_stack *stack = values;
	const uint64_t *id = keys;
	int err = 0;

	for (size_t i = 0; i < n && !err; i++)
		err = take_thread(tracer, id[i], &stack[i], now_ns);
	return err;
}

int open_threads_read(struct tracer *tracer, uint64_t now_ns)
{
	return open_map_read(tracer, tracer->skel->maps.stacks_by_thread, take_threads, now_ns);
}
