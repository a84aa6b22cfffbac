/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What user space sets before the programs are loaded; constants to the verifier. */
#ifndef LAPSE_BPF_CONFIG_H
#define LAPSE_BPF_CONFIG_H

#include "bpf/event.h"

enum lapse_filter {
	LAPSE_FILTER_TGID = 1 << 0, /* thread groups in the map tgids */
	LAPSE_FILTER_EXE = 1 << 1,  /* executables in the map exes */
	LAPSE_FILTER_COMM = 1 << 2, /* cfg_comm: the group leader's name */
};

/* In the map judged: the process is measured by other means; no return probe any more. */
#define LAPSE_JUDGED_UNSAFE (-0x7fffffffffffffffLL - 1)

/* Calls of the dynamic linker's hook while a program starts: libraries are added, all are there. */
#define LAPSE_LOADS_AT_START 2

/* An executable, by the inode that the kernel holds. */
struct lapse_exe {
	__u64 ino;
	__u64 dev; /* as the kernel encodes it: major << 20 | minor */
};

/* Components, counted from 1, that a system call has to do with; 0: none. */
struct lapse_syscall {
	__u32 span; /* its calls are spans of this one */
	__u32 loop; /* it ends a turn of this one's event loop, and begins the next */
};

/* A goroutine: its process, and the address of its runtime.g there. */
struct lapse_goroutine {
	__u64 pid;
	__u64 g;
};

#endif
