/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Whom a thread waits for that is blocked in a mutex, which keeps its owner beside the word that is waited
 * on. */
#ifndef LAPSE_STACK_FUTEX_H
#define LAPSE_STACK_FUTEX_H

#include <sys/types.h>

/*
 * The thread of @pid that holds the mutex that its thread @tid waits for; 0: it does not wait for one, or
 * what lies there does not look like a mutex of glibc that is held and wanted, or its process numbers its
 * threads otherwise than this one. A futex that is no mutex has no owner.
 */
pid_t futex_holder(pid_t pid, pid_t tid);

#endif
