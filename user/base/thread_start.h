/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Threads beside the one that signals are for. */
#ifndef LAPSE_THREAD_START_H
#define LAPSE_THREAD_START_H

#include <pthread.h>
#include <signal.h>

/* Begins @run(@context) in *thread, which no signal goes to; 0 or -errno. The caller joins it. */
static inline int thread_start(pthread_t *thread, void *(*run)(void *), void *context)
{
	sigset_t all, before;
	int err;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	err = pthread_create(thread, NULL, run, context);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return -err;
}

#endif
