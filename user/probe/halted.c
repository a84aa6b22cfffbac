// SPDX-License-Identifier: GPL-2.0-or-later
#include "probe/halted.h"

#include <dirent.h>
#include <limits.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"

struct state {
	char letter; /* as ps(1) shows it */
	pid_t tracer;
};

static FILE *open_of(pid_t pid, const char *what)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/%s", pid, what);
	return fopen(path, "re");
}

static struct state state_of(pid_t pid)
{
	FILE *file = open_of(pid, "status");
	struct state state = {0};
	char line[256];

	while (file && fgets(line, sizeof(line), file)) {
		sscanf(line, "State: %c", &state.letter);
		if (sscanf(line, "TracerPid: %d", &state.tracer) == 1)
			break;
	}
	if (file)
		fclose(file);
	return state;
}

/* Whether a line of @path, a file of the control group, is @wanted. */
static bool says(const char *path, const char *wanted)
{
	FILE *file = fopen(path, "re");
	bool found = false;
	char line[64];

	while (file && !found && fgets(line, sizeof(line), file)) {
		line[strcspn(line, "\n")] = '\0';
		found = !strcmp(line, wanted);
	}
	if (file)
		fclose(file);
	return found;
}

/* Whether the group that @line of /proc/PID/cgroup names, "0::/a/b" or "7:freezer:/a/b", is frozen. */
static bool is_frozen_group(const char *line)
{
	static const struct {
		const char *controller, *at, *file, *frozen;
	} kinds[] = {
		{"::", "/sys/fs/cgroup", "cgroup.events", "frozen 1"},
		{"::", "/sys/fs/cgroup/unified", "cgroup.events", "frozen 1"},
		{":freezer:", "/sys/fs/cgroup/freezer", "freezer.state", "FROZEN"},
	};
	char path[PATH_MAX];

	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		const char *group = strstr(line, kinds[i].controller);

		if (!group)
			continue;
		group += strlen(kinds[i].controller);
		if (snprintf(path, sizeof(path), "%s%s/%s", kinds[i].at, group, kinds[i].file) < PATH_MAX &&
		    says(path, kinds[i].frozen))
			return true;
	}
	return false;
}

static bool is_frozen(pid_t pid)
{
	FILE *file = open_of(pid, "cgroup");
	bool frozen = false;
	char line[PATH_MAX];

	while (file && !frozen && fgets(line, sizeof(line), file)) {
		line[strcspn(line, "\n")] = '\0';
		frozen = is_frozen_group(line);
	}
	if (file)
		fclose(file);
	return frozen;
}

/* "gdb/4182", as a terminal may show it. */
static const char *name_of(pid_t pid, char *buffer, size_t size)
{
	FILE *file = open_of(pid, "comm");
	char comm[32] = "", safe[80];

	if (file) {
		if (fgets(comm, sizeof(comm), file))
			comm[strcspn(comm, "\n")] = '\0';
		fclose(file);
	}
	snprintf(buffer, size, "%s/%d", text_escape(comm, safe, sizeof(safe)), pid);
	return buffer;
}

enum halted halted(pid_t pid, char why[HALTED_WHY])
{
	struct state state = state_of(pid);
	char tracer[100];

	*why = '\0';
	if (state.letter == 'T')
		snprintf(why, HALTED_WHY, "is stopped by a signal: kill -CONT %d lets it go on", pid);
	else if (state.letter == 't')
		snprintf(why, HALTED_WHY, "is held by %s (ptrace) until that lets it go on",
			 name_of(state.tracer, tracer, sizeof(tracer)));
	else if (is_frozen(pid))
		snprintf(why, HALTED_WHY, "is frozen with its control group, until that is thawed");
	if (*why)
		return HALTED_NOW;
	if (!state.tracer)
		return HALTED_NOT;
	snprintf(why, HALTED_WHY, "is traced by %s (ptrace), whose stops are in its figures",
		 name_of(state.tracer, tracer, sizeof(tracer)));
	return HALTED_NOW_AND_THEN;
}

pid_t halted_any(const pid_t *pids, size_t n, char why[HALTED_WHY])
{
	for (size_t i = 0; i < n; i++)
		if (halted(pids[i], why) == HALTED_NOW)
			return pids[i];
	return 0;
}

#define EXITING 0x4 /* PF_EXITING */
#define KILLED	(1UL << (SIGKILL - 1))

/* Whether the thread goes on, rather than being about to end with all others. */
static bool goes_on(pid_t pid, pid_t tid)
{
	char what[32], line[1024], *after = NULL, state = 'X';
	unsigned long pending = KILLED;
	unsigned flags = EXITING;
	FILE *file;

	snprintf(what, sizeof(what), "task/%d/stat", tid);
	file = open_of(pid, what);
	if (file && fgets(line, sizeof(line), file))
		after = strrchr(line, ')');
	if (file)
		fclose(file);
	/* proc(5): the state, the flags in the ninth field and the pending signals in the 31st. */
	return after &&
	       sscanf(after,
		      ") %c %*s %*s %*s %*s %*s %u %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s "
		      "%*s %*s %*s %*s %*s %*s %*s %lu",
		      &state, &flags, &pending) == 3 &&
	       state != 'Z' && state != 'X' && !(flags & EXITING) && !(pending & KILLED);
}

bool halted_first_thread(pid_t pid)
{
	const struct dirent *entry;
	bool found = false;
	char path[32];
	DIR *tasks;

	if (state_of(pid).letter != 'Z')
		return false;
	snprintf(path, sizeof(path), "/proc/%d/task", pid);
	tasks = opendir(path);
	while (tasks && !found && (entry = readdir(tasks)))
		found = *entry->d_name != '.' && goes_on(pid, (pid_t)atoi(entry->d_name));
	if (tasks)
		closedir(tasks);
	return found;
}
