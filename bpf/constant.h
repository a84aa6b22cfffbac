/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Helpers that give the same each time while a program runs: the compiler may keep what the first call gave.
 * A call is dear where a processor guards returns against speculation. To be included before libbpf's
 * bpf_helpers.h, which defines them.
 */
#ifndef LAPSE_BPF_CONSTANT_H
#define LAPSE_BPF_CONSTANT_H

static struct task_struct *(*const bpf_get_current_task_btf)(void)__attribute__((const));
static __u64 (*const bpf_get_current_task)(void) __attribute__((const));
static __u64 (*const bpf_get_current_pid_tgid)(void) __attribute__((const));

#endif
