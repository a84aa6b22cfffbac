// SPDX-License-Identifier: GPL-2.0-or-later
/* Whose calls the tracer is to count: what the targets mean for it. */
#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "cli/session_parts.h"
#include "cli/targets.h"

/* Who is known by number from the beginning: the pids of -p, and those that are in the control groups now. */
static int collect_members(struct session *session, uint64_t listed)
{
	struct members *members = &session->members;

	members->pids = calloc(session->n_processes + 1, sizeof(*members->pids));
	members->targets = calloc(session->n_processes + 1, sizeof(*members->targets));
	if (!members->pids || !members->targets)
		return -ENOMEM;
	for (size_t i = 0; i < session->n_processes; i++) {
		const struct process *process = &session->processes[i];

		if (!(process->targets & listed))
			continue;
		members->pids[members->n] = process->pid;
		members->targets[members->n++] = process->targets & listed;
	}
	return 0;
}

int targets_want(struct session *session)
{
	const struct target_selection *parts;
	size_t n = target_parts(&session->selection, &parts);
	struct stat st;
	int err = 0;

	for (size_t i = 0; i < session->n_processes; i++)
		processes_want_exe(session, &session->processes[i]);
	for (size_t i = 0; i < n && !err; i++) {
		/* One that does not run yet. */
		if (parts[i].exe && !stat(parts[i].exe, &st))
			err = tracer_want_exe(session->tracer,
					      (struct file_id){.dev = st.st_dev, .ino = st.st_ino},
					      1ULL << i);
		if (parts[i].comm && !err)
			err = tracer_want_comm(session->tracer, parts[i].comm, 1ULL << i);
	}
	return err;
}

int targets_describe(struct session *session, struct tracer_options *options)
{
	const struct target_selection *parts;
	size_t n = target_parts(&session->selection, &parts);
	uint64_t listed = 0;
	int err;

	for (size_t i = 0; i < n; i++) {
		bool group = parts[i].cgroup.by != CGROUP_NONE;
		uint64_t target = 1ULL << i;

		options->by_exe |= parts[i].exe != NULL;
		options->by_comm |= parts[i].comm != NULL;
		options->groups |= group;
		options->follow |= group || parts[i].follow ? target : 0;
		session->group_targets |= group ? target : 0;
		listed |= group || parts[i].n_pids ? target : 0;
	}
	err = collect_members(session, listed);
	options->apart = session->targets;
	options->pids = session->members.pids;
	options->targets = session->members.targets;
	options->n_pids = session->members.n;
	return err;
}

void targets_forget(struct session *session)
{
	free(session->members.pids);
	free(session->members.targets);
	free(session->targets);
	targets_free(&session->selection);
}
