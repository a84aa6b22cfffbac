// SPDX-License-Identifier: GPL-2.0-or-later
#include "report/formats.h"

#include <string.h>

const struct report_format report_formats[] = {
	{"text", false, report_text},  {"json", false, report_json},	 {"html", false, report_html},
	{"trace", true, report_trace}, {"folded", false, report_folded}, {"hlog", false, report_hlog},
	{"csv", false, report_csv},
};
const size_t report_n_formats = sizeof(report_formats) / sizeof(*report_formats);

const struct report_format *report_format_by_name(const char *name)
{
	for (size_t i = 0; i < report_n_formats; i++)
		if (!strcmp(report_formats[i].name, name))
			return &report_formats[i];
	return NULL;
}
