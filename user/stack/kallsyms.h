/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The kernel's functions, as /proc/kallsyms lists them. */
#ifndef LAPSE_STACK_KALLSYMS_H
#define LAPSE_STACK_KALLSYMS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct kernel_symbol {
	uint64_t addr;
	const char *name;
	const char *module; /* without brackets; NULL: the kernel's own */
	bool function;	    /* else what lies there is data, or the end of the code */
};

struct kallsyms {
	char *text;		       /* the file, which the names point into */
	struct kernel_symbol *symbols; /* by address, one an address */
	size_t n;
	bool hidden; /* it lists no addresses: kptr_restrict */
};

/* Reads @path. Returns 0 or -errno; release with kallsyms_free() in any case. */
int kallsyms_read(struct kallsyms *kallsyms, const char *path);
void kallsyms_free(struct kallsyms *kallsyms);

/* Code without a symbol of its own, as of BPF programs, may follow a function: this far it reaches. */
#define KERNEL_FUNCTION_MAX (256UL * 1024)
/* The function that holds @addr, or NULL. */
const struct kernel_symbol *kallsyms_find(const struct kallsyms *kallsyms, uint64_t addr);

#endif
