// SPDX-License-Identifier: GPL-2.0-or-later
#include "probe/cgroups.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/diag.h"
#include "base/text.h"
#include "probe/target.h"

/* A dozen hierarchies, each with a path. */
#define LINES_SIZE 16384

/* The inode of the first namespace of control groups, which the kernel has fixed. */
#define FIRST_NAMESPACE "cgroup:[4026531835]"

/* How many containers an ambiguous beginning names. */
#define CONTAINERS_SHOWN 5

/* The lines of /proc/PID/cgroup; false: the process is gone. */
static bool read_lines(pid_t pid, char lines[LINES_SIZE])
{
	char path[64];
	size_t length = 0;
	ssize_t n;
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/cgroup", pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return false;
	while ((n = read(fd, lines + length, LINES_SIZE - 1 - length)) > 0)
		length += (size_t)n;
	close(fd);
	lines[length] = '\0';
	return length > 0;
}

bool cgroups_match(const struct cgroup_rule *rule, pid_t pid)
{
	char lines[LINES_SIZE];

	return rule->by != CGROUP_NONE && read_lines(pid, lines) && cgroup_rule_matches(rule, lines);
}

/* ---- where they are mounted ------------------------------------------------------------------------ */

/* A line of /proc/self/mountinfo: "36 35 0:30 ROOT POINT options - cgroup2 source options". */
static bool parse_mount(const char *line, char root[PATH_MAX], char point[PATH_MAX])
{
	const char *type = strstr(line, " - ");

	if (!type || strncmp(type, " - cgroup", 9))
		return false;
	return sscanf(line, "%*d %*d %*s %4095s %4095s", root, point) == 2;
}

static bool is_below(const char *path, const char *point)
{
	size_t length = strlen(point);

	return !strncmp(path, point, length) && (!path[length] || path[length] == '/');
}

void cgroups_strip_mount(struct cgroup_rule *rule)
{
	char line[3 * PATH_MAX], root[PATH_MAX], point[PATH_MAX], name[PATH_MAX + CGROUP_NAME] = "";
	FILE *mounts = fopen("/proc/self/mountinfo", "re");
	size_t longest = 0;

	while (mounts && fgets(line, sizeof(line), mounts)) {
		if (!parse_mount(line, root, point) || !is_below(rule->name, point) ||
		    strlen(point) <= longest)
			continue;
		longest = strlen(point);
		snprintf(name, sizeof(name), "%s%s", strcmp(root, "/") ? root : "", rule->name + longest);
	}
	if (mounts)
		fclose(mounts);
	if (longest && strlen(name) < sizeof(rule->name))
		snprintf(rule->name, sizeof(rule->name), "%s", *name ? name : "/");
}

/* ---- containers -------------------------------------------------------------------------------------- */

struct containers {
	char id[CONTAINERS_SHOWN][CGROUP_CONTAINER_ID + 1];
	pid_t pid[CONTAINERS_SHOWN]; /* one of its processes */
	size_t n;		     /* those that were found; only the first are kept */
};

static void add_container(struct containers *containers, const char *id, pid_t pid)
{
	for (size_t i = 0; i < containers->n && i < CONTAINERS_SHOWN; i++)
		if (!strcmp(containers->id[i], id))
			return;
	if (containers->n < CONTAINERS_SHOWN) {
		strcpy(containers->id[containers->n], id);
		containers->pid[containers->n] = pid;
	}
	containers->n++;
}

static void say_containers(const struct cgroup_rule *rule, const struct containers *containers)
{
	char which[CONTAINERS_SHOWN * 64] = "";
	size_t length = 0;

	for (size_t i = 0; i < containers->n && i < CONTAINERS_SHOWN; i++)
		length += (size_t)snprintf(which + length, sizeof(which) - length, "%s%.16s (PID %d)",
					   i ? ", " : "", containers->id[i], containers->pid[i]);
	diag_error("several containers begin with '%s': %s%s; give more digits", rule->name, which,
		   containers->n > CONTAINERS_SHOWN ? " and more" : "");
}

int cgroups_find_container(struct cgroup_rule *rule)
{
	char lines[LINES_SIZE], id[CGROUP_CONTAINER_ID + 1];
	struct containers containers = {0};
	pid_t *pids;
	size_t n;
	int err = target_everyone(&pids, &n);

	for (size_t i = 0; !err && i < n; i++)
		if (read_lines(pids[i], lines) && cgroup_rule_container(rule, lines, id))
			add_container(&containers, id, pids[i]);
	free(pids);
	if (err)
		return err;
	if (containers.n > 1) {
		say_containers(rule, &containers);
		return -ENOTUNIQ;
	}
	if (!containers.n) {
		diag_error("no process is in a container whose id begins with '%s'%s", rule->name,
			   cgroups_namespaced() ? "; lapse is in a cgroup namespace of its own, from which "
						  "others cannot be told: run it outside of its container"
						: "");
		return -ENOENT;
	}
	strcpy(rule->name, containers.id[0]);
	return 0;
}

/* ---- names that are near ------------------------------------------------------------------------------ */

struct nearest {
	struct text_nearest text;
	char *name;
	size_t size;
};

static void offer(void *context, const char *part)
{
	struct nearest *nearest = context;

	if (!strrchr(part, '.'))
		return;
	text_nearest_offer(&nearest->text, part);
	if (nearest->text.best != part)
		return;
	/* The part is gone when this returns. */
	snprintf(nearest->name, nearest->size, "%s", part);
	nearest->text.best = nearest->name;
}

bool cgroups_nearest_unit(const struct cgroup_rule *rule, char *name, size_t size)
{
	struct nearest nearest = {.text = {.wanted = rule->name}, .name = name, .size = size};
	char lines[LINES_SIZE];
	pid_t *pids;
	size_t n;
	int err = target_everyone(&pids, &n);

	for (size_t i = 0; !err && i < n; i++)
		if (read_lines(pids[i], lines))
			cgroup_each_part(lines, offer, &nearest);
	free(pids);
	return nearest.text.best;
}

bool cgroups_namespaced(void)
{
	char link[64] = "";

	return readlink("/proc/self/ns/cgroup", link, sizeof(link) - 1) > 0 && strcmp(link, FIRST_NAMESPACE);
}
