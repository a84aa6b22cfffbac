// SPDX-License-Identifier: GPL-2.0-or-later
/* The story, what happened when, the slowest calls, whom they waited for, and the final report. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

#include "base/text.h"
#include "output/compose.h"
#include "output/words.h"
#include "report/formats.h"
#include "report/rows.h"

#define CALLS_SHOWN  15
#define ALERTS_SHOWN 20
#define PEERS_SHOWN  10
#define PLACES_SHOWN 5

static void line(FILE *out, const char *label, const char *text)
{
	char safe[NAME_SIZE];

	if (text)
		fprintf(out, "%-9s %s\n", label, text_escape(text, safe, sizeof(safe)));
}

static void head(FILE *out, const struct report *report)
{
	const struct report_head *head = &report->head;
	char from[WORD_SIZE], to[WORD_SIZE], length[WORD_SIZE], calls[WORD_SIZE];

	line(out, "recording", head->path);
	line(out, "command", head->command);
	line(out, "host", head->host);
	if (head->begin_ns)
		fprintf(out, "%-9s %s to %s (%s), %s one by one\n", "time",
			word_clock(report->snapshot, head->begin_ns, from),
			word_clock(report->snapshot, head->end_ns, to),
			word_duration((double)(head->end_ns - head->begin_ns), length),
			word_count(head->spans, "call", calls));
	fputc('\n', out);
	/* Names in them are safe already. */
	for (size_t i = 0; i < report->n_story; i++)
		fprintf(out, "%s\n", report->story[i]);
}

static int with_head(const struct report *report, const struct output_options *show)
{
	struct compose compose;
	int err = compose_open(&compose);

	if (err)
		return err;
	head(compose.file, report);
	return compose_write(&compose, show->stream);
}

static int heading(const struct output_options *show, const char *text)
{
	return fprintf(show->stream, "\n%s\n", text) < 0 ? -EIO : 0;
}

static int alerts(const struct report *report, const struct output_options *show)
{
	size_t shown = report->n_alerts < ALERTS_SHOWN ? report->n_alerts : ALERTS_SHOWN;
	int err = shown ? heading(show, "announced:") : 0;

	for (size_t i = 0; i < shown && !err; i++)
		err = output_text.alert(show, report->snapshot, &report->alerts[i]);
	if (shown < report->n_alerts && !err)
		fprintf(show->stream, "and %zu more\n", report->n_alerts - shown);
	return err;
}

static int slowest(const struct report *report, const struct output_options *show)
{
	struct output_options spans = *show;
	int err = report->slowest.n_sorted ? heading(show, "slowest calls:") : 0;

	spans.why = true;
	if (spans.unit == UNIT_AUTO)
		spans.unit = UNIT_MS;
	if (report->slowest.n_sorted && !err && output_text.begin)
		err = output_text.begin(&spans, report->snapshot);
	for (size_t i = 0; i < report->slowest.n_sorted && i < CALLS_SHOWN && !err; i++) {
		const struct slow_span *slow = report->slowest.sorted[i];

		err = output_text.span(&spans, report->snapshot, &slow->span.span,
				       slow->stack.n ? &slow->stack : NULL);
	}
	return err;
}

static void one_peer(FILE *out, const struct report *report, const struct peer_row *row)
{
	struct report_peer peer = report_peer_row(report, row);
	char name[NAME_SIZE], all[WORD_SIZE], most[WORD_SIZE];

	fprintf(out, "%-8s %-40s %8" PRIu64 " %10s %10s  %s\n", peer.what, peer.peer, peer.count,
		word_duration((double)peer.ns, all), word_duration((double)peer.max_ns, most),
		text_escape(peer.component, name, sizeof(name)));
}

static int peers(const struct report *report, const struct output_options *show)
{
	struct compose compose;
	int err = report->peers.n ? compose_open(&compose) : 0;

	if (err || !report->peers.n)
		return err;
	fprintf(compose.file, "\nremote ends:\n%-8s %-40s %8s %10s %10s  %s\n", "", "PEER", "COUNT", "TIME",
		"LONGEST", "COMPONENT");
	for (size_t i = 0; i < report->peers.n && i < PEERS_SHOWN; i++)
		one_peer(compose.file, report, &report->peers.rows[i]);
	return compose_write(&compose, show->stream);
}

static void one_place(FILE *out, const struct report *report, const struct offcpu_row *row)
{
	struct report_frames frames;
	char name[NAME_SIZE], where[NAME_SIZE], all[WORD_SIZE];

	if (report_frames(row->stack, &frames))
		return;
	fprintf(out, "%10s  %-8s %8" PRIu64 "  %s:", word_duration((double)row->ns, all),
		cause_names[row->cause], row->count,
		text_escape(report_component(report, row->component), name, sizeof(name)));
	for (size_t i = 0; i < frames.n && i < 6; i++)
		fprintf(out, "%s %s", i ? " <-" : "", text_escape(frames.at[i], where, sizeof(where)));
	fputs(frames.n > 6 ? " <- ...\n" : "\n", out);
	report_frames_free(&frames);
}

static int places(const struct report *report, const struct output_options *show)
{
	struct compose compose;
	size_t shown = 0;
	int err = compose_open(&compose);

	if (err)
		return err;
	for (size_t i = 0; i < report->offcpu.n && shown < PLACES_SHOWN; i++) {
		if (!report->offcpu.rows[i].stack)
			continue;
		if (!shown++)
			fprintf(compose.file, "\nwhere they waited longest:\n%10s  %-8s %8s  %s\n", "TIME",
				"CAUSE", "COUNT", "WHERE");
		one_place(compose.file, report, &report->offcpu.rows[i]);
	}
	return compose_write(&compose, show->stream);
}

int report_text(struct report *report, const struct output_options *show)
{
	int err = with_head(report, show);

	err = err ?: alerts(report, show);
	err = err ?: slowest(report, show);
	err = err ?: places(report, show);
	err = err ?: peers(report, show);
	return err ?: output_text.final(show, report->snapshot);
}
