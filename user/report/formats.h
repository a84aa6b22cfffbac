/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The forms that a report is shown in: one file and one row each. */
#ifndef LAPSE_REPORT_FORMATS_H
#define LAPSE_REPORT_FORMATS_H

#include "report/report.h"

struct report_format {
	const char *name; /* of its option */
	bool binary;	  /* nothing for a terminal */
	/* 0 or -errno, without a message. */
	int (*render)(struct report *report, const struct output_options *show);
};

extern const struct report_format report_formats[];
extern const size_t report_n_formats;

/* NULL: there is none of this name. */
const struct report_format *report_format_by_name(const char *name);

int report_text(struct report *report, const struct output_options *show);
int report_json(struct report *report, const struct output_options *show);
int report_html(struct report *report, const struct output_options *show);
int report_trace(struct report *report, const struct output_options *show);
int report_folded(struct report *report, const struct output_options *show);
int report_hlog(struct report *report, const struct output_options *show);
int report_csv(struct report *report, const struct output_options *show);

#endif
