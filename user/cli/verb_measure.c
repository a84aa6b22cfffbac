// SPDX-License-Identifier: GPL-2.0-or-later
#include "cli/verbs.h"

#include "base/exit_code.h"
#include "cli/session.h"

static int run(const struct verb_usage *usage, enum session_kind kind, int argc, char **argv)
{
	struct options options;
	struct session_setup setup = {.kind = kind, .options = &options};
	int code = EXIT_USAGE;

	if (!options_parse(usage, argc, argv, &options))
		code = session_run(&setup);
	options_free(&options);
	return code;
}

int verb_stat(int argc, char **argv)
{
	static const struct verb_usage usage = {
		VERB_STAT,
		"lapse stat",
		"PROBE...\n-- COMMAND [ARG...]",
		"Counts and times calls: a row each interval, a histogram and the losses at the end.",
	};

	return run(&usage, SESSION_STAT, argc, argv);
}

int verb_trace(int argc, char **argv)
{
	static const struct verb_usage usage = {
		VERB_TRACE,
		"lapse trace",
		"PROBE...\n-- COMMAND [ARG...]",
		"A line for each call that took longer than --slower, as soon as it returns, and for one "
		"that has not returned yet.",
	};

	return run(&usage, SESSION_TRACE, argc, argv);
}

int verb_tcp(int argc, char **argv)
{
	static const struct verb_usage usage = {
		VERB_TCP,
		"lapse tcp",
		"[peer=HOST[:PORT]] [port=PORT]\n-- COMMAND [ARG...]",
		"How long connections take to open, peers to answer, the process to serve and to accept: a "
		"row for "
		"each port and peer each interval, or with --slower a line for each slow one.",
	};
	struct options options;
	struct session_setup setup = {.kind = SESSION_STAT, .options = &options, .tcp = true};
	int code = EXIT_USAGE;

	if (!options_parse(&usage, argc, argv, &options)) {
		if (options.slower_given)
			setup.kind = SESSION_TRACE;
		code = session_run(&setup);
	}
	options_free(&options);
	return code;
}
