// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The target's life: processes of -p that end, others that begin or move to a control group that is meant,
 * programs that are replaced by exec.
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
#include "base/text.h"
#include "cli/loop_tags.h"
#include "probe/halted.h"
#include "stack/thread.h"

struct gone {
	pid_t pid;
	int pidfd;
	bool ended;
	bool headless; /* goes on without its first thread */
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

int processes_pidfd(const struct session *session, size_t index)
{
	return session->gone[index].ended ? -1 : session->gone[index].pidfd;
}

static void end_with(struct session *session, const struct gone *gone)
{
	const char *others = session->selection.follow ? ", and so have all that it started" : "";

	if (gone->headless)
		session_end(session,
			    "process %d goes on without its first thread, with which its probes went",
			    gone->pid);
	else if (!gone->has_status)
		session_end(session, "process %d has ended%s", gone->pid, others);
	else if (WIFSIGNALED(gone->status))
		session_end(session, "process %d was killed by signal %d (%s)%s", gone->pid,
			    WTERMSIG(gone->status), strsignal(WTERMSIG(gone->status)),
			    *others ? ", and all that it started has ended" : "");
	else
		session_end(session, "process %d has ended with status %d%s", gone->pid,
			    WEXITSTATUS(gone->status), others);
}

/* The thread of -t: whatever the others do is not measured. */
static void end_with_thread(struct session *session)
{
	pid_t tid = session->options->tid;

	if (tid && session->n_alive && !target_of_thread(tid))
		session_end(session, "thread %d has ended", tid);
}

void processes_end(struct session *session)
{
	end_with_thread(session);
	if (session->n_alive || !session->last_gone || target_is_open(&session->selection))
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

void processes_check(struct session *session)
{
	if (tracer_attach_kind(session->tracer) != ATTACH_PERF || !session->plan.n_places ||
	    session->selection.follow)
		return;
	for (size_t i = 0; i < session->selection.n_pids; i++) {
		struct gone *gone = &session->gone[i];

		if (gone->ended || !halted_first_thread(gone->pid))
			continue;
		gone->headless = true;
		processes_gone(session, i);
	}
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

static unsigned classes_from(const struct plan *plan, size_t first_place, size_t first_usdt)
{
	unsigned classes = first_usdt < plan->n_usdts ? 1U << LAPSE_CLASS_EMULATED : 0;

	for (size_t i = first_place; i < plan->n_places; i++)
		if (plan->places[i].role != LAPSE_ROLE_RETINS)
			classes |= 1U << plan->places[i].cls;
	return classes;
}

static int attach_new(struct session *session, size_t first_place, size_t first_usdt)
{
	unsigned classes = classes_from(&session->plan, first_place, first_usdt);
	int err = classes ? tracer_calibrate(session->tracer, classes) : 0;

	err = err ?: tracer_attach(session->tracer, &session->plan, first_place, first_usdt);
	tracer_settle(session->tracer);
	return err;
}

/* Probes, as they are told to people: those that an extension has brought, and those that a file had. */
static size_t count_new(const struct plan *plan, size_t first_place, size_t first_usdt)
{
	size_t n = plan->n_usdts - first_usdt;

	for (size_t i = first_place; i < plan->n_places; i++)
		n += plan->places[i].role != LAPSE_ROLE_RETINS;
	return n;
}

static size_t count_known(const struct plan *plan, size_t file, size_t end_place, size_t end_usdt)
{
	size_t n = 0;

	for (size_t i = 0; i < end_place; i++)
		n += plan->places[i].file == file && plan->places[i].role != LAPSE_ROLE_RETINS;
	for (size_t i = 0; i < end_usdt; i++)
		n += plan->usdts[i].file == file;
	return n;
}

/* Files that are probed already, and that @pid has now too. How many probes that are, or -errno. */
static int attach_known(struct session *session, pid_t pid, size_t end_place, size_t end_usdt)
{
	const struct plan *plan = &session->plan;
	int n = 0, err = 0;

	for (size_t i = 0; i < plan->n_files && err >= 0; i++) {
		const struct plan_file *file = &plan->files[i];

		if (!file->n_served || file->n_served == file->n_pids)
			continue;
		err = tracer_attach_pid(session->tracer, plan, i, pid, end_place, end_usdt);
		if (err > 0)
			n += (int)count_known(plan, i, end_place, end_usdt);
	}
	return err < 0 ? err : n;
}

static bool was_found(const struct session *session, pid_t pid)
{
	for (size_t i = 0; i < session->n_processes; i++)
		if (session->processes[i].pid == pid)
			return true;
	return false;
}

/* What is new in the plan for @process; how many probes that are, or -errno. */
static int attach_all(struct session *session, const struct process *process, size_t first_place,
		      size_t first_usdt)
{
	size_t new = count_new(&session->plan, first_place, first_usdt), n;
	int known = attach_known(session, process->pid, first_place, first_usdt), err;

	if (known < 0)
		return known;
	n = new + (size_t)known;
	/* At the end the limits are taken back from those that were there at the beginning. */
	if (n && was_found(session, process->pid))
		markers_tell(session, process);
	else if (n)
		markers_reset(session, process);
	err = new ? attach_new(session, first_place, first_usdt) : 0;
	return err ?: (int)n;
}

int processes_extend(struct session *session, const struct process *process)
{
	size_t first_place, new_files, first_usdt = session->plan.n_usdts;
	int n = plan_extend(&session->plan, session->specs, session->n_specs, process, &session->plan_options,
			    &first_place, &new_files);

	if (!n)
		n = attach_all(session, process, first_place, first_usdt);
	if (n < 0)
		diag_warn("process %d (%s) is not traced: %s", process->pid, process->comm, strerror(-n));
	return n < 0 ? 0 : n;
}

/* What was called since @since_ns, when there was something new to call, has not been seen: nothing counts
 * it. */
void processes_say_more(int n, pid_t pid, uint64_t since_ns)
{
	double unseen_ms = (double)(clock_now_ns() - since_ns) / 1e6;

	if (n && since_ns)
		diag_note("tracing %d more probe%s in PID %d; what was called in the %.1f ms before is not "
			  "counted",
			  n, n == 1 ? "" : "s", pid, unseen_ms);
	else if (n)
		diag_note("tracing %d more probe%s in PID %d", n, n == 1 ? "" : "s", pid);
}

int processes_read(const struct session *session, pid_t pid, struct process *process)
{
	int err = process_read(pid, process);

	if (!err)
		process->targets = target_numbers(&session->selection, process);
	return err;
}

/* A process that is new to lapse. It is read anew once its libraries are watched: what it loads before is
 * there then, and of what it loads later a record comes. */
static void meet(struct session *session, pid_t pid, uint64_t began_ns)
{
	struct process process;

	if (processes_read(session, pid, &process))
		return;
	libraries_watch(session, &process, began_ns);
	process_free(&process);
	if (processes_read(session, pid, &process))
		return;
	processes_say_more(processes_extend(session, &process), pid, began_ns);
	tracer_tcp_adopt(session->tracer);
	stacks_prime(session, pid);
	tracer_watch_usage(session->tracer, pid);
	process_free(&process);
}

/* Takes @pid in as one of target @number. Whether it was none before, or -errno. */
static int follow_one(struct session *session, pid_t pid, size_t number)
{
	int new = tracer_follow(session->tracer, pid, 1ULL << number);

	if (new > 0 && !was_found(session, pid))
		meet(session, pid, 0);
	return new;
}

/* One look at whom target @number has. How many are followed from now on that were not before, or -errno. */
static int follow_new(struct session *session, const struct target_selection *target, size_t number)
{
	pid_t *pids;
	size_t n;
	int added = 0, err = target_pids(target, &pids, &n);

	for (size_t i = 0; i < n && err >= 0; i++) {
		err = follow_one(session, pids[i], number);
		added += err > 0;
	}
	free(pids);
	return err < 0 ? err : added;
}

int processes_follow(struct session *session)
{
	const struct target_selection *parts;
	size_t n = target_parts(&session->selection, &parts);
	int added = 0;

	for (size_t i = 0; i < n && added >= 0; i++) {
		if (!parts[i].follow && parts[i].cgroup.by == CGROUP_NONE)
			continue;
		do
			added = follow_new(session, &parts[i], i);
		while (added > 0);
	}
	return added;
}

void processes_want_exe(struct session *session, const struct process *process)
{
	const struct target_selection *parts;
	size_t n = target_parts(&session->selection, &parts);
	uint64_t targets = 0;

	for (size_t i = 0; i < n; i++)
		if (parts[i].exe && target_matches(&parts[i], process))
			targets |= 1ULL << i;
	for (size_t i = 0; targets && i < process->n_files; i++)
		if (process->files[i].main)
			tracer_want_exe(session->tracer, process->files[i].id, targets);
}

/* A process that was named runs something else than it did: that may be why nothing is measured any more. */
static void say_program(const struct session *session, const struct process *process)
{
	char exe[512];

	for (size_t i = 0; session->selection.n_pids && i < session->n_processes; i++)
		if (session->processes[i].pid == process->pid &&
		    strcmp(session->processes[i].exe, process->exe))
			diag_note("process %d runs %s now", process->pid,
				  text_escape(process->exe, exe, sizeof(exe)));
}

/* A link is of the process's first thread, as the kernel has it, and ends with it. */
static void attach_again(struct session *session, const struct process *process)
{
	int err = tracer_attach_again(session->tracer, &session->plan, process->pid);

	if (err)
		diag_warn("process %d (%s) is not traced any more: %s", process->pid, process->comm,
			  strerror(-err));
	else if (session->selection.n_pids && !session->selection.follow)
		diag_warn("process %d has executed a program from another thread than its first: what that "
			  "called until it was probed anew is not seen",
			  process->pid);
}

static void note_exec(struct session *session, const struct lapse_proc *record)
{
	struct process process;
	bool meant;

	if (processes_read(session, (pid_t)record->pid, &process))
		return;
	/* Of those that are meant by their pid no other is told. */
	meant = !target_is_open(&session->selection) || process.targets;
	if (meant)
		processes_want_exe(session, &process);
	if (meant)
		say_program(session, &process);
	if (meant && record->code)
		attach_again(session, &process);
	process_free(&process);
	if (meant)
		meet(session, record->pid, record->time_ns);
}

/* Which control groups that are meant @pid is in: that is where it is when lapse looks. */
static uint64_t groups_of(const struct session *session, pid_t pid)
{
	const struct target_selection *parts;
	size_t n = target_parts(&session->selection, &parts);
	uint64_t groups = 0;

	for (size_t i = 0; i < n; i++)
		if (parts[i].cgroup.by != CGROUP_NONE && target_matches_pid(&parts[i], pid))
			groups |= 1ULL << i;
	return groups;
}

static void note_move(struct session *session, const struct lapse_proc *record)
{
	uint64_t groups = groups_of(session, (pid_t)record->pid);
	char comm[16] = "";
	int left;

	thread_name((pid_t)record->pid, (pid_t)record->pid, comm);
	left = tracer_leave(session->tracer, (pid_t)record->pid, ~groups & session->group_targets);
	if (groups && tracer_follow(session->tracer, (pid_t)record->pid, groups) > 0 && left <= 0) {
		diag_note("process %u (%s) has come", record->pid, comm);
		meet(session, (pid_t)record->pid, record->time_ns);
	} else if (!groups && left > 0) {
		diag_note("process %u (%s) has moved elsewhere: it is not measured any more", record->pid,
			  comm);
	}
}

int processes_record(void *context, const struct lapse_proc *record)
{
	struct session *session = context;

	recorder_process(session, record);
	if (record->event == LAPSE_PROC_EXIT)
		note_exit(session, record);
	else if (record->event == LAPSE_PROC_EXEC)
		note_exec(session, record);
	else if (record->event == LAPSE_PROC_LIBS)
		libraries_changed(session, record);
	else if (record->event == LAPSE_PROC_MOVE)
		note_move(session, record);
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
