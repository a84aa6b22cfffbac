// SPDX-License-Identifier: GPL-2.0-or-later
#include "cli/verbs.h"

#include <stdlib.h>

#include "base/diag.h"
#include "base/exit_code.h"
#include "cli/measures.h"
#include "cli/options.h"
#include "config/config.h"
#include "probe/plan.h"

static void explain_plan(const struct plan *plan)
{
	puts("\nIn the process:");
	for (size_t i = 0; i < plan->n_components; i++) {
		const struct plan_component *component = &plan->components[i];

		printf("  %s: %s in %s, by %s%s%s\n", component->name, component->function, component->object,
		       component->retins ? "return instructions" : "a return probe",
		       component->why ? ": " : "", component->why ?: "");
	}
}

static int check_target(const struct options *options, const struct config *config,
			const struct probe_spec *specs)
{
	struct target_selection selection = options->target;
	const struct plan_options plan_options = {.force_uretprobe = options->force_uretprobe};
	struct process *processes;
	struct plan plan;
	size_t n;
	int err;

	if (!selection.n_pids && !selection.exe && !selection.comm) {
		selection.pids = config->target.pids;
		selection.n_pids = config->target.n_pids;
		selection.exe = config->target.exe;
		selection.comm = config->target.comm;
	}
	if (!selection.n_pids && !selection.exe && !selection.comm)
		return EXIT_HELD;
	if (target_find(&selection, &processes, &n))
		return EXIT_NOT_ATTACHED;
	if (!n && !selection.exe) {
		diag_note("no process is called '%s' now: its probes were not looked up", selection.comm);
		target_free(processes, n);
		return EXIT_HELD;
	}
	err = plan_make(specs, config->n_components, &selection, processes, n, &plan_options, &plan);
	if (!err) {
		explain_plan(&plan);
		plan_free(&plan);
	}
	target_free(processes, n);
	return err ? EXIT_NOT_ATTACHED : EXIT_HELD;
}

static int check_config(const struct options *options, const struct config *config)
{
	struct probe_spec *specs = calloc(config->n_components + 1, sizeof(*specs));
	int code = EXIT_USAGE;

	if (specs && !measures_parse(config, specs)) {
		config_explain(config, stdout);
		code = check_target(options, config, specs);
	}
	for (size_t i = 0; specs && i < config->n_components; i++)
		spec_free(&specs[i]);
	free(specs);
	return code;
}

static int check(const struct options *options)
{
	struct config config;
	int code;

	if (options->n_operands != 1) {
		diag_error("name one contract file: lapse check CONTRACTS.yaml [-p PID]");
		return EXIT_USAGE;
	}
	if (config_read(options->operands[0], &config))
		return EXIT_USAGE;
	code = check_config(options, &config);
	config_free(&config);
	return code;
}

int verb_check(int argc, char **argv)
{
	static const struct verb_usage usage = {
		VERB_CHECK,
		"lapse check",
		"CONTRACTS.yaml",
		"Checks a contract file and says in words what it promises; with a target, also where its "
		"probes "
		"would stand. Attaches nothing.",
	};
	struct options options;
	int code = EXIT_USAGE;

	if (!options_parse(&usage, argc, argv, &options))
		code = check(&options);
	options_free(&options);
	return code;
}
