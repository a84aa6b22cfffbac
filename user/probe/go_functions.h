/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which functions of a file are Go's. */
#ifndef LAPSE_GO_FUNCTIONS_H
#define LAPSE_GO_FUNCTIONS_H

#include "probe/object.h"

/*
 * Fills in object->go and the functions' own .go, and adds those functions of a Go file that no symbol
 * names. The functions must be sorted, and are afterwards. Returns 0 or -ENOMEM.
 */
int go_functions_load(struct object *object);

#endif
