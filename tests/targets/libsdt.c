// SPDX-License-Identifier: GPL-2.0-or-later
#include "libsdt.h"

#define _SDT_HAS_SEMAPHORES 1
#include <sys/sdt.h>

#define SEMAPHORE __attribute__((section(".probes"), visibility("hidden")))

/* volatile: the kernel counts here who listens. */
SEMAPHORE volatile unsigned short lapsetest_begin_semaphore;
SEMAPHORE volatile unsigned short lapsetest_end_semaphore;

static long listened;

void job_mark_begin(struct marked_job *job, int size)
{
	if (!lapsetest_begin_semaphore)
		return;
	__atomic_fetch_add(&listened, 1, __ATOMIC_RELAXED);
	DTRACE_PROBE2(lapsetest, begin, job, size);
}

void job_mark_end(struct marked_job *job, int status)
{
	if (!lapsetest_end_semaphore)
		return;
	__atomic_fetch_add(&listened, 1, __ATOMIC_RELAXED);
	DTRACE_PROBE2(lapsetest, end, job, status);
}

long marks_listened(void)
{
	return listened;
}

int marks_semaphores(void)
{
	return lapsetest_begin_semaphore + lapsetest_end_semaphore;
}
