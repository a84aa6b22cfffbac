/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The slowest calls of each component, with their stacks. */
#ifndef LAPSE_REPORT_SLOWEST_H
#define LAPSE_REPORT_SLOWEST_H

#include "capture/message.h"
#include "output/output.h"

/* A copy; its stack stands as a renderer takes it. */
struct slow_span {
	union message_span span;
	char *text; /* that the frames lie in */
	struct output_frame *frames;
	struct output_stack stack;
};

struct slowest {
	size_t most; /* a component */
	struct slow_component {
		struct slow_span *spans; /* .most of them; a heap, the fastest first */
		size_t n;
	} * components;
	size_t n_components;
	struct slow_span **sorted; /* of all components, the slowest first; by slowest_sort() */
	size_t n_sorted;
};

void slowest_free(struct slowest *slowest);

/* @span's component is its row; the stack as the reader tells it, NULL: none. 0 or -ENOMEM. */
int slowest_add(struct slowest *slowest, const struct lapse_span *span, const char *brief, const char *stack);
/* After the last one. 0 or -ENOMEM. */
int slowest_sort(struct slowest *slowest);

#endif
