// SPDX-License-Identifier: GPL-2.0-or-later
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "output/compose.h"
#include "output/words.h"
#include "report/compare.h"

static const char *signed_duration(double ns, char buffer[WORD_SIZE])
{
	char plain[WORD_SIZE];

	if (!isfinite(ns))
		return "?";
	snprintf(buffer, WORD_SIZE, "%s%.*s", ns < 0 ? "-" : "+", WORD_SIZE - 2,
		 word_duration(fabs(ns), plain));
	return buffer;
}

static void percentile(FILE *out, const struct report_shift *shift)
{
	char label[WORD_SIZE], was[WORD_SIZE], is[WORD_SIZE], by[WORD_SIZE], low[WORD_SIZE], high[WORD_SIZE];
	char range[2 * WORD_SIZE + 8] = "too few calls to tell";

	if (isnan(shift->before_ns) || isnan(shift->after_ns))
		return;
	snprintf(label, sizeof(label), "p%.4g", shift->quantile * 100);
	if (isfinite(shift->low_ns) && isfinite(shift->high_ns))
		snprintf(range, sizeof(range), "%s .. %s", signed_duration(shift->low_ns, low),
			 signed_duration(shift->high_ns, high));
	fprintf(out, "    %-6s %12s %12s %12s   ", label, word_duration(shift->before_ns, was),
		word_duration(shift->after_ns, is), signed_duration(shift->shift_ns, by));
	if (shift->shifted)
		fprintf(out, "%-26s %s\n", range, shift->shift_ns > 0 ? "slower" : "faster");
	else
		fprintf(out, "%s\n", range);
}

/* In which calls; they may be more in one recording than in the other. */
static void whose(FILE *out, const struct report_cause_shift *cause)
{
	double was = round(cause->before_share * 100), is = round(cause->after_share * 100);

	if (is == 100)
		fputs("all calls", out);
	else
		fprintf(out, "the slowest %.0f %%", is);
	if (was != is)
		fprintf(out, " (%.0f %% before)", was);
}

static void grown(FILE *out, const struct component_snapshot *before, const struct component_snapshot *after)
{
	struct report_cause_shift cause;
	double before_share = 0, after_share = 0;
	char was[WORD_SIZE], is[WORD_SIZE];

	for (size_t band = 0; band < CAUSE_BANDS; band++) {
		/* The same calls as of the wider band before. */
		if (!compare_grown(before, after, band, &cause) ||
		    (cause.before_share == before_share && cause.after_share == after_share))
			continue;
		before_share = cause.before_share;
		after_share = cause.after_share;
		fputs("    grew most in ", out);
		whose(out, &cause);
		fprintf(out, ": %s, from %s to %s a call\n", cause.cause, word_duration(cause.before_ns, was),
			word_duration(cause.after_ns, is));
	}
}

static void component(FILE *out, const struct component_snapshot *before,
		      const struct component_snapshot *after)
{
	char name[NAME_SIZE];

	fprintf(out, "\n%s: %" PRIu64 " calls, %" PRIu64 " before\n",
		text_escape(after->name, name, sizeof(name)), after->total.count, before->total.count);
	if (after->untimed || before->untimed)
		return;
	fprintf(out, "    %-6s %12s %12s %12s   %s\n", "", "BEFORE", "AFTER", "SHIFT", "95 % INTERVAL");
	for (size_t i = 0; i < compare_n; i++) {
		struct report_shift shift = compare_shift(before, after, compare_permille[i]);

		percentile(out, &shift);
	}
	grown(out, before, after);
}

/* Those that only one of the two has. */
static void alone(FILE *out, const struct report *of, const struct report *other, const char *where)
{
	char name[NAME_SIZE];

	for (size_t i = 0; i < of->snapshot->n_components; i++)
		if (!compare_partner(other, of->snapshot->components[i].name))
			fprintf(out, "\n%s: only in the recording %s\n",
				text_escape(of->snapshot->components[i].name, name, sizeof(name)), where);
}

int compare_text(const struct report *before, const struct report *after, const struct output_options *show)
{
	struct compose compose;
	char a[NAME_SIZE], b[NAME_SIZE];
	int err = compose_open(&compose);

	if (err)
		return err;
	fprintf(compose.file, "before: %s\nafter:  %s\n", text_escape(before->head.path, b, sizeof(b)),
		text_escape(after->head.path, a, sizeof(a)));
	for (size_t i = 0; i < after->snapshot->n_components; i++) {
		const struct component_snapshot *c = &after->snapshot->components[i];
		const struct component_snapshot *was = compare_partner(before, c->name);

		if (was)
			component(compose.file, was, c);
	}
	alone(compose.file, before, after, "before");
	alone(compose.file, after, before, "after");
	fputs("\nIntervals: order statistics of each recording, joined by MOVER; calls are taken for "
	      "independent.\n",
	      compose.file);
	return compose_write(&compose, show->stream);
}
