// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Off-CPU time as flame graph tools read it: "component;main;serve;read;[net] 1250", outermost first, and
 * microseconds. What no stack was recorded for stands under its component: all lines of a component add up to
 * all that its calls waited.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

#include "base/text.h"
#include "output/words.h"
#include "report/formats.h"
#include "report/rows.h"

/* The two characters that mean something in a line. */
static void name(FILE *out, const char *of)
{
	char safe[NAME_SIZE];

	for (const char *at = text_escape(of, safe, sizeof(safe)); *at; at++)
		fputc(*at == ';' ? ':' : *at, out);
}

static void one(FILE *out, const struct report *report, const struct offcpu_row *row,
		const struct report_frames *frames)
{
	name(out, report_component(report, row->component));
	for (size_t i = frames->n; i-- > 0;) {
		fputc(';', out);
		name(out, frames->at[i]);
	}
	if (!frames->n)
		fputs(";[no stack]", out);
	fprintf(out, ";[%s] %" PRIu64 "\n", cause_names[row->cause], (row->ns + 500) / 1000);
}

int report_folded(struct report *report, const struct output_options *show)
{
	for (size_t i = 0; i < report->offcpu.n; i++) {
		struct report_frames frames;
		int err = report_frames(report->offcpu.rows[i].stack, &frames);

		if (err)
			return err;
		one(show->stream, report, &report->offcpu.rows[i], &frames);
		report_frames_free(&frames);
		if (ferror(show->stream))
			return -EIO;
	}
	return 0;
}
