/* SPDX-License-Identifier: GPL-2.0-or-later */
/* One run of a tracing verb, from the options to the exit code. */
#ifndef LAPSE_SESSION_H
#define LAPSE_SESSION_H

#include "cli/options.h"
#include "config/config.h"

enum session_kind { SESSION_STAT, SESSION_TRACE, SESSION_WATCH, SESSION_RECORD };

struct session_setup {
	enum session_kind kind;
	const struct options *options;
	const struct config *config; /* watch, and record where it has one; else NULL */
	bool tcp;		     /* connections alone; the operands say which */
};

/* Parses, resolves, loads, attaches, follows until the end, detaches, reports. The exit code. */
int session_run(const struct session_setup *setup);

#endif
