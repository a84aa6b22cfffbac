/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The parts of the text output, each printed into a buffer that is being composed. */
#ifndef LAPSE_TEXT_PARTS_H
#define LAPSE_TEXT_PARTS_H

#include <stdio.h>

#include "output/output.h"
#include "output/words.h"

/* The table of intervals. It keeps count of its rows, for the header; reset starts it again. */
void text_table_reset(void);
int text_table_interval(const struct output_options *options, const struct snapshot *snapshot);

/*
 * The components to show, most time spent first where there are too many for all; *shown is to be
 * freed, *more counts those that had calls and are left out. Returns how many.
 */
size_t text_shown(const struct snapshot *snapshot, bool interval, uint32_t **shown, size_t *more);

/* What connections do, a row a component and interval. */
void text_tcp_reset(void);
int text_tcp_interval(const struct output_options *options, const struct snapshot *snapshot);
/* "peer=10.0.0.5:5432 net=0.12 unread=0.01 retransmits=1": what a span has of its connection, but for what
 * the @name of its component says; "-": nothing. */
const char *text_tcp_span(enum time_unit unit, const struct lapse_span *span, const char *name,
			  char words[NAME_SIZE]);
/* "lock 171.0  net 10.8  on-cpu 2.1": what a span's thread did; "-": not known. */
const char *text_causes(enum time_unit unit, const struct lapse_span *span, char words[NAME_SIZE]);
/* Lines below its row: the longest wait and who ended it, who ran instead. */
void text_longest_wait(FILE *out, const struct snapshot *snapshot, const struct lapse_span *span,
		       const struct output_stack *stack);
/* Lines of the final report: what the slowest spans spent their time on, first and by itself (false: it is
 * not known); then wider bands; then spans in flight past their limit. */
bool text_first_band(FILE *out, const struct snapshot *snapshot, const struct component_snapshot *component);
void text_other_bands(FILE *out, const struct snapshot *snapshot, const struct component_snapshot *component);
void text_hung(FILE *out, const struct snapshot *snapshot, const struct component_snapshot *component);
/* A line of the final report. */
void text_tcp_total(FILE *out, const struct tcp_stats *tcp);

/* One announcement without the time, and a newline. */
void text_alert(FILE *out, const struct output_options *options, const struct snapshot *snapshot,
		const struct alert *alert);

/* Powers of two in the layout of bcc's tools, from the rows of @component. */
void text_histogram(FILE *out, const struct component_snapshot *component, enum time_unit unit);

/* What can make the figures wrong, and what the tracing cost. */
void text_integrity(FILE *out, const struct snapshot *snapshot);
void text_overhead(FILE *out, const struct overhead *overhead);
/* What was recorded of it; nothing where nothing was to be. */
void text_recording(FILE *out, const struct recording *recording);

/* The final report, from the components to the verdict. */
int text_report(const struct output_options *options, const struct snapshot *snapshot);

/* Whether a column of @width letters still has room in the row, which it takes then. */
static inline bool text_fits(int *room, int width)
{
	if (*room < width)
		return false;
	*room -= width;
	return true;
}

#endif
