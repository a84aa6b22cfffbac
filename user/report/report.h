/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a recording comes to. It is fed to a monitor once, whose snapshot has the figures; on the way what
 * belongs to a moment or to a single call is gathered. Renderers (formats.h) show the result; those that show
 * every call go through the reader again by themselves.
 *
 *   report_make -> report_formats[i].render -> report_free
 */
#ifndef LAPSE_REPORT_H
#define LAPSE_REPORT_H

#include "capture/replay.h"
#include "output/report_rows.h"
#include "report/heat.h"
#include "report/offcpu.h"
#include "report/peers.h"
#include "report/slowest.h"

/* Violations that are kept one by one; the counts have all. */
#define REPORT_VIOLATIONS 10000
#define REPORT_SLOWEST	  8 /* calls of each component */

/* A violation with what it points to. */
struct report_violation {
	struct violation violation;
	struct explanation why;
	bool has_why;
};

struct report {
	struct reader *reader;
	struct config config;
	bool has_config;
	struct replay *replay;
	const struct snapshot *snapshot; /* at the end */
	struct report_head head;
	unsigned bucket_bits;
	struct heat heat; /* components by their row in the snapshot, as all of these */
	struct slowest slowest;
	struct offcpu offcpu;
	struct peers peers;
	struct alert *alerts;
	size_t n_alerts, n_recorded_alerts;
	struct report_violation *violations;
	size_t n_violations, more_violations;
	char **story;
	size_t n_story;
	int error;
};

/* 0, or -errno after a message. */
int report_make(const char *path, struct report **report);
void report_free(struct report *report);

/* The violation as renderers of the output take it. */
struct violation report_violation(const struct report_violation *kept);

/* The name of a row, as the target has it: renderers escape it. */
const char *report_component(const struct report *report, uint32_t component);

/* A component in one column; false: nothing ended there. */
bool report_slice(const struct report *report, uint32_t component, size_t column, struct report_slice *slice);

/* story.c: the sentences. 0 or -ENOMEM. */
int report_tell(struct report *report);

#endif
