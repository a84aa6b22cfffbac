// SPDX-License-Identifier: GPL-2.0-or-later
#include "kernel/drainer.h"
#include "kernel/tracer_parts.h"

#include <errno.h>
#include <sched.h>
#include <stdlib.h>

/* A program that was preempted while it wrote its record holds up those behind it. */
#define HOLD_UPS 100

static int take(void *context, const void *data, size_t size)
{
	struct tracer *tracer = context;
	const struct tracer_records *to = tracer->records;
	const uint32_t *kind = data;

	if (*kind == LAPSE_REC_SPAN && size >= sizeof(struct lapse_span))
		return to->span ? to->span(to->context, data) : 0;
	if (*kind == LAPSE_REC_WHY && size >= sizeof(struct lapse_why_span))
		return to->span ? to->span(to->context, data) : 0;
	if (*kind == LAPSE_REC_TCP && size >= sizeof(struct lapse_tcp_span))
		return to->span ? to->span(to->context, data) : 0;
	if (*kind == LAPSE_REC_PROC && size >= sizeof(struct lapse_proc))
		return to->process ? to->process(to->context, data) : 0;
	return 0;
}

int ring_open(struct tracer *tracer)
{
	struct lapse_bpf *skel = tracer->skel;

	tracer->drainer = drainer_new(bpf_map__fd(skel->maps.events), &skel->bss->urgent_sent,
				      &skel->bss->woken_from, tracer->options.realtime);
	return tracer->drainer ? 0 : -errno;
}

void ring_close(struct tracer *tracer)
{
	drainer_free(tracer->drainer);
}

int tracer_fd(const struct tracer *tracer)
{
	return drainer_fd(tracer->drainer);
}

int tracer_drain(struct tracer *tracer, uint64_t until_ns, const struct tracer_records *records)
{
	tracer->records = records;
	pieces_drain(tracer);
	return drainer_take(tracer->drainer, until_ns, take, tracer);
}

/* ---- what came while a tick was read --------------------------------------------------------------- */

/* Records on their way, and the spans that were open when the tick looked, in order for the search. */
struct catching_up {
	struct tracer *tracer;
	const struct tracer_records *to;
	bool sorted;
};

/* It has ended: it is in flight no more. */
static void strike_out(struct catching_up *up, const struct lapse_span *span)
{
	struct tracer *tracer = up->tracer;
	struct lapse_span *open;

	if (!up->sorted && tracer->n_open)
		qsort(tracer->open, tracer->n_open, sizeof(*tracer->open), span_by_identity);
	up->sorted = true;
	open = tracer->n_open
		       ? bsearch(span, tracer->open, tracer->n_open, sizeof(*tracer->open), span_by_identity)
		       : NULL;
	if (open)
		open->flags = 0;
}

static int take_ended(void *context, const struct lapse_span *span)
{
	struct catching_up *up = context;

	if (!(span->flags & LAPSE_SPAN_UNTIMED))
		strike_out(up, span);
	return up->to->span(up->to->context, span);
}

static int take_process(void *context, const struct lapse_proc *process)
{
	struct catching_up *up = context;

	return up->to->process(up->to->context, process);
}

static void drop_struck_out(struct tracer *tracer)
{
	size_t n = 0;

	for (size_t i = 0; i < tracer->n_open; i++)
		if (tracer->open[i].flags & LAPSE_SPAN_OPEN)
			tracer->open[n++] = tracer->open[i];
	tracer->n_open = n;
}

void ring_catch_up(struct tracer *tracer, const struct tracer_records *records)
{
	struct catching_up up = {.tracer = tracer, .to = records};
	const struct tracer_records through = {take_ended, take_process, &up};
	unsigned long counted = drainer_written(tracer->drainer);

	tracer_drain(tracer, 0, &through);
	for (int i = 0; !drainer_has(tracer->drainer, counted) && i < HOLD_UPS; i++) {
		sched_yield();
		tracer_drain(tracer, 0, &through);
	}
	/* What the thread has put away meanwhile. */
	tracer_drain(tracer, 0, &through);
	drop_struck_out(tracer);
}
