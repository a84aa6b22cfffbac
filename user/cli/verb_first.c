// SPDX-License-Identifier: GPL-2.0-or-later
/* No verb: the first minute. Where the time of a process goes, and what to probe next. */
#include "cli/verbs.h"

#include <dirent.h>
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/diag.h"
#include "base/exit_code.h"
#include "cli/first_json.h"
#include "cli/options.h"
#include "first/report.h"
#include "first/sampler.h"
#include "kernel/usage.h"
#include "probe/halted.h"

#define DEFAULT_NS (10 * NSEC_PER_SEC)
/* How often processes are looked for that have come since. */
#define JOIN_NS	   (NSEC_PER_SEC / 4)

struct first_run {
	struct options *options;
	struct process *processes;
	size_t n_processes;
	pid_t *pids;
	size_t n_pids;
	int signals;
	struct first_tracer *tracer;
	struct sampler *sampler;
	struct usage *usage;
	struct first_look look;
	struct report report;
	bool declined; /* a signal was, and that was said */
	char subject[64];
};

/* ---- who -------------------------------------------------------------------------------------------- */

/* Those that are meant, with --follow their descendants too. */
static int collect_pids(struct first_run *run)
{
	const struct options *options = run->options;

	if (options->target.n_pids)
		return target_pids(&options->target, &run->pids, &run->n_pids);
	run->pids = calloc(run->n_processes + 1, sizeof(*run->pids));
	if (!run->pids)
		return -ENOMEM;
	for (size_t i = 0; i < run->n_processes; i++)
		run->pids[run->n_pids++] = run->processes[i].pid;
	return 0;
}

static int find(struct first_run *run)
{
	struct target_selection *target = &run->options->target;

	if (run->options->n_operands || run->options->command) {
		diag_error("name a verb for that: lapse stat -p PID FUNCTION (lapse --help shows the verbs); "
			   "without one a process is looked at as a whole");
		return EXIT_USAGE;
	}
	if (!target_ways(target)) {
		diag_error("which process? lapse -p PID (lapse --help shows what else there is)");
		return EXIT_USAGE;
	}
	if (target_check_ways(target))
		return EXIT_USAGE;
	if (target_settle(target) || target_find(target, &run->processes, &run->n_processes))
		return EXIT_NOT_ATTACHED;
	if (!run->n_processes) {
		target_say_none(target);
		return EXIT_NOT_ATTACHED;
	}
	if (collect_pids(run)) {
		diag_error("cannot list the processes");
		return EXIT_NOT_ATTACHED;
	}
	snprintf(run->subject, sizeof(run->subject),
		 run->n_pids > 1 ? "%s (PID %d and %zu more)" : "%s (PID %d)", run->processes[0].comm,
		 run->pids[0], run->n_pids - 1);
	return 0;
}

/* ---- the look --------------------------------------------------------------------------------------- */

static size_t threads_of(pid_t pid)
{
	struct dirent *entry;
	char path[64];
	size_t n = 0;
	DIR *threads;

	snprintf(path, sizeof(path), "/proc/%d/task", pid);
	threads = opendir(path);
	while (threads && (entry = readdir(threads)))
		n += *entry->d_name != '.';
	if (threads)
		closedir(threads);
	return n;
}

static size_t count_threads(const struct first_run *run)
{
	size_t n = 0;

	for (size_t i = 0; i < run->n_pids; i++)
		n += threads_of(run->pids[i]);
	return n;
}

static int hold_signals(void)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGHUP);
	sigaddset(&set, SIGUSR1);
	sigaddset(&set, SIGUSR2);
	sigprocmask(SIG_BLOCK, &set, NULL);
	return signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
}

static int start(struct first_run *run)
{
	const struct target_selection *target = &run->options->target;
	const struct first_tracer_options options = {
		.pids = run->pids,
		.n_pids = run->n_pids,
		.n_threads = count_threads(run),
		.follow = target->follow || target_is_open(target),
	};

	run->signals = hold_signals();
	if (run->signals < 0) {
		diag_error("cannot take signals: %s", strerror(errno));
		return EXIT_NOT_ATTACHED;
	}
	if (first_tracer_open(&options, &run->tracer))
		return EXIT_NOT_ATTACHED;
	run->sampler = sampler_new(run->tracer, &run->look);
	if (!run->sampler) {
		diag_error("out of memory");
		return EXIT_NOT_ATTACHED;
	}
	for (size_t i = 0; i < run->n_pids; i++)
		sampler_prime(run->sampler, run->pids[i]);
	return 0;
}

static bool anyone_runs(const struct first_run *run)
{
	for (size_t i = 0; i < run->n_pids; i++)
		if (target_runs(run->pids[i]))
			return true;
	return target_is_open(&run->options->target);
}

static bool is_known(const struct first_run *run, pid_t pid)
{
	for (size_t i = 0; i < run->n_pids; i++)
		if (run->pids[i] == pid)
			return true;
	return false;
}

static int join(struct first_run *run, pid_t pid)
{
	pid_t *pids = reallocarray(run->pids, run->n_pids + 1, sizeof(*pids));

	if (!pids)
		return -ENOMEM;
	run->pids = pids;
	pids[run->n_pids++] = pid;
	sampler_prime(run->sampler, pid);
	return first_tracer_join(run->tracer, pid);
}

/* Processes that have come to be meant since the last time: a service that was restarted, say. */
static int join_new(struct first_run *run)
{
	pid_t *pids;
	size_t n;
	int err = target_pids(&run->options->target, &pids, &n);

	for (size_t i = 0; i < n && !err; i++)
		if (!is_known(run, pids[i]))
			err = join(run, pids[i]);
	free(pids);
	return err;
}

/* What was seen is judged once, at the end: until then there is nothing to show, and never anything to
 * trigger. */
static void decline(struct first_run *run, int number)
{
	if (!run->declined)
		diag_note("SIG%s is not for a first look: its report comes at the end, or after Ctrl-C",
			  sigabbrev_np(number));
	run->declined = true;
}

/* Waits for the next look; whether a signal ends them. */
static bool is_enough(struct first_run *run)
{
	struct pollfd signals = {.fd = run->signals, .events = POLLIN};
	struct signalfd_siginfo info;

	if (poll(&signals, 1, SAMPLER_PERIOD_NS / NSEC_PER_MSEC) <= 0 ||
	    read(run->signals, &info, sizeof(info)) != sizeof(info))
		return false;
	if (info.ssi_signo != SIGUSR1 && info.ssi_signo != SIGUSR2)
		return true;
	decline(run, (int)info.ssi_signo);
	return false;
}

/* Looks until the time is up, the person has seen enough, or nobody is left. */
static int look(struct first_run *run)
{
	uint64_t begin = clock_now_ns(), length = run->options->duration_ns ?: DEFAULT_NS, now = begin;
	uint64_t joined = begin;
	int err = 0;

	run->usage = usage_new();
	if (!run->usage)
		return -ENOMEM;
	diag_note("looking for %g s at %s; Ctrl-C ends it early", (double)length / NSEC_PER_SEC,
		  run->subject);
	while (!err && now - begin < length && anyone_runs(run) && !is_enough(run)) {
		now = clock_now_ns();
		if (target_is_open(&run->options->target) && now - joined >= JOIN_NS) {
			err = join_new(run);
			joined = now;
		}
		err = err ?: sampler_look(run->sampler, now);
	}
	now = first_tracer_stop(run->tracer);
	run->look.duration_ns = now - begin;
	usage_processors(run->usage, &run->look.processor_ticks, &run->look.stolen_ticks);
	return err ?: sampler_finish(run->sampler) ?: look_judge(&run->look, now);
}

static int tell(struct first_run *run)
{
	char why[HALTED_WHY], halt[HALTED_WHY + 32];
	struct report *report = &run->report;
	pid_t pid = halted_any(run->pids, run->n_pids, why);
	int err;

	snprintf(halt, sizeof(halt), "process %d %s", pid, why);
	report->halted = pid ? halt : NULL;
	report->look = &run->look;
	report->subject = run->subject;
	report_commands(report);
	report_blind_spots(report, run->pids, run->n_pids);
	err = run->options->json ? first_json(report) : report_print(report, stdout);
	return err && err != -EPIPE ? EXIT_USAGE : EXIT_HELD;
}

static int first(struct first_run *run)
{
	int code = find(run);

	if (!code)
		code = start(run);
	if (code)
		return code;
	if (look(run)) {
		diag_error("out of memory");
		return EXIT_NOT_ATTACHED;
	}
	if (!run->look.n_threads) {
		diag_error("no thread of %s was seen: it has ended", run->subject);
		return EXIT_NOT_ATTACHED;
	}
	return tell(run);
}

int verb_first(int argc, char **argv)
{
	static const struct verb_usage usage = {
		VERB_FIRST,
		"lapse",
		"",
		"Looks at a process for ten seconds, without a probe: where its threads' time goes, who "
		"ended their waits, and which functions, peers and loops are worth probing next.",
	};
	struct options options;
	struct first_run *run = calloc(1, sizeof(*run));
	int code = EXIT_USAGE;

	if (!run) {
		diag_error("out of memory");
		return EXIT_NOT_ATTACHED;
	}
	if (!options_parse(&usage, argc, argv, &options)) {
		run->options = &options;
		run->signals = -1;
		code = first(run);
		sampler_free(run->sampler);
		first_tracer_free(run->tracer);
		usage_free(run->usage);
		look_free(&run->look);
		target_free(run->processes, run->n_processes);
		free(run->pids);
		if (run->signals >= 0)
			close(run->signals);
		options_free(&options);
	}
	free(run);
	return code;
}
