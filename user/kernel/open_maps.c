// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Spans in flight that belong to no thread: keyed ones, and those of goroutines. Both lie in hashes,
 * which are read whole at each tick; what has been open for too long is taken out, counted and told.
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

static struct lapse_span keyed_span(const struct lapse_key *key, const struct lapse_keyed *open,
				    uint64_t age_ns, uint32_t flags)
{
	struct lapse_span span = {
		.kind = LAPSE_REC_SPAN,
		.component = key->component,
		.pid = key->pid,
		.tid = open->tid,
		.start_ns = open->start_ns,
		.duration_ns = age_ns,
		.raw_ns = age_ns,
		.flags = flags,
	};

	memcpy(span.comm, open->comm, sizeof(span.comm));
	return span;
}

static void count(__u64 *counter)
{
	__atomic_fetch_add(counter, 1, __ATOMIC_RELAXED);
}

/* As cell_level() of bpf/cell.h counts what ends. False: within all limits. */
static bool count_level(struct tracer *tracer, uint32_t component, uint64_t age_ns)
{
	const __u64 *limit = tracer->components[component].level_ns;
	int level = LAPSE_LEVELS - 1;

	while (level >= 0 && age_ns <= limit[level])
		level--;
	if (level >= 0)
		count(&tracer_cell(tracer, component, 0)->level[level]);
	return level >= 0;
}

static int keep_timed_out(struct tracer *tracer, const struct lapse_span *span)
{
	if (tracer->n_timed_out == tracer->max_timed_out) {
		size_t max = tracer->max_timed_out ? 2 * tracer->max_timed_out : 64;
		struct lapse_span *grown = realloc(tracer->timed_out, max * sizeof(*grown));

		if (!grown)
			return -ENOMEM;
		tracer->timed_out = grown;
		tracer->max_timed_out = max;
	}
	tracer->timed_out[tracer->n_timed_out++] = *span;
	return 0;
}

/* Takes it out of the map. False: its end, or a new start, has come first, and has counted it. */
static bool take_out(struct tracer *tracer, const struct lapse_key *key)
{
	return !bpf_map__delete_elem(tracer->skel->maps.keyed, key, sizeof(*key), 0);
}

/* It has been open for too long. What it breaks by that it breaks, as in keyed_give_up() of bpf/keyed.h. */
static int give_up(struct tracer *tracer, const struct lapse_key *key, const struct lapse_keyed *open,
		   uint64_t age_ns)
{
	struct lapse_span span = keyed_span(key, open, age_ns, LAPSE_SPAN_TIMED_OUT | LAPSE_SPAN_BREACH);

	if (!take_out(tracer, key))
		return 0;
	count(&tracer_cell(tracer, key->component, 0)->timed_out);
	if (!count_level(tracer, key->component, age_ns) || key->component >= tracer->n_told)
		return 0;
	return keep_timed_out(tracer, &span);
}

static int take_span(struct tracer *tracer, const struct lapse_key *key, const struct lapse_keyed *open,
		     uint64_t age_ns)
{
	struct lapse_span span = keyed_span(key, open, age_ns, LAPSE_SPAN_OPEN);

	if (gone((pid_t)key->pid)) {
		if (take_out(tracer, key))
			count(&tracer_cell(tracer, key->component, 0)->abandoned);
		return 0;
	}
	if (age_ns > tracer->rules[key->component].timeout_ns)
		return give_up(tracer, key, open, age_ns);
	return open_keep(tracer, &span);
}

static int take_keyed(struct tracer *tracer, const void *keys, const void *values, size_t n, uint64_t now_ns)
{
	const struct lapse_key *key = keys;
	const struct lapse_keyed *open = values;
	int err = 0;

	for (size_t i = 0; i < n && !err; i++)
		if (key[i].component < tracer->n_rules)
			err = take_span(tracer, &key[i], &open[i], age_of(open[i].start_ns, now_ns));
	return err;
}

int open_take_stack(struct tracer *tracer, const struct lapse_stack *stack, const struct lapse_open *whose,
		    const struct lapse_goroutine *goroutine, uint64_t now_ns)
{
	struct lapse_open open = *whose;
	int err = 0;

	for (uint32_t i = 0; i < stack->depth && i < LAPSE_MAX_DEPTH && !err; i++) {
		const struct lapse_frame *frame = &stack->frame[i];

		open.component = frame->component;
		open.depth = i;
		open.sp = frame->sp;
		open.caller = frame->caller;
		open.start_ns = frame->start_ns;
		open.flags = frame->flags;
		if (!frame->edge)
			err = open_take(tracer, &open, NULL, goroutine, now_ns);
	}
	return err;
}

static int keep_goroutine(struct tracer *tracer, const struct lapse_goroutine *key,
			  const struct lapse_stack *stack, uint64_t now_ns)
{
	const struct lapse_open open = {.pid = key->pid};

	return open_take_stack(tracer, stack, &open, key, now_ns);
}

/* The goroutines of a process that has ended will not return. */
static void abandon_goroutine(struct tracer *tracer, const struct lapse_goroutine *key,
			      const struct lapse_stack *stack)
{
	if (bpf_map__delete_elem(tracer->skel->maps.goroutines, key, sizeof(*key), 0))
		return;
	for (uint32_t i = 0; i < stack->depth && i < LAPSE_MAX_DEPTH; i++)
		if (!stack->frame[i].edge && stack->frame[i].component < tracer->n_components)
			count(&tracer_cell(tracer, stack->frame[i].component, 0)->abandoned);
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
