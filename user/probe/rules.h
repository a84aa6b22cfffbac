/* SPDX-License-Identifier: GPL-2.0-or-later */
/* From the modifiers of a specification to what the kernel judges: struct lapse_rules. */
#ifndef LAPSE_RULES_H
#define LAPSE_RULES_H

#include "bpf/event.h"
#include "probe/object.h"
#include "probe/plan.h"
#include "probe/spec.h"

/* A component's rules before any modifier: nothing is captured, nothing is judged. */
void rules_init(struct lapse_rules *rules);

/*
 * Fills in what @spec's modifiers and keys ask for, and what they make of @component (what is known of
 * errors, hits and values). Operands without a type are longs until rules_type().
 */
void rules_of_spec(const struct probe_spec *spec, struct plan_component *component);

/*
 * Gives operands without a type that of @function's arguments and return value, where the debug
 * information of @object knows it. @end: the place whose function it is. Values that do not travel in an
 * integer register are refused: -EINVAL after a message with a caret. 0 where nothing is known.
 */
int rules_type(const struct probe_spec *spec, enum lapse_end end, const struct object *object,
	       const struct function *function, struct lapse_rules *rules);

/*
 * The same for a function of Go's, whose arguments are counted by the words that they take, in Go's
 * own registers: -EINVAL after a message where one is not in any.
 */
int rules_of_go(const struct probe_spec *spec, enum lapse_end end, const struct function *function,
		struct lapse_rules *rules);

#endif
