/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The functions that specifications ask for: one, or the two places of a span. */
#ifndef LAPSE_WANT_H
#define LAPSE_WANT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "probe/spec.h"

struct want {
	size_t spec;			/* index of the specification */
	const struct probe_spec *place; /* itself, or one of its ends */
	uint8_t edge;			/* enum lapse_edge */
};

/* Lists them; 0 or -ENOMEM. *wants is to be freed. */
int wants_list(const struct probe_spec *specs, size_t n_specs, struct want **wants, size_t *n);

/* Whether @place needs the arguments of its call, so that a probe must not stand behind where they are
 * lost. */
bool want_needs_args(const struct want *want, const struct probe_spec *specs);

/* What the component of @spec is called if nobody gave it a name; to be freed. NULL: out of memory. */
char *want_component_name(const struct probe_spec *spec);

#endif
