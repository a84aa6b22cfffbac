// SPDX-License-Identifier: GPL-2.0-or-later
#include "cli/verbs.h"

#include <errno.h>
#include <stdlib.h>

#include "base/diag.h"
#include "base/exit_code.h"
#include "base/text.h"
#include "cli/measures.h"
#include "cli/options.h"
#include "cli/targets.h"
#include "cli/waits.h"
#include "config/config.h"
#include "handler/handler.h"
#include "probe/plan.h"
#include "probe/syscalls.h"

/* Processes of a target that are named. */
#define PROCESSES_SHOWN 8

/* What tells of a component's spans, or of a wait. */
static const char *means_of(const struct plan *plan, size_t component)
{
	if (plan_awaits(plan, component))
		return "what is still to be loaded";
	if (plan->components[component].marker)
		return "markers of its own";
	if (plan_edges(plan, component) && !plan->components[component].wait)
		return "probes at its places";
	for (size_t i = 0; i < plan->n_syscalls; i++)
		if (plan->syscalls[i].component == component)
			return "tracepoints";
	for (size_t i = 0; i < plan->n_tcps; i++)
		if (plan->tcps[i].rule.component == component)
			return "the kernel's TCP";
	return plan->components[component].retins ? "return instructions" : "a return probe";
}

static void explain_plan(const struct plan *plan)
{
	puts("\nIn the process:");
	for (size_t i = 0; i < plan->n_components; i++) {
		const struct plan_component *component = &plan->components[i];

		printf("  %s: %s%s%s, by %s%s%s\n", component->name, component->function,
		       *component->object ? " in " : "", component->object, means_of(plan, i),
		       component->why ? ": " : "", component->why ?: "");
	}
}

/* The probes of a file, those of its components first. */
struct measures {
	struct probe_spec *specs;
	size_t n_specs;
	struct plan_fed *fed; /* of those behind them: what each feeds */
	size_t n_fed;
};

/* "Now: 4711 (web), 4712 (web)." */
static void print_processes(const struct target_selection *selection, size_t number,
			    const struct process *processes, size_t n)
{
	const struct target_selection *parts;
	char who[TARGET_WORDS], comm[64];
	size_t shown = 0;

	target_parts(selection, &parts);
	printf("\nMeant is %s%s; now", target_is_open(&parts[number]) ? "every " : "any ",
	       target_describe(&parts[number], who, sizeof(who)));
	for (size_t i = 0; i < n; i++) {
		if (!(processes[i].targets & 1ULL << number))
			continue;
		if (shown++ < PROCESSES_SHOWN)
			printf("%s %d (%s)", shown > 1 ? "," : "", processes[i].pid,
			       text_escape(processes[i].comm, comm, sizeof(comm)));
	}
	if (shown > PROCESSES_SHOWN)
		printf(" and %zu more", shown - PROCESSES_SHOWN);
	puts(shown ? "." : " there is none.");
}

static int check_processes(const struct target_selection *selection, const struct plan_options *options,
			   const struct measures *measures, const struct process *processes, size_t n)
{
	const struct target_selection *parts;
	size_t n_parts = target_parts(selection, &parts);
	struct plan plan;
	int err;

	for (size_t i = 0; i < n_parts; i++)
		print_processes(selection, i, processes, n);
	if (!n && !target_has_exe(selection)) {
		diag_note("no process is there that the probes could be looked up in");
		return EXIT_HELD;
	}
	err = plan_make(measures->specs, measures->n_specs, selection, processes, n, options, &plan);
	if (err)
		return measures_exit_code(err);
	explain_plan(&plan);
	waits_say(&plan);
	plan_free(&plan);
	return EXIT_HELD;
}

static int check_selection(struct target_selection *selection, const struct plan_options *options,
			   const struct measures *measures)
{
	struct process *processes;
	size_t n;
	int code;

	if (!selection->n_parts && !target_ways(selection))
		return EXIT_HELD;
	if (target_settle(selection) || target_find(selection, &processes, &n))
		return EXIT_NOT_ATTACHED;
	code = check_processes(selection, options, measures, processes, n);
	target_free(processes, n);
	return code;
}

static int check_target(const struct options *options, const struct config *config,
			const struct measures *measures)
{
	struct target_selection selection = options->target;
	uint64_t *targets;
	int code = target_check_ways(&selection) ? EXIT_USAGE : 0;
	int err = code ? 0
		       : targets_take(config, measures->n_specs, measures->fed, measures->n_fed, &selection,
				      &targets);
	struct plan_options plan_options = {
		.force_uretprobe = options->force_uretprobe,
		.whole = true,
		.fed = measures->fed,
		.n_fed = measures->n_fed,
	};

	if (code)
		return code;
	if (err)
		code = err == -EINVAL ? EXIT_USAGE : EXIT_NOT_ATTACHED;
	plan_options.targets = targets;
	if (!code)
		code = check_selection(&selection, &plan_options, measures);
	targets_free(&selection);
	free(targets);
	return code;
}

static int parse(const struct options *options, const struct config *config, struct measures *measures)
{
	const struct waits_beside beside = {&measures->specs, &measures->n_specs, &measures->fed,
					    &measures->n_fed};
	struct probe_spec *feeders = measures->specs + config->n_components;
	int err = measures_parse(config, measures->specs);

	measures->n_specs = config->n_components;
	if (!err)
		err = measures_parse_feeders(config, feeders, measures->fed, &measures->n_fed);
	measures->n_specs += measures->n_fed;
	if (!err)
		err = syscalls_check(measures->specs, measures->n_specs);
	if (!err)
		err = measures_check_fed(config, measures->specs, measures->fed, measures->n_fed);
	return err ?: waits_add(options, config, &beside);
}

static int check_config(const struct options *options, const struct config *config)
{
	size_t n_feeders = MEASURES_FEEDERS * config->n_components, room = config->n_components + n_feeders;
	struct measures measures = {
		.specs = calloc(room + 1, sizeof(*measures.specs)),
		.fed = calloc(n_feeders + 1, sizeof(*measures.fed)),
	};
	int code = EXIT_USAGE;

	if (measures.specs && measures.fed && !parse(options, config, &measures)) {
		config_explain(config, stdout);
		handlers_check(config);
		code = check_target(options, config, &measures);
	}
	for (size_t i = 0; i < measures.n_specs; i++)
		spec_free(&measures.specs[i]);
	free(measures.specs);
	free(measures.fed);
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
