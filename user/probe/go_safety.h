/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Functions of Go files: which of them have a goroutine's frame. */
#ifndef LAPSE_GO_SAFETY_H
#define LAPSE_GO_SAFETY_H

#include "probe/object.h"
#include "probe/safety.h"

/* How @function may be measured in @object, for whose functions @otherwise holds. */
struct safety go_safety(const struct safety *otherwise, const struct object *object,
			const struct function *function);

#endif
