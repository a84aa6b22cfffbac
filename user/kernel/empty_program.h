/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The smallest program there is, for trying what the kernel takes. */
#ifndef LAPSE_EMPTY_PROGRAM_H
#define LAPSE_EMPTY_PROGRAM_H

#include <linux/bpf.h>

/* Loads "return 0" as a uprobe program of attach type @type. A descriptor or -errno. */
int empty_program_load(enum bpf_attach_type type);

/* The same for the entry of a kernel function, by its number in the kernel's BTF. */
int empty_fentry_load(__u32 function);

#endif
