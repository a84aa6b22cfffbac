// SPDX-License-Identifier: GPL-2.0-or-later
/* Processes and their selection, out of /proc. */
#include "probe/target.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/diag.h"
#include "probe/cgroups.h"
#include "probe/halted.h"
#include "probe/maps.h"

#define DELETED " (deleted)"

/* The target of the link /proc/PID/exe without " (deleted)", NULL with errno set. */
static char *read_exe(pid_t pid)
{
	char path[64], link[PATH_MAX + sizeof(DELETED)];
	ssize_t n;

	snprintf(path, sizeof(path), "/proc/%d/exe", pid);
	n = readlink(path, link, sizeof(link) - 1);
	if (n < 0)
		return NULL;
	link[n] = '\0';
	if ((size_t)n > strlen(DELETED) && strcmp(link + n - strlen(DELETED), DELETED) == 0)
		link[n - strlen(DELETED)] = '\0';
	return strdup(link);
}

static int read_comm(pid_t pid, char comm[16])
{
	char path[64];
	FILE *file;
	size_t n;

	snprintf(path, sizeof(path), "/proc/%d/comm", pid);
	file = fopen(path, "re");
	if (!file)
		return errno == ENOENT ? -ESRCH : -errno;
	n = fread(comm, 1, 15, file);
	fclose(file);
	comm[n] = '\0';
	comm[strcspn(comm, "\n")] = '\0';
	return n ? 0 : -ESRCH;
}

int process_read(pid_t pid, struct process *process)
{
	char path[64];
	struct stat st;
	int err;

	memset(process, 0, sizeof(*process));
	process->pid = pid;
	snprintf(path, sizeof(path), "/proc/%d", pid);
	if (stat(path, &st))
		return -ESRCH;
	process->uid = st.st_uid;
	err = read_comm(pid, process->comm);
	if (err)
		return err;
	process->exe = read_exe(pid);
	if (!process->exe)
		return errno == ENOENT || errno == ESRCH ? -ESRCH : -errno;
	err = maps_read(process);
	if (!err && process->n_files == 0)
		err = -ESRCH;
	if (err)
		process_free(process);
	return err;
}

void process_free(struct process *process)
{
	for (size_t i = 0; i < process->n_files; i++) {
		free(process->files[i].name);
		free(process->files[i].access);
	}
	free(process->files);
	free(process->exe);
	memset(process, 0, sizeof(*process));
}

void target_free(struct process *processes, size_t n)
{
	for (size_t i = 0; i < n; i++)
		process_free(&processes[i]);
	free(processes);
}

/* A growing list of pids. */
struct pid_list {
	pid_t *pids;
	size_t n, capacity;
};

static int pid_list_add(struct pid_list *list, pid_t pid)
{
	if (list->n == list->capacity) {
		size_t grown = list->capacity ? list->capacity * 2 : 16;
		pid_t *pids = reallocarray(list->pids, grown, sizeof(*pids));

		if (!pids)
			return -ENOMEM;
		list->pids = pids;
		list->capacity = grown;
	}
	list->pids[list->n++] = pid;
	return 0;
}

static bool pid_list_has(const struct pid_list *list, pid_t pid)
{
	for (size_t i = 0; i < list->n; i++) {
		if (list->pids[i] == pid)
			return true;
	}
	return false;
}

static int compare_pids(const void *a, const void *b)
{
	pid_t x = *(const pid_t *)a, y = *(const pid_t *)b;

	return (x > y) - (x < y);
}

/* All thread groups of the system. */
static int all_pids(struct pid_list *list)
{
	DIR *proc = opendir("/proc");
	struct dirent *entry;
	int err = 0;

	if (!proc)
		return -errno;
	while (!err && (entry = readdir(proc))) {
		if (isdigit((unsigned char)entry->d_name[0]))
			err = pid_list_add(list, (pid_t)strtol(entry->d_name, NULL, 10));
	}
	closedir(proc);
	return err;
}

/* Of /proc/PID/stat. */
struct brief {
	pid_t parent;
	bool kernel; /* a thread of the kernel's */
};

#define KERNEL_THREAD 0x00200000 /* PF_KTHREAD */

static int read_brief(pid_t pid, struct brief *brief)
{
	char path[64], line[512], *after = NULL;
	unsigned flags;
	FILE *file;
	int parent;

	snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	file = fopen(path, "re");
	if (!file)
		return -ESRCH;
	/* The name in parentheses may hold anything, parentheses too. */
	if (fgets(line, sizeof(line), file))
		after = strrchr(line, ')');
	fclose(file);
	if (!after || sscanf(after, ") %*c %d %*d %*d %*d %*d %u", &parent, &flags) != 2)
		return -ESRCH;
	*brief = (struct brief){.parent = parent, .kernel = flags & KERNEL_THREAD};
	return 0;
}

/* The parent of @pid, or 0. */
static pid_t parent_of(pid_t pid)
{
	struct brief brief;

	return read_brief(pid, &brief) ? 0 : brief.parent;
}

/* Adds the descendants of those in @list, until a round finds none. */
static int add_children(struct pid_list *list)
{
	struct pid_list all = {0};
	pid_t *parents = NULL;
	bool found = true;
	int err = all_pids(&all);

	if (!err && all.n) {
		parents = calloc(all.n, sizeof(*parents));
		if (!parents)
			err = -ENOMEM;
	}
	for (size_t i = 0; !err && i < all.n; i++)
		parents[i] = parent_of(all.pids[i]);
	while (!err && found) {
		found = false;
		for (size_t i = 0; !err && i < all.n; i++) {
			if (!pid_list_has(list, parents[i]) || pid_list_has(list, all.pids[i]))
				continue;
			err = pid_list_add(list, all.pids[i]);
			found = true;
		}
	}
	free(parents);
	free(all.pids);
	return err;
}

static int add_children_of_thread(struct pid_list *list, pid_t pid, const char *tid)
{
	char path[320];
	FILE *file;
	int err = 0, child;

	snprintf(path, sizeof(path), "/proc/%d/task/%s/children", pid, tid);
	file = fopen(path, "re");
	if (!file)
		return 0; /* it has ended */
	while (!err && fscanf(file, "%d", &child) == 1)
		if (!pid_list_has(list, child))
			err = pid_list_add(list, child);
	fclose(file);
	return err;
}

static int add_children_of(struct pid_list *list, pid_t pid)
{
	struct dirent *entry;
	char path[64];
	DIR *threads;
	int err = 0;

	snprintf(path, sizeof(path), "/proc/%d/task", pid);
	threads = opendir(path);
	if (!threads)
		return 0;
	while (!err && (entry = readdir(threads)))
		if (isdigit((unsigned char)entry->d_name[0]))
			err = add_children_of_thread(list, pid, entry->d_name);
	closedir(threads);
	return err;
}

/* As add_children(), without a look at all processes where the kernel lists a thread's children
 * (CONFIG_PROC_CHILDREN). While some of these end it may leave out others, says proc(5). */
static int add_children_in_brief(struct pid_list *list)
{
	int err = 0;

	if (access("/proc/thread-self/children", R_OK))
		return add_children(list);
	for (size_t i = 0; i < list->n && !err; i++)
		err = add_children_of(list, list->pids[i]);
	return err;
}

static bool runs_exe(const char *exe, const struct process *process)
{
	struct stat wanted, st;
	char path[64];

	if (!process->exe)
		return false;
	if (strcmp(exe, process->exe) == 0)
		return true;
	snprintf(path, sizeof(path), "/proc/%d/exe", process->pid);
	return stat(exe, &wanted) == 0 && stat(path, &st) == 0 && wanted.st_ino == st.st_ino &&
	       wanted.st_dev == st.st_dev;
}

static bool part_matches(const struct target_selection *part, const struct process *process)
{
	if (cgroups_match(&part->cgroup, process->pid))
		return true;
	if (part->comm && strncmp(part->comm, process->comm, sizeof(process->comm) - 1) == 0)
		return true;
	return part->exe && runs_exe(part->exe, process);
}

bool target_matches(const struct target_selection *selection, const struct process *process)
{
	const struct target_selection *parts;
	size_t n = target_parts(selection, &parts);

	for (size_t i = 0; i < n; i++)
		if (part_matches(&parts[i], process))
			return true;
	return false;
}

static bool named_by_pid(const struct target_selection *selection, pid_t pid)
{
	for (size_t i = 0; i < selection->n_pids; i++) {
		if (selection->pids[i] == pid)
			return true;
	}
	return false;
}

uint64_t target_numbers(const struct target_selection *selection, const struct process *process)
{
	const struct target_selection *parts;
	size_t n = target_parts(selection, &parts);
	uint64_t numbers = 0;

	for (size_t i = 0; i < n; i++)
		if (named_by_pid(&parts[i], process->pid) || part_matches(&parts[i], process))
			numbers |= 1ULL << i;
	return numbers;
}

bool target_matches_pid(const struct target_selection *selection, pid_t pid)
{
	struct process brief = {.pid = pid};
	bool matches;

	if (pid == getpid() || read_comm(pid, brief.comm))
		return false;
	brief.exe = read_exe(pid);
	matches = target_matches(selection, &brief);
	free(brief.exe);
	return matches;
}

/* Those that are named, with their children where they are meant too. */
static int add_named(const struct target_selection *part, struct pid_list *list)
{
	struct pid_list own = {0};
	int err = 0;

	for (size_t i = 0; !err && i < part->n_pids; i++)
		err = pid_list_add(&own, part->pids[i]);
	if (!err && part->follow)
		err = add_children(&own);
	for (size_t i = 0; !err && i < own.n; i++)
		if (!pid_list_has(list, own.pids[i]))
			err = pid_list_add(list, own.pids[i]);
	free(own.pids);
	return err;
}

static int select_pids(const struct target_selection *selection, struct pid_list *list)
{
	const struct target_selection *parts;
	size_t n = target_parts(selection, &parts);
	struct pid_list all = {0};
	int err = 0;

	for (size_t i = 0; !err && i < n; i++)
		err = add_named(&parts[i], list);
	if (!err && target_is_open(selection))
		err = all_pids(&all);
	for (size_t i = 0; !err && i < all.n; i++) {
		if (!pid_list_has(list, all.pids[i]) && target_matches_pid(selection, all.pids[i]))
			err = pid_list_add(list, all.pids[i]);
	}
	free(all.pids);
	if (list->n)
		qsort(list->pids, list->n, sizeof(*list->pids), compare_pids);
	return err;
}

int target_everyone(pid_t **pids, size_t *n)
{
	struct pid_list all = {0};
	int err = all_pids(&all);

	*pids = all.pids;
	*n = all.n;
	return err;
}

int target_pids(const struct target_selection *selection, pid_t **pids, size_t *n)
{
	struct pid_list list = {0};
	int err = select_pids(selection, &list);

	if (err) {
		free(list.pids);
		list = (struct pid_list){0};
	}
	*pids = list.pids;
	*n = list.n;
	return err;
}

bool target_runs(pid_t pid)
{
	char *exe = read_exe(pid);
	bool runs = exe || (errno != ENOENT && errno != ESRCH);

	free(exe);
	return runs;
}

/* What would help who may not read a process. */
static const char *remedy(int err)
{
	if (err != -EACCES && err != -EPERM)
		return "";
	return geteuid() ? "; run lapse as root: sudo lapse ..."
			 : ", even by root: CAP_SYS_PTRACE is missing (a container?), or a security module "
			   "forbids it";
}

/* Why @pid, which was named, cannot be read. */
static void say_unreadable(pid_t pid, int err)
{
	struct brief brief;

	if (err != -ESRCH)
		diag_error("process %d cannot be read: %s%s", pid, strerror(-err), remedy(err));
	else if (read_brief(pid, &brief))
		diag_error("no process %d", pid);
	else if (brief.kernel)
		diag_error("process %d is a thread of the kernel's: it has no functions to probe", pid);
	else if (halted_first_thread(pid))
		diag_error(
			"process %d goes on without its first thread, which has ended: the kernel finds its "
			"memory by that one, so it cannot be probed",
			pid);
	else
		diag_error("process %d has ended (a zombie, which its parent %d has not waited for)", pid,
			   brief.parent);
}

/* A thread is no process, although /proc shows it as one. */
static bool is_thread(pid_t pid)
{
	pid_t process = target_of_thread(pid);

	if (!process || process == pid)
		return false;
	diag_error("%d is a thread of process %d: give -p %d, or -t %d for this thread alone", pid, process,
		   process, pid);
	return true;
}

static int read_selected(const struct target_selection *selection, const struct pid_list *list,
			 struct process *processes, size_t *n)
{
	for (size_t i = 0; i < list->n; i++) {
		pid_t pid = list->pids[i];
		int err;

		if (named_by_pid(selection, pid) && is_thread(pid))
			return -ESRCH;
		err = process_read(pid, &processes[*n]);
		if (!err) {
			processes[*n].targets = target_numbers(selection, &processes[*n]);
			(*n)++;
			continue;
		}
		if (err == -ENOMEM)
			return err;
		if (!named_by_pid(selection, pid))
			continue;
		say_unreadable(pid, err);
		return err;
	}
	return 0;
}

static bool same_exe(const struct process *process, pid_t pid)
{
	char *exe = read_exe(pid);
	bool same = exe && process->exe && strcmp(exe, process->exe) == 0;

	free(exe);
	return same;
}

/* Servers fork workers that run the same program: a person may mean those. */
static void note_children(const struct process *processes, size_t n)
{
	struct pid_list list = {0};
	size_t children = 0;

	for (size_t i = 0; i < n; i++) {
		if (pid_list_add(&list, processes[i].pid))
			break;
	}
	if (list.n == n && !add_children_in_brief(&list)) {
		for (size_t i = n; i < list.n; i++)
			children += same_exe(&processes[0], list.pids[i]);
	}
	if (children)
		diag_note("process %d has %zu %s the same program; --follow measures %s too",
			  processes[0].pid, children,
			  children > 1 ? "descendants that run" : "child that runs",
			  children > 1 ? "them" : "it");
	free(list.pids);
}

int target_find(const struct target_selection *selection, struct process **processes, size_t *n)
{
	struct pid_list list = {0};
	int err = select_pids(selection, &list);

	*processes = NULL;
	*n = 0;
	if (!err && list.n) {
		*processes = calloc(list.n, sizeof(**processes));
		err = *processes ? read_selected(selection, &list, *processes, n) : -ENOMEM;
	}
	if (!err && *n && selection->n_pids && !selection->follow)
		note_children(*processes, *n);
	free(list.pids);
	if (err) {
		target_free(*processes, *n);
		*processes = NULL;
		*n = 0;
	}
	return err;
}

int target_parse_pids(const char *text, pid_t **pids, size_t *n)
{
	struct pid_list list = {0};
	const char *at = text;
	int err = 0;

	while (!err) {
		char *end;
		long pid;

		while (*at == ',' || isspace((unsigned char)*at))
			at++;
		if (!*at)
			break;
		errno = 0;
		pid = strtol(at, &end, 10);
		if (!isdigit((unsigned char)*at) || (*end && *end != ',' && !isspace((unsigned char)*end)) ||
		    errno || pid <= 0 || pid > INT_MAX) {
			diag_caret(text, (size_t)(at - text), strcspn(at, ", \t\n"), NULL,
				   "not a process id");
			err = -EINVAL;
		} else {
			err = pid_list_add(&list, (pid_t)pid);
			at = end;
		}
	}
	if (!err && !list.n) {
		diag_error("-p wants a process id");
		err = -EINVAL;
	}
	if (err) {
		free(list.pids);
		list = (struct pid_list){0};
	}
	*pids = list.pids;
	*n = list.n;
	return err;
}

pid_t target_of_thread(pid_t tid)
{
	char path[32], line[128];
	FILE *file;
	int pid = 0;

	snprintf(path, sizeof(path), "/proc/%d/status", tid);
	file = fopen(path, "re");
	if (!file)
		return 0;
	while (fgets(line, sizeof(line), file))
		if (sscanf(line, "Tgid: %d", &pid) == 1)
			break;
	fclose(file);
	return pid;
}
