/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Functions that are no call and return, which the instructions alone do not show. A return probe on
 * one that keeps a copy of its return address makes that copy lead into the kernel's trampoline long
 * after the probe has done its work; and one that is entered without a return address on top of the
 * stack has something else overwritten there.
 */
#ifndef LAPSE_ODD_H
#define LAPSE_ODD_H

#include <stdbool.h>

#include "probe/safety.h"

/* How the function @symbol may be measured in a file whose functions @otherwise holds for. */
struct safety odd_safety(const struct safety *otherwise, const char *symbol, bool force);

#endif
