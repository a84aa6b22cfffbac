// SPDX-License-Identifier: GPL-2.0-or-later
#include "cli/verbs.h"

#include "base/diag.h"
#include "base/exit_code.h"
#include "cli/session.h"

static int watch(struct options *options)
{
	struct config config;
	struct session_setup setup = {.kind = SESSION_WATCH, .options = options, .config = &config};
	int code;

	if (options->n_operands != 1) {
		diag_error("name one contract file: lapse watch CONTRACTS.yaml -p PID");
		return EXIT_USAGE;
	}
	if (config_read(options->operands[0], &config))
		return EXIT_USAGE;
	code = session_run(&setup);
	config_free(&config);
	return code;
}

int verb_watch(int argc, char **argv)
{
	static const struct verb_usage usage = {
		VERB_WATCH,
		"lapse watch",
		"CONTRACTS.yaml\nCONTRACTS.yaml -- COMMAND [ARG...]",
		"Enforces contracts: says each violation and alert, tells the handlers; the exit code is the "
		"verdict (0 held, 1 violated, 3 unknown). With -i, a table each interval too.",
	};
	struct options options;
	int code = EXIT_USAGE;

	if (!options_parse(&usage, argc, argv, &options))
		code = watch(&options);
	options_free(&options);
	return code;
}
