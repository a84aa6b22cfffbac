// SPDX-License-Identifier: GPL-2.0-or-later
#include "report/compare.h"

#include "bpf/event.h"
#include "monitor/snapshot.h"

static int write(const struct report *report, const struct output_options *show, enum report_row kind,
		 const void *row)
{
	return output_report_row(show, report->snapshot, kind, row, report->head.end_ns);
}

static int component(const struct component_snapshot *before, const struct component_snapshot *c,
		     const struct report *after, const struct output_options *show)
{
	struct report_cause_shift cause;
	int err = 0;

	for (size_t i = 0; i < compare_n && !err; i++) {
		struct report_shift shift = compare_shift(before, c, compare_permille[i]);

		err = write(after, show, REPORT_SHIFT, &shift);
	}
	for (size_t band = 0; band < CAUSE_BANDS; band++)
		for (size_t i = 0; i <= LAPSE_CAUSES && !err; i++)
			if (compare_cause(before, c, band, i, &cause))
				err = write(after, show, REPORT_CAUSE_SHIFT, &cause);
	return err;
}

int compare_json(const struct report *before, const struct report *after, const struct output_options *show)
{
	int err = output_report_row(show, before->snapshot, REPORT_HEAD, &before->head, before->head.end_ns);

	err = err ?: write(after, show, REPORT_HEAD, &after->head);
	for (size_t i = 0; i < after->snapshot->n_components && !err; i++) {
		const struct component_snapshot *c = &after->snapshot->components[i];
		const struct component_snapshot *was = compare_partner(before, c->name);

		if (was)
			err = component(was, c, after, show);
	}
	return err;
}
