// SPDX-License-Identifier: GPL-2.0-or-later
#include "probe/halted.h"

#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"

struct state {
	char letter; /* as ps(1) shows it */
	pid_t tracer;
	int threads;
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
		sscanf(line, "TracerPid: %d", &state.tracer);
		if (sscanf(line, "Threads: %d", &state.threads) == 1)
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

bool halted_first_thread(pid_t pid)
{
	struct state state = state_of(pid);

	return state.letter == 'Z' && state.threads > 1;
}
