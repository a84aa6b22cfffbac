/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The programs as they are for kernels without attach cookies: bpf/compat.h tells how they differ. */
#ifndef LAPSE_OLD_OBJECT_H
#define LAPSE_OLD_OBJECT_H

#include <stddef.h>

/* The object file, which is the program's own; its size in @size. */
const void *old_object(size_t *size);

#endif
