/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Functions of the kernel that programs call, as far as it has them. libbpf would find them, too, but reads
 * all of the kernel's types for it: a tenth of what a start takes. So a call of one has a number that no
 * helper has, and user/kernel/kfuncs.c puts the kernel's own in its place. One that is not there must not be
 * reached.
 */
#ifndef LAPSE_BPF_KFUNC_H
#define LAPSE_BPF_KFUNC_H

enum lapse_kfunc {
	LAPSE_KFUNC_SESSION_IS_RETURN,	  /* as it was from 6.14 on: without an argument ... */
	LAPSE_KFUNC_SESSION_IS_RETURN_OF, /* ... and is since 7.1: of the context */
	LAPSE_KFUNC_RDONLY_CAST,	  /* 6.2 */
	LAPSE_KFUNCS
};

/* Of the first one. */
#define LAPSE_KFUNC_CALL 0x100000

#ifdef __bpf__
static void *(*const kfunc_rdonly_cast)(const void *object,
					__u32 type) = (void *)(LAPSE_KFUNC_CALL + LAPSE_KFUNC_RDONLY_CAST);
#endif

#endif
