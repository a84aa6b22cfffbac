/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The words beside a marker in a program's memory, through which a tracer tells it what to report. */
#ifndef LAPSE_MARKER_AREA_H
#define LAPSE_MARKER_AREA_H

#include <stdint.h>
#include <sys/types.h>

#include "probe/target.h"

/*
 * Tells process @pid that spans shorter than @cycles of the time stamp counter, unless they fail, are not
 * worth reporting to the marker whose semaphore is at @offset of file @id. 0: all are. To be called
 * before one's own probe is there: who listens already may want them all. Returns 0, -EBUSY where
 * someone listens who wants as many, -ENOENT where there is no such area of a version that is known, or
 * -errno; no message.
 */
int marker_area_set(pid_t pid, const struct file_id *id, uint64_t offset, uint64_t cycles);

#endif
