/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the rows of options.c share with the files that have some of their functions. */
#ifndef LAPSE_OPTIONS_PARTS_H
#define LAPSE_OPTIONS_PARTS_H

#include "cli/options.h"

/* options_values.c: values of more than one option. 0, or -EINVAL after a message. */
int option_bad(const char *option, const char *value, const char *wanted);
/* A bare number counts seconds. At least @min. */
int option_seconds(const char *option, const char *value, uint64_t min, uint64_t *ns);
/* With a unit, but for 0. @remedy: what to write where it is too much. */
int option_duration(const char *option, const char *value, const char *remedy, uint64_t *ns);
int option_severity(const char *option, const char *value, enum severity *to);

/* options_capture.c: those of recordings. */
int option_set_capture(struct options *options, const char *value);
int option_set_contracts(struct options *options, const char *value);
int option_set_keep(struct options *options, const char *value);
int option_set_after(struct options *options, const char *value);
int option_set_max_time(struct options *options, const char *value);
int option_set_max_size(struct options *options, const char *value);
int option_set_keep_size(struct options *options, const char *value);
int option_set_max_incidents(struct options *options, const char *value);
int option_set_max_rate(struct options *options, const char *value);
int option_set_keep_on(struct options *options, const char *value);

#endif
