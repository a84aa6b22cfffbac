/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Where calls waited: by component, cause and stack. */
#ifndef LAPSE_REPORT_OFFCPU_H
#define LAPSE_REPORT_OFFCPU_H

#include <stddef.h>
#include <stdint.h>

#include "bpf/event.h"

/* Different stacks that are told apart; what comes besides has none. */
#define OFFCPU_MOST 20000

struct offcpu_place;

/* One place, as offcpu_sort() leaves it. */
struct offcpu_row {
	uint32_t component; /* its row */
	uint32_t cause;	    /* enum lapse_cause */
	uint64_t count, ns;
	const char *stack; /* a function a line without offsets, innermost first; NULL: what none was recorded
			      for */
};

struct offcpu {
	struct offcpu_place *places; /* a hash */
	size_t n_places;
	uint64_t (*ns)[LAPSE_CAUSES]; /* a component: all of it */
	size_t n_components;
	struct offcpu_row *rows; /* the longest first */
	size_t n;
};

void offcpu_free(struct offcpu *offcpu);

/* @stack is of its longest wait; NULL: not known. 0 or -ENOMEM. */
int offcpu_add(struct offcpu *offcpu, const struct lapse_span *span, const char *stack);
/* After the last one. 0 or -ENOMEM. */
int offcpu_sort(struct offcpu *offcpu);

#endif
