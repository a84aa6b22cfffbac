// SPDX-License-Identifier: GPL-2.0-or-later
#include "cli/verbs.h"

#include "base/diag.h"
#include "base/exit_code.h"
#include "cli/session.h"

static int run(const struct options *options, const struct config *config)
{
	const struct session_setup setup = {.kind = SESSION_RECORD, .options = options, .config = config};

	return session_run(&setup);
}

static int record(struct options *options)
{
	struct config config;
	int code;

	if (!options->capture_path) {
		diag_error("where to? lapse record -p PID [PROBE...] -o FILE");
		return EXIT_USAGE;
	}
	if (options->of_keep && !options->keep_ns) {
		/* It would be a recording of everything where a flight recorder was meant. */
		diag_error("--%s means something with --keep TIME alone, which is not given",
			   options->of_keep);
		return EXIT_USAGE;
	}
	if (!options->contracts_path)
		return run(options, NULL);
	if (options->n_operands) {
		diag_error("give probes or -c CONTRACTS.yaml: what is measured stands in the contracts");
		return EXIT_USAGE;
	}
	if (config_read(options->contracts_path, &config))
		return EXIT_USAGE;
	code = run(options, &config);
	config_free(&config);
	return code;
}

int verb_record(int argc, char **argv)
{
	static const struct verb_usage usage = {
		VERB_RECORD,
		"lapse record",
		"[PROBE...]\n-- COMMAND [ARG...]",
		"Keeps everything that is seen in a file: each call, the figures of each second, what calls "
		"waited for, violations and alerts. sqlite3 can ask it, lapse replay judges it again. With "
		"--keep only the last stretch of time is kept, in memory, and written when something "
		"happens.",
	};
	struct options options;
	int code = EXIT_USAGE;

	if (!options_parse(&usage, argc, argv, &options))
		code = record(&options);
	options_free(&options);
	return code;
}
