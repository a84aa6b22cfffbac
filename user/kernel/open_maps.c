// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Spans in flight that belong to no thread: keyed ones, and those of goroutines. Both lie in hashes,
 * which are read whole at each tick; what has been open for too long is taken out and counted.
 */
#include "kernel/tracer_parts.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "bpf/config.h"

#define BATCH 256

static bool gone(pid_t pid)
{
	return kill(pid, 0) && errno == ESRCH;
}

static uint64_t age_of(uint64_t start_ns, uint64_t now_ns)
{
	return now_ns > start_ns ? now_ns - start_ns : 0;
}

static int keep_keyed(struct tracer *tracer, const struct lapse_key *key, const struct lapse_keyed *open,
		      uint64_t age_ns)
{
	struct lapse_span span = {
		.kind = LAPSE_REC_SPAN,
		.component = key->component,
		.pid = key->pid,
		.tid = open->tid,
		.start_ns = open->start_ns,
		.duration_ns = age_ns,
		.raw_ns = age_ns,
		.flags = LAPSE_SPAN_OPEN,
	};

	memcpy(span.comm, open->comm, sizeof(span.comm));
	return open_keep(tracer, &span);
}

/* Takes out what has expired; whoever deletes it counts it. */
static bool expire(struct tracer *tracer, const struct lapse_key *key, uint64_t age_ns)
{
	if (age_ns <= tracer->rules[key->component].timeout_ns && !gone((pid_t)key->pid))
		return false;
	if (!bpf_map__delete_elem(tracer->skel->maps.keyed, key, sizeof(*key), 0))
		__atomic_fetch_add(&tracer_cell(tracer, key->component, 0)->abandoned, 1, __ATOMIC_RELAXED);
	return true;
}

static int take_keyed(struct tracer *tracer, const void *keys, const void *values, size_t n, uint64_t now_ns)
{
	const struct lapse_key *key = keys;
	const struct lapse_keyed *open = values;
	int err = 0;

	for (size_t i = 0; i < n && !err; i++) {
		uint64_t age = age_of(open[i].start_ns, now_ns);

		if (key[i].component < tracer->n_rules && !expire(tracer, &key[i], age))
			err = keep_keyed(tracer, &key[i], &open[i], age);
	}
	return err;
}

static int keep_goroutine(struct tracer *tracer, const struct lapse_goroutine *key,
			  const struct lapse_stack *stack, uint64_t now_ns)
{
	int err = 0;

	for (uint32_t i = 0; i < stack->depth && i < LAPSE_MAX_DEPTH && !err; i++) {
		const struct lapse_frame *frame = &stack->frame[i];
		struct lapse_open open = {
			.component = frame->component,
			.pid = key->pid,
			.tid = key->pid,
			.depth = i,
			.sp = frame->sp,
			.caller = frame->caller,
			.start_ns = frame->start_ns,
			.flags = frame->flags,
		};

		if (!frame->edge)
			err = open_take(tracer, &open, key, now_ns);
	}
	return err;
}

/* The goroutines of a process that has ended will not return. */
static void abandon_goroutine(struct tracer *tracer, const struct lapse_goroutine *key,
			      const struct lapse_stack *stack)
{
	if (bpf_map__delete_elem(tracer->skel->maps.goroutines, key, sizeof(*key), 0))
		return;
	for (uint32_t i = 0; i < stack->depth && i < LAPSE_MAX_DEPTH; i++)
		if (!stack->frame[i].edge && stack->frame[i].component < tracer->n_components)
			__atomic_fetch_add(&tracer_cell(tracer, stack->frame[i].component, 0)->abandoned, 1,
					   __ATOMIC_RELAXED);
}

static int take_goroutines(struct tracer *tracer, const void *keys, const void *values, size_t n,
			   uint64_t now_ns)
{
	const struct lapse_goroutine *key = keys;
	const struct lapse_stack *stack = values;
	int err = 0;

	for (size_t i = 0; i < n && !err; i++) {
		if (gone((pid_t)key[i].pid))
			abandon_goroutine(tracer, &key[i], &stack[i]);
		else
			err = keep_goroutine(tracer, &key[i], &stack[i], now_ns);
	}
	return err;
}

int open_map_read(struct tracer *tracer, const struct bpf_map *map, take_entries *take, uint64_t now_ns)
{
	void *keys = calloc(BATCH, bpf_map__key_size(map));
	void *values = calloc(BATCH, bpf_map__value_size(map));
	uint32_t position, *from = NULL, n;
	int err = keys && values ? 0 : -ENOMEM, end = 0;

	while (!err && !end) {
		n = BATCH;
		end = bpf_map_lookup_batch(bpf_map__fd(map), from, &position, keys, values, &n, NULL);
		if (end && end != -ENOENT)
			err = end;
		else
			err = take(tracer, keys, values, n, now_ns);
		from = &position;
	}
	free(keys);
	free(values);
	return err;
}

int open_maps_read(struct tracer *tracer, uint64_t now_ns)
{
	struct lapse_bpf *skel = tracer->skel;
	int err = 0;

	if (tracer->keyed)
		err = open_map_read(tracer, skel->maps.keyed, take_keyed, now_ns);
	if (!err && tracer->goroutines)
		err = open_map_read(tracer, skel->maps.goroutines, take_goroutines, now_ns);
	if (!err && tracer->options.tcp)
		err = open_tcp_read(tracer, now_ns);
	return err;
}
