// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Libraries that a target loads while it is traced. The kernel's side has left the returns of the
 * process alone since the moment of the loading; here it is decided whether return probes are still
 * safe. Where they are not, the same functions are measured by their return instructions from then
 * on, or, with an attachment that cannot leave a return alone, tracing ends.
 */
#include "cli/session_parts.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "probe/loader.h"

/* A library's loading is told twice, before and after; whoever goes on loading is read as he is. */
#define SETTLE_TRIES 3

static bool has_return_probes(const struct plan *plan)
{
	for (size_t i = 0; i < plan->n_places; i++)
		if (plan->places[i].role == LAPSE_ROLE_ENTRY)
			return true;
	return false;
}

void libraries_watch(struct session *session, const struct process *process, uint64_t began_ns)
{
	bool everyone = target_is_open(&session->selection) || session->selection.follow;
	const struct mapped_file *file;
	uint64_t offset;
	int err;

	if (!session->plan.awaits &&
	    (session->options->force_uretprobe || !has_return_probes(&session->plan)))
		return;
	err = loader_hook(process, &file, &offset);
	if (!err)
		err = tracer_watch_libraries(session->tracer, file, offset, everyone ? -1 : process->pid);
	if (err > 0)
		session->hooked_ns = clock_now_ns();
	if (err >= 0 && began_ns < session->hooked_ns)
		tracer_count_libraries(session->tracer, process->pid);
	if (err < 0 && err != -ENOENT)
		diag_warn("process %d: libraries that it loads later cannot be watched: %s", process->pid,
			  strerror(-err));
}

/* The component of the session's plan that @planned, of another plan of the same probes, stands for. */
static size_t same_component(const struct plan *plan, const struct plan_component *planned)
{
	for (size_t i = 0; i < plan->n_components; i++)
		if (plan->components[i].spec == planned->spec &&
		    !strcmp(plan->components[i].function, planned->function))
			return i;
	return plan->n_components;
}

/* Keeps of @plan what return instructions can do, under the numbers of the session's components. */
static void translate(const struct session *session, struct plan *plan)
{
	size_t kept = 0;

	for (size_t i = 0; i < plan->n_places; i++) {
		struct place place = plan->places[i];
		size_t component = same_component(&session->plan, &plan->components[place.component]);

		if ((place.role != LAPSE_ROLE_ENTRY_RETINS && place.role != LAPSE_ROLE_RETINS) ||
		    component == session->plan.n_components)
			continue;
		place.component = component;
		plan->places[kept++] = place;
	}
	plan->n_places = kept;
}

static unsigned classes_of(const struct plan *plan)
{
	unsigned classes = 0;

	for (size_t i = 0; i < plan->n_places; i++)
		if (plan->places[i].role == LAPSE_ROLE_ENTRY_RETINS)
			classes |= 1U << plan->places[i].cls;
	return classes;
}

/* From here on, if it gives 0. */
static int measure_by_instructions(struct session *session, const struct process *process)
{
	pid_t pid = process->pid;
	const struct target_selection only = {.pids = &pid, .n_pids = 1};
	struct plan_options options = session->plan_options;
	struct plan plan;
	int err;

	/* Other components are of other processes. */
	options.whole = false;
	err = plan_make(session->specs, session->n_specs, &only, process, 1, &options, &plan);
	if (err)
		return err;
	translate(session, &plan);
	err = tracer_calibrate(session->tracer, classes_of(&plan));
	if (!err)
		err = tracer_attach(session->tracer, &plan, 0, plan.n_usdts);
	/* At once: what is called in between is counted on both sides, as measured and as left out. */
	if (!err)
		tracer_judge(session->tracer, pid, LAPSE_LIBRARIES_UNSAFE);
	tracer_settle(session->tracer);
	plan_free(&plan);
	return err;
}

/* Processes that are measured by instructions since a library came: decided once. */
static bool replaced(const struct session *session, pid_t pid)
{
	for (size_t i = 0; i < session->n_replaced; i++)
		if (session->replaced[i] == pid)
			return true;
	return false;
}

static void remember_replaced(struct session *session, pid_t pid)
{
	pid_t *pids = reallocarray(session->replaced, session->n_replaced + 1, sizeof(*pids));

	if (!pids)
		return;
	session->replaced = pids;
	pids[session->n_replaced++] = pid;
}

/* The kernel's side goes on counting what it leaves out until the other probes are there. */
static void become_unsafe(struct session *session, const struct process *process, const char *why)
{
	int err;

	if (tracer_attach_kind(session->tracer) != ATTACH_SESSION) {
		session_end(session, "return probes are not safe any more: %s", why);
		return;
	}
	remember_replaced(session, process->pid);
	err = measure_by_instructions(session, process);
	if (err) {
		diag_warn("process %d is not measured any more: return probes have become unsafe: %s",
			  process->pid, why);
		return;
	}
	diag_warn("process %d is measured by return instructions from now on, which cost more: %s",
		  process->pid, why);
}

/* Are return probes still safe in @process, which had changed its libraries so often when it was read? */
static void judge(struct session *session, const struct process *process, int64_t changes)
{
	char why[256];
	int unsafe = loader_made_unsafe(&session->plan, process, &session->plan_options, why, sizeof(why));

	if (unsafe > 0)
		become_unsafe(session, process, why);
	else if (!unsafe) {
		tracer_judge(session->tracer, process->pid, changes);
		diag_debug("process %d: return probes are safe after %lld changes of its libraries",
			   process->pid, (long long)changes);
	} else
		diag_warn("process %d is not measured any more: its new libraries cannot be judged: %s",
			  process->pid, strerror(-unsafe));
}

/* Reads @process as it is when its libraries are not being changed; how often that was done by then. */
static int read_settled(struct session *session, pid_t pid, struct process *process, int64_t *changes)
{
	for (int tries = 0;; tries++) {
		int err;

		*changes = tracer_library_changes(session->tracer, pid);
		err = processes_read(session, pid, process);
		if (err || tries == SETTLE_TRIES || tracer_library_changes(session->tracer, pid) == *changes)
			return err;
		process_free(process);
	}
}

/* One look at what @pid has now: judged, then probed. How many probes more; *changes as far as it goes. */
static int look(struct session *session, pid_t pid, int64_t *changes)
{
	struct process process;
	int n = 0;

	if (read_settled(session, pid, &process, changes))
		return 0;
	if (!replaced(session, pid))
		judge(session, &process, *changes);
	if (session->plan.awaits)
		n = processes_extend(session, &process);
	process_free(&process);
	return n;
}

/* Probes take a while to be attached, and the process may have gone on loading: returns are left alone
 * until that has been looked at too. */
void libraries_changed(struct session *session, const struct lapse_proc *record)
{
	pid_t pid = (pid_t)record->pid;
	int64_t changes;
	int n = 0;

	for (int tries = 0; tries < SETTLE_TRIES; tries++) {
		n += look(session, pid, &changes);
		if (tracer_library_changes(session->tracer, pid) == changes)
			break;
	}
	processes_say_more(n, pid, record->time_ns);
}
