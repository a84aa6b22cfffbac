// SPDX-License-Identifier: GPL-2.0-or-later
/* An object a line: the recording, what came of it in order, what was gathered, the final object. */
#include "report/formats.h"
#include "report/rows.h"

static int row(const struct report *report, const struct output_options *show, enum report_row kind,
	       const void *of)
{
	return output_report_row(show, report->snapshot, kind, of, report->head.end_ns);
}

static int announced(const struct report *report, const struct output_options *show)
{
	int err = 0;

	for (size_t i = 0; i < report->n_violations && !err; i++) {
		struct violation violation = report_violation(&report->violations[i]);

		err = output_json.violation(show, report->snapshot, &violation);
	}
	for (size_t i = 0; i < report->n_alerts && !err; i++)
		err = output_json.alert(show, report->snapshot, &report->alerts[i]);
	return err;
}

static int slices(const struct report *report, const struct output_options *show)
{
	struct report_slice slice;
	int err = 0;

	for (uint32_t i = 0; i < report->snapshot->n_components; i++)
		for (size_t column = 0; column < report->heat.n && !err; column++)
			if (report_slice(report, i, column, &slice))
				err = output_report_row(show, report->snapshot, REPORT_SLICE, &slice,
							slice.begin_ns);
	return err;
}

static int waits(const struct report *report, const struct output_options *show)
{
	int err = 0;

	for (size_t i = 0; i < report->offcpu.n && !err; i++) {
		const struct offcpu_row *of = &report->offcpu.rows[i];
		struct report_frames frames;
		struct report_wait wait;

		err = report_frames(of->stack, &frames);
		if (err)
			break;
		wait = report_wait_row(report, of, &frames);
		err = row(report, show, REPORT_WAIT, &wait);
		report_frames_free(&frames);
	}
	return err;
}

static int peers(const struct report *report, const struct output_options *show)
{
	int err = 0;

	for (size_t i = 0; i < report->peers.n && !err; i++) {
		struct report_peer peer = report_peer_row(report, &report->peers.rows[i]);

		err = row(report, show, REPORT_PEER, &peer);
	}
	return err;
}

int report_json(struct report *report, const struct output_options *show)
{
	int err = row(report, show, REPORT_HEAD, &report->head);

	err = err ?: announced(report, show);
	err = err ?: slices(report, show);
	for (size_t i = 0; i < report->slowest.n_sorted && !err; i++) {
		const struct slow_span *slow = report->slowest.sorted[i];

		err = output_json.span(show, report->snapshot, &slow->span.span,
				       slow->stack.n ? &slow->stack : NULL);
	}
	err = err ?: waits(report, show);
	err = err ?: peers(report, show);
	return err ?: output_json.final(show, report->snapshot);
}
