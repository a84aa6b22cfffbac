// SPDX-License-Identifier: GPL-2.0-or-later
#include "kernel/usage.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <uthash.h>

#include "base/units.h"

struct watched {
	pid_t pid;
	uint64_t first_ns, last_ns;
	UT_hash_handle hh;
};

struct usage {
	struct watched *watched;
};

struct usage *usage_new(void)
{
	return calloc(1, sizeof(struct usage));
}

void usage_free(struct usage *usage)
{
	struct watched *each, *next;

	if (!usage)
		return;
	HASH_ITER (hh, usage->watched, each, next) {
		HASH_DEL(usage->watched, each);
		free(each);
	}
	free(usage);
}

/* utime and stime are the 12th and 13th fields after the command, which may hold any character. */
static int read_cpu_ns(pid_t pid, uint64_t *ns)
{
	unsigned long long user, system;
	char path[32], line[1024];
	const char *after;
	FILE *file;
	size_t n;

	snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	file = fopen(path, "re");
	if (!file)
		return -errno;
	n = fread(line, 1, sizeof(line) - 1, file);
	fclose(file);
	line[n] = '\0';
	after = strrchr(line, ')');
	if (!after ||
	    sscanf(after, ") %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %llu %llu", &user, &system) != 2)
		return -ESRCH;
	*ns = (user + system) * (NSEC_PER_SEC / (uint64_t)sysconf(_SC_CLK_TCK));
	return 0;
}

int usage_watch(struct usage *usage, pid_t pid)
{
	struct watched *watched;
	int err;

	HASH_FIND_INT(usage->watched, &pid, watched);
	if (watched)
		return 0;
	watched = calloc(1, sizeof(*watched));
	if (!watched)
		return -ENOMEM;
	watched->pid = pid;
	err = read_cpu_ns(pid, &watched->first_ns);
	if (err) {
		free(watched);
		return err;
	}
	watched->last_ns = watched->first_ns;
	HASH_ADD_INT(usage->watched, pid, watched);
	return 0;
}

uint64_t usage_target_ns(struct usage *usage)
{
	struct watched *each, *next;
	uint64_t sum = 0, now_ns;

	HASH_ITER (hh, usage->watched, each, next) {
		if (!read_cpu_ns(each->pid, &now_ns) && now_ns >= each->last_ns)
			each->last_ns = now_ns;
		sum += each->last_ns - each->first_ns;
	}
	return sum;
}

uint64_t usage_own_ns(void)
{
	struct timespec time;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
	return time.tv_sec * NSEC_PER_SEC + time.tv_nsec;
}

uint64_t usage_own_rss(void)
{
	unsigned long long pages = 0;
	FILE *file = fopen("/proc/self/statm", "re");

	if (!file)
		return 0;
	if (fscanf(file, "%*u %llu", &pages) != 1)
		pages = 0;
	fclose(file);
	return pages * (uint64_t)sysconf(_SC_PAGESIZE);
}
