// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The target's life: processes of -p that end, processes of --exe and --comm that begin, programs that
 * are replaced by exec.
 */
#include "cli/session_parts.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/exit_code.h"
#include "cli/loop_tags.h"

struct gone {
	pid_t pid;
	int pidfd;
	bool ended;
	bool has_status;
	int status; /* as wait(2) gives it */
};

static int watch_pid(struct session *session, size_t i)
{
	struct gone *gone = &session->gone[i];
	struct epoll_event event = {.events = EPOLLIN, .data.u64 = LOOP_PIDFD + i};

	gone->pid = session->selection.pids[i];
	gone->pidfd = syscall(SYS_pidfd_open, gone->pid, 0);
	if (gone->pidfd < 0)
		return -errno;
	return epoll_ctl(session->epoll, EPOLL_CTL_ADD, gone->pidfd, &event) ? -errno : 0;
}

int processes_watch(struct session *session)
{
	session->epoll = epoll_create1(EPOLL_CLOEXEC);
	session->gone = calloc(session->selection.n_pids + 1, sizeof(*session->gone));
	if (session->epoll < 0 || !session->gone)
		return EXIT_NOT_ATTACHED;
	for (size_t i = 0; i < session->selection.n_pids; i++) {
		int err = watch_pid(session, i);

		session->n_alive = i + 1;
		if (err) {
			diag_error("process %d has gone before tracing began", session->selection.pids[i]);
			return EXIT_NOT_ATTACHED;
		}
	}
	return 0;
}

static void end_with(struct session *session, const struct gone *gone)
{
	const char *others = session->selection.follow ? ", and so have all that it started" : "";

	if (!gone->has_status)
		session_end(session, "process %d has ended%s", gone->pid, others);
	else if (WIFSIGNALED(gone->status))
		session_end(session, "process %d was killed by signal %d (%s)%s", gone->pid,
			    WTERMSIG(gone->status), strsignal(WTERMSIG(gone->status)),
			    *others ? ", and all that it started has ended" : "");
	else
		session_end(session, "process %d has ended with status %d%s", gone->pid,
			    WEXITSTATUS(gone->status), others);
}

void processes_end(struct session *session)
{
	if (session->n_alive || !session->last_gone)
		return;
	if (!session->selection.follow || !tracer_follows_any(session->tracer, target_runs))
		end_with(session, session->last_gone);
}

void processes_gone(struct session *session, size_t index)
{
	struct gone *gone = &session->gone[index];

	if (gone->ended)
		return;
	gone->ended = true;
	close(gone->pidfd);
	gone->pidfd = -1;
	if (session->command.pid == gone->pid)
		session->exit_status = command_status(&session->command);
	session->n_alive--;
	session->last_gone = gone;
	processes_end(session);
}

static void note_exit(struct session *session, const struct lapse_proc *record)
{
	for (size_t i = 0; session->gone && i < session->selection.n_pids; i++) {
		if (session->gone[i].pid != (pid_t)record->pid)
			continue;
		session->gone[i].has_status = true;
		session->gone[i].status = record->code;
	}
	processes_end(session);
}

static unsigned classes_from(const struct plan *plan, size_t first_place)
{
	unsigned classes = 0;

	for (size_t i = first_place; i < plan->n_places; i++)
		if (plan->places[i].role != LAPSE_ROLE_RETINS)
			classes |= 1U << plan->places[i].cls;
	return classes;
}

static int attach_new(struct session *session, size_t first_place, size_t first_usdt)
{
	unsigned classes = classes_from(&session->plan, first_place);
	int err = classes ? tracer_calibrate(session->tracer, classes) : 0;

	return err ?: tracer_attach(session->tracer, &session->plan, first_place, first_usdt);
}

static void say_new(const struct session *session, const struct process *process, size_t first_place,
		    size_t first_usdt)
{
	size_t n = session->plan.n_usdts - first_usdt;

	for (size_t i = first_place; i < session->plan.n_places; i++)
		n += session->plan.places[i].role != LAPSE_ROLE_RETINS;
	diag_note("tracing %zu more probe%s in PID %d", n, n == 1 ? "" : "s", process->pid);
}

void processes_extend(struct session *session, const struct process *process)
{
	size_t first_place, new_files, first_usdt = session->plan.n_usdts;
	int err = plan_extend(&session->plan, session->specs, session->n_specs, process,
			      &session->plan_options, &first_place, &new_files);

	if (!err && (first_place < session->plan.n_places || first_usdt < session->plan.n_usdts)) {
		err = attach_new(session, first_place, first_usdt);
		if (!err)
			say_new(session, process, first_place, first_usdt);
	}
	if (err)
		diag_warn("process %d (%s) is not traced: %s", process->pid, process->comm, strerror(-err));
}

/* A process that had begun before forks were told of. */
static void meet(struct session *session, pid_t pid)
{
	struct process process;

	if (process_read(pid, &process))
		return;
	libraries_watch(session, &process);
	processes_extend(session, &process);
	tracer_watch_usage(session->tracer, pid);
	process_free(&process);
}

static bool was_found(const struct session *session, pid_t pid)
{
	for (size_t i = 0; i < session->n_processes; i++)
		if (session->processes[i].pid == pid)
			return true;
	return false;
}

/* One look at the descendants. How many are followed from now on that were not before, or -errno. */
static int follow_new(struct session *session)
{
	pid_t *pids;
	size_t n;
	int added = 0, err = target_pids(&session->selection, &pids, &n);

	for (size_t i = 0; i < n && !err; i++) {
		int new = tracer_follow(session->tracer, pids[i]);

		if (new < 0)
			err = new;
		else if (new && !was_found(session, pids[i]))
			meet(session, pids[i]);
		added += new > 0;
	}
	free(pids);
	return err ?: added;
}

int processes_follow(struct session *session)
{
	int added;

	if (!session->selection.follow)
		return 0;
	do
		added = follow_new(session);
	while (added > 0);
	return added;
}

static void note_exec(struct session *session, const struct lapse_proc *record)
{
	struct process process;

	if (process_read(record->pid, &process))
		return;
	if (session->selection.follow || target_matches(&session->selection, &process)) {
		for (size_t i = 0; session->selection.exe && i < process.n_files; i++)
			if (process.files[i].main)
				tracer_want_exe(session->tracer, process.files[i].id);
		processes_extend(session, &process);
		libraries_watch(session, &process);
		tracer_watch_usage(session->tracer, process.pid);
	}
	process_free(&process);
}

int processes_record(void *context, const struct lapse_proc *record)
{
	struct session *session = context;

	if (record->event == LAPSE_PROC_EXIT)
		note_exit(session, record);
	else if (record->event == LAPSE_PROC_EXEC)
		note_exec(session, record);
	else if (record->event == LAPSE_PROC_LIBS)
		libraries_changed(session, record);
	else if (record->event == LAPSE_PROC_FORK)
		tracer_watch_usage(session->tracer, record->pid);
	return 0;
}

void processes_free(struct session *session)
{
	for (size_t i = 0; session->gone && i < session->selection.n_pids; i++)
		if (session->gone[i].pidfd > 0)
			close(session->gone[i].pidfd);
	free(session->gone);
}
