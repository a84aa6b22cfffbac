// SPDX-License-Identifier: GPL-2.0-or-later
/* From the options or the contract file to processes and a plan. Nothing is attached yet. */
#include "cli/session_parts.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/exit_code.h"
#include "base/units.h"
#include "cli/measures.h"
#include "cli/targets.h"
#include "cli/waits.h"
#include "kernel/kernel_types.h"
#include "kernel/selftest.h"

static int out_of_memory(void)
{
	diag_error("out of memory");
	return EXIT_NOT_ATTACHED;
}

/* ---- who -------------------------------------------------------------------------------------- */

static int start_command(struct session *session)
{
	int err = command_start(&session->command, session->options->command);

	if (err)
		return err == -ENOENT ? EXIT_USAGE : EXIT_NOT_ATTACHED;
	session->selection.pids = &session->command.pid;
	session->selection.n_pids = 1;
	return 0;
}

/* The process of -t, where no other target is named. */
static int take_thread(struct session *session)
{
	session->thread_pid = target_of_thread(session->options->tid);
	if (!session->thread_pid) {
		diag_error("no thread %d", session->options->tid);
		return EXIT_NOT_ATTACHED;
	}
	session->selection.pids = &session->thread_pid;
	session->selection.n_pids = 1;
	return 0;
}

/* -t beside -p: the thread has to be one of theirs. */
static int check_thread(const struct session *session)
{
	pid_t pid = session->options->tid ? target_of_thread(session->options->tid) : 0;

	for (size_t i = 0; i < session->selection.n_pids; i++)
		if (session->selection.pids[i] == pid)
			return 0;
	if (!session->options->tid || !session->selection.n_pids || target_is_open(&session->selection))
		return 0;
	diag_error("thread %d is in none of the processes", session->options->tid);
	return EXIT_NOT_ATTACHED;
}

static int check_follow(const struct session *session)
{
	if (session->options->target.follow && session->selection.n_parts) {
		diag_error(
			"--follow does not go with components that have targets of their own: name a unit or "
			"a control group, whose processes are followed by themselves");
		return EXIT_USAGE;
	}
	if (!session->selection.follow || session->selection.n_pids)
		return 0;
	diag_error("--follow goes with -p or a command after --: the other ways find processes by what they "
		   "run or where they are, whoever has started them");
	return EXIT_USAGE;
}

/* What the options say. */
static int choose_given(struct session *session)
{
	session->selection = session->options->target;
	if (target_check_ways(&session->selection))
		return EXIT_USAGE;
	if (!session->options->command)
		return 0;
	if (target_ways(&session->selection)) {
		diag_error("a command after -- is the target: no other one goes with it");
		return EXIT_USAGE;
	}
	return start_command(session);
}

/* ... and the contract file. */
static int choose_configured(struct session *session)
{
	int err = !session->config ? 0
				   : targets_take(session->config, session->n_specs, session->fed,
						  session->n_fed, &session->selection, &session->targets);

	return err == -EINVAL ? EXIT_USAGE : err ? EXIT_NOT_ATTACHED : 0;
}

static int choose_target(struct session *session)
{
	int code = choose_given(session) ?: choose_configured(session);

	if (code)
		return code;
	if (session->selection.n_parts || target_ways(&session->selection))
		return check_follow(session) ?: check_thread(session);
	if (session->options->tid)
		return take_thread(session);
	diag_error("which process? Give -p PID, --exe PATH, --comm NAME, --unit NAME, --cgroup PATH, "
		   "--container ID, or a command after --");
	return EXIT_USAGE;
}

static int find_processes(struct session *session)
{
	struct target_selection *selection = &session->selection;
	int err = target_settle(selection);

	if (!err)
		err = target_find(selection, &session->processes, &session->n_processes);
	if (err)
		return EXIT_NOT_ATTACHED;
	/* The file of --exe is there before any process that runs it. */
	if (!session->n_processes && target_is_open(selection) && !target_has_exe(selection))
		return await_process(session);
	return 0;
}

/* ---- what -------------------------------------------------------------------------------------- */

static int parse_specs(struct session *session, char *const *texts, size_t n)
{
	session->specs = calloc(n + 1, sizeof(*session->specs));
	if (!session->specs)
		return out_of_memory();
	for (size_t i = 0; i < n; i++) {
		int err = spec_parse(texts[i], &session->specs[i]);

		if (err)
			return err == -ENOMEM ? out_of_memory() : EXIT_USAGE;
		session->n_specs = i + 1;
	}
	return 0;
}

static int parse_measures(struct session *session)
{
	size_t n = session->config->n_components;
	int err;

	session->specs = calloc((1 + MEASURES_FEEDERS) * n + 1, sizeof(*session->specs));
	session->fed = calloc(MEASURES_FEEDERS * n + 1, sizeof(*session->fed));
	if (!session->specs || !session->fed)
		return out_of_memory();
	session->n_specs = n;
	err = measures_parse(session->config, session->specs);
	if (!err)
		err = measures_parse_feeders(session->config, session->specs + n, session->fed,
					     &session->n_fed);
	session->n_specs = n + session->n_fed;
	if (!err)
		err = measures_check_fed(session->config, session->specs, session->fed, session->n_fed);
	return err == -ENOMEM ? out_of_memory() : err ? EXIT_USAGE : 0;
}

/* Two probes of one name would be two components that nobody can tell apart. */
static int check_names(const struct session *session)
{
	bool globs = false;

	for (size_t i = 0; i < session->n_specs; i++) {
		globs |= session->specs[i].glob;
		for (size_t j = 0; j < i && session->specs[i].name; j++) {
			if (!session->specs[j].name || strcmp(session->specs[i].name, session->specs[j].name))
				continue;
			diag_error("two probes are named '%s'", session->specs[i].name);
			return EXIT_USAGE;
		}
	}
	if (session->options->merge && !globs)
		diag_warn("--merge joins what a glob matches, and there is none");
	return 0;
}

/* What is given up before it is slow would never be shown. */
static int check_timeouts(const struct session *session)
{
	uint64_t slower = session->options->slower_ns;
	char timeout[32], limit[32];

	for (size_t i = 0; i < session->n_specs && session->kind == SESSION_TRACE; i++) {
		const struct probe_spec *spec = &session->specs[i];

		if (spec->kind != SPEC_SPAN || spec->modifiers.timeout_ns > slower)
			continue;
		diag_error("'%s' is given up when it is open for more than %s, before it is slower than %s; "
			   "add a timeout= above that to the probe",
			   spec->text,
			   units_format_duration(spec->modifiers.timeout_ns, timeout, sizeof(timeout)),
			   units_format_duration(slower, limit, sizeof(limit)));
		return EXIT_USAGE;
	}
	return 0;
}

static int choose_probes(struct session *session)
{
	const struct options *options = session->options;

	if (session->config)
		return parse_measures(session);
	if (session->tcp)
		return connections_parse(session);
	if (!options->n_operands)
		return connections_add_loop(session);
	return parse_specs(session, options->operands, options->n_operands)
		       ?: check_names(session)
		       ?: check_timeouts(session);
}

static int choose_waits(struct session *session)
{
	const struct waits_beside beside = {&session->specs, &session->n_specs, &session->fed,
					    &session->n_fed};
	const struct options *options = session->options;
	int err;

	if (options->n_waits && !session->config && !options->n_operands) {
		diag_error("--wait needs a probe, whose spans it explains: name a function, or loop");
		return EXIT_USAGE;
	}
	if (options->n_waits && session->kind == SESSION_STAT && options->why != WHY_ON) {
		diag_error("--wait needs --why here: stat does not tell what calls wait for by itself");
		return EXIT_USAGE;
	}
	err = waits_add(options, session->config, &beside);
	return err == -ENOMEM ? out_of_memory() : err ? EXIT_USAGE : 0;
}

static int choose_specs(struct session *session)
{
	int code = choose_probes(session);

	return code || session->tcp ? code : choose_waits(session);
}

/* ---- where --------------------------------------------------------------------------------------- */

static bool filtered_by_seccomp(const struct session *session)
{
	for (size_t i = 0; i < session->n_processes; i++)
		if (selftest_has_seccomp(session->processes[i].pid))
			return true;
	return false;
}

static int make_plan(struct session *session)
{
	const struct options *options = session->options;
	int err;

	session->plan_options = (struct plan_options){
		.force_uretprobe = options->force_uretprobe,
		.yes = options->yes,
		.merge = options->merge,
		.whole = session->config,
		.fed = session->fed,
		.n_fed = session->n_fed,
		.targets = session->targets,
		.seccomp_kills = filtered_by_seccomp(session) && selftest_seccomp_kills(options->attach),
	};
	err = !session->n_specs
		      ? 0
		      : plan_make(session->specs, session->n_specs, &session->selection, session->processes,
				  session->n_processes, &session->plan_options, &session->plan);
	if (!err && connections_wanted(session))
		err = connections_plan(session);
	if (!err)
		waits_say(&session->plan);
	return err ? measures_exit_code(err) : 0;
}

int session_prepare(struct session *session)
{
	int code = choose_specs(session);

	if (!code)
		code = choose_target(session);
	if (code)
		return code;
	kernel_types_begin();
	return find_processes(session) ?: make_plan(session);
}
