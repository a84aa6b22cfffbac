// SPDX-License-Identifier: GPL-2.0-or-later
/* A log of HdrHistograms: one a component and tick in which calls of it ended, tagged by its name. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/units.h"
#include "monitor/histogram.h"
#include "report/formats.h"
#include "report/hdr.h"

static double wall_s(const struct report *report, uint64_t ns)
{
	return (double)(report->snapshot->epoch_ns + (int64_t)ns) / 1e9;
}

static void header(FILE *out, const struct report *report)
{
	fputs("#[Histogram log format version 1.3]\n", out);
	fprintf(out, "#[StartTime: %.3f (seconds since epoch)]\n", wall_s(report, report->head.begin_ns));
	fputs("\"StartTimestamp\",\"Interval_Length\",\"Interval_Max\",\"Interval_Compressed_Histogram\"\n",
	      out);
}

/* A tag ends at a comma; a line is one. */
static void tag(FILE *out, const char *name)
{
	fputs("Tag=", out);
	for (; *name; name++)
		fputc(*name == ',' || (unsigned char)*name <= ' ' || *name == 127 ? '_' : *name, out);
}

static int one(FILE *out, const struct report *report, const struct tick *tick,
	       const struct tick_component *c, const char *name)
{
	uint64_t period = tick->period_ns && tick->period_ns <= tick->now_ns
				  ? tick->period_ns
				  : tick->now_ns - report->head.begin_ns;
	uint64_t longest = hdr_value(c->buckets[c->n_buckets - 1].index, report->bucket_bits);
	char *text = hdr_encode(c->buckets, c->n_buckets, report->bucket_bits);

	if (!text)
		return -ENOMEM;
	tag(out, name);
	fprintf(out, ",%.3f,%.3f,%.6f,%s\n", wall_s(report, tick->now_ns - period), (double)period / 1e9,
		(double)longest / 1e6, text);
	free(text);
	return ferror(out) ? -EIO : 0;
}

static int all(FILE *out, const struct report *report, const struct tick *tick)
{
	int err = 0;

	for (size_t i = 0; i < tick->n_components && !err; i++) {
		const struct tick_component *c = &tick->components[i];
		const struct capture_component *recorded = reader_component(report->reader, c->component);

		if (c->n_buckets && recorded)
			err = one(out, report, tick, c, recorded->monitored.name);
	}
	return err;
}

int report_hlog(struct report *report, const struct output_options *show)
{
	struct reader_event event;
	int more = reader_rewind(report->reader);

	header(show->stream, report);
	while (!more && (more = reader_next(report->reader, &event)) > 0)
		more = event.kind == READER_TICK ? all(show->stream, report, event.tick) : 0;
	return more;
}
