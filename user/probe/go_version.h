/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The version of Go that built a program. */
#ifndef LAPSE_GO_VERSION_H
#define LAPSE_GO_VERSION_H

#include "probe/object.h"

/* The minor version of Go 1 that .go.buildinfo names, 0 where it cannot be read. */
unsigned go_version(const struct object *object);

#endif
