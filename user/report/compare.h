/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Two recordings side by side: components of the same name, their percentiles and causes. */
#ifndef LAPSE_REPORT_COMPARE_H
#define LAPSE_REPORT_COMPARE_H

#include "report/report.h"

/* Percentiles that are compared, in thousandths. */
extern const unsigned compare_permille[];
extern const size_t compare_n;

/* @before's component of this name, or NULL. */
const struct component_snapshot *compare_partner(const struct report *before, const char *name);

struct report_shift compare_shift(const struct component_snapshot *before,
				  const struct component_snapshot *after, unsigned permille);

/* Of cause @i (LAPSE_CAUSES: the processor) in band @band of both; false: it is not known of both. */
bool compare_cause(const struct component_snapshot *before, const struct component_snapshot *after,
		   size_t band, size_t i, struct report_cause_shift *shift);

/* The one that grew most in band @band; false: none did, or it is not known. */
bool compare_grown(const struct component_snapshot *before, const struct component_snapshot *after,
		   size_t band, struct report_cause_shift *shift);

/* 0 or -errno. */
int compare_text(const struct report *before, const struct report *after, const struct output_options *show);
int compare_json(const struct report *before, const struct report *after, const struct output_options *show);

#endif
