// SPDX-License-Identifier: GPL-2.0-or-later
/* What a look like this cannot see, so that its silence is not taken for good news. */
#include <dirent.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "first/report.h"
#include "output/words.h"

/* Interpreters, by the beginning of their files' names, and what becomes of their functions. */
static const char *const interpreters[] = {"python", "ruby", "perl", "php", "java", "lua"};

static const char *base_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

static bool link_of(pid_t pid, const char *name, char *target, size_t size)
{
	char path[400];
	ssize_t length;

	snprintf(path, sizeof(path), "/proc/%d/%s", pid, name);
	length = readlink(path, target, size - 1);
	target[length < 0 ? 0 : length] = '\0';
	return length >= 0;
}

static bool has_ring(pid_t pid)
{
	char path[64], name[300], target[300];
	struct dirent *entry;
	bool found = false;
	DIR *files;

	snprintf(path, sizeof(path), "/proc/%d/fd", pid);
	files = opendir(path);
	while (files && !found && (entry = readdir(files))) {
		snprintf(name, sizeof(name), "fd/%s", entry->d_name);
		found = link_of(pid, name, target, sizeof(target)) && strstr(target, "[io_uring]");
	}
	if (files)
		closedir(files);
	return found;
}

static void look_at_process(struct report *report, pid_t pid)
{
	char exe[300];

	if (has_ring(pid))
		report_add(&report->blind,
			   "io_uring, which process %d uses: what it has submitted waits in the kernel, not "
			   "in a thread",
			   pid);
	if (!link_of(pid, "exe", exe, sizeof(exe)))
		return;
	for (size_t i = 0; i < sizeof(interpreters) / sizeof(*interpreters); i++)
		if (!strncmp(base_name(exe), interpreters[i], strlen(interpreters[i])))
			report_add(&report->blind,
				   "functions of the interpreted program: stacks of process %d show the "
				   "functions of %s",
				   pid, interpreters[i]);
}

static void look_at_stacks(struct report *report)
{
	const struct first_look *look = report->look;
	bool scripts = false, stripped = false, cut = false;

	for (size_t i = 0; i < look->n_stacks; i++) {
		const struct first_place *place = &look->stacks[i].seen->place;

		if (look->stacks[i].becomes == FIRST_IDLE)
			continue;
		scripts |= place->interpreted;
		stripped |= place->stripped;
		cut |= place->cut;
	}
	if (scripts)
		report_add(&report->blind,
			   "names of code made at run time: its compiler tells them in /tmp/perf-PID.map, "
			   "node with --perf-basic-prof (and --interpreted-frames-native-stack); until then "
			   "`loop' times its turns");
	if (stripped)
		report_add(&report->blind,
			   "names of functions in stripped files: their debug symbols would tell");
	if (cut)
		report_add(&report->blind,
			   "callers beyond the 16 KB of a stack that are read, or without unwind rules");
}

static void look_at_host(struct report *report)
{
	const struct first_look *look = report->look;
	double share = look->processor_ticks ? (double)look->stolen_ticks / (double)look->processor_ticks : 0;
	char word[WORD_SIZE];

	if (share >= WORD_STOLEN_LEAST)
		report_add(&report->blind,
			   "when the host kept processors back, %s of their time: on-cpu has its part of it",
			   word_share(share, word));
}

void report_blind_spots(struct report *report, const pid_t *pids, size_t n)
{
	look_at_host(report);
	for (size_t i = 0; i < n; i++)
		look_at_process(report, pids[i]);
	look_at_stacks(report);
	if (report->look->lost)
		report_add(&report->blind, "%llu samples, threads or peers that found no room",
			   (unsigned long long)report->look->lost);
	report_add(&report->blind,
		   "peers of UDP, and which connection a thread polled for when several were ready");
}
