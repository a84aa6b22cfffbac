/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Spans with causes, and rows of them, as the kernel would send and count them. */
#ifndef TESTS_WHY_H
#define TESTS_WHY_H

#include <string.h>

#include "bpf/buckets.h"
#include "bpf/event.h"

/* Of @component, with one wait of @wait_ns for @cause. */
static inline struct lapse_why_span why_span(uint32_t component, uint64_t start_ns, uint64_t duration_ns,
					     enum lapse_cause cause, uint64_t wait_ns)
{
	struct lapse_why_span span = {
		.span = {.kind = LAPSE_REC_WHY,
			 .component = component,
			 .pid = 40,
			 .tid = 41,
			 .start_ns = start_ns,
			 .duration_ns = duration_ns,
			 .raw_ns = duration_ns,
			 .flags = LAPSE_SPAN_WHY},
		.why = {.longest = {.duration_ns = wait_ns, .cause = cause, .end_ns = start_ns + wait_ns}},
	};

	span.why.ns[cause] = wait_ns;
	span.why.longest.waker.interrupt = LAPSE_INTERRUPT_UNKNOWN;
	return span;
}

/* The thread named @comm woke it, in a span of @component (counted from 1; 0: in none). */
static inline void why_woken(struct lapse_why_span *span, const char *comm, uint32_t component)
{
	struct lapse_waker *waker = &span->why.longest.waker;

	waker->interrupt = LAPSE_NO_INTERRUPT;
	waker->tid = 77;
	waker->component = component;
	strncpy(waker->comm, comm, sizeof(waker->comm) - 1);
}

/* The answer came from 10.0.1.@host:@port. */
static inline void why_answered(struct lapse_why_span *span, uint8_t host, uint16_t port)
{
	struct lapse_address *peer = &span->why.longest.peer;

	*peer = (struct lapse_address){.ip = {[10] = 0xff, [11] = 0xff, 10, 0, 1, host}, .port = port};
	span->why.longest.waker.interrupt = LAPSE_INTERRUPT_NET;
}

/* The kernel counts @span @n times. */
static inline void why_count(struct lapse_why_row *rows, const struct lapse_why_span *span, uint64_t n)
{
	struct lapse_why_row *row = &rows[lapse_bucket(span->span.duration_ns, LAPSE_WHY_BITS)];

	row->count += n;
	row->sum_ns += n * span->span.duration_ns;
	for (int cause = 0; cause < LAPSE_CAUSES; cause++)
		row->ns[cause] += n * span->why.ns[cause];
}

#endif
