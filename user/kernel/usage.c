// SPDX-License-Identifier: GPL-2.0-or-later
#include "kernel/usage.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <uthash.h>

#include "base/units.h"

struct watched {
	pid_t pid;
	unsigned long long started; /* clock ticks after boot */
	uint64_t first_ns, last_ns;
	bool alive; /* when it was last read */
	UT_hash_handle hh;
};

/* In clock ticks, of all processors together. */
struct processor_time {
	unsigned long long all, stolen;
};

struct usage {
	struct watched *watched;
	struct processor_time first;
};

/* /proc/stat, proc(5): user, nice, system, idle, iowait, irq, softirq, steal; what guests took is in the
 * first two. */
static struct processor_time read_processors(void)
{
	enum { FIELDS = 8 };
	struct processor_time sum = {0};
	unsigned long long ticks;
	FILE *file = fopen("/proc/stat", "re");
	int n = 0;

	if (!file)
		return sum;
	if (fscanf(file, "cpu%*[ ]") != EOF)
		for (; n < FIELDS && fscanf(file, "%llu", &ticks) == 1; n++) {
			sum.all += ticks;
			sum.stolen = ticks;
		}
	fclose(file);
	return n == FIELDS ? sum : (struct processor_time){0};
}

struct usage *usage_new(void)
{
	struct usage *usage = calloc(1, sizeof(*usage));

	if (usage)
		usage->first = read_processors();
	return usage;
}

void usage_processors(const struct usage *usage, uint64_t *all, uint64_t *stolen)
{
	struct processor_time now = read_processors();

	*all = *stolen = 0;
	if (!usage->first.all || now.all < usage->first.all || now.stolen < usage->first.stolen)
		return;
	*all = now.all - usage->first.all;
	*stolen = now.stolen - usage->first.stolen;
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

/* What /proc/PID/stat says of a process. */
struct reading {
	uint64_t cpu_ns;
	uint64_t resident_bytes;
	unsigned long long started; /* tells it from another one that has got its number */
	bool alive;
};

/* Behind the command, which may hold any character. Its first thread may have ended before the others. */
static int parse_stat(const char *line, struct reading *reading)
{
	unsigned long long user, system, pages;
	long threads;
	char state;
	const char *after = strrchr(line, ')');

	if (!after || sscanf(after,
			     ") %c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %llu %llu %*d %*d %*d %*d %ld %*d "
			     "%llu %*u %llu",
			     &state, &user, &system, &threads, &reading->started, &pages) != 6)
		return -ESRCH;
	reading->cpu_ns = (user + system) * (NSEC_PER_SEC / (uint64_t)sysconf(_SC_CLK_TCK));
	reading->resident_bytes = pages * (uint64_t)sysconf(_SC_PAGESIZE);
	reading->alive = (state != 'Z' && state != 'X') || threads > 1;
	return 0;
}

static int read_process(pid_t pid, struct reading *reading)
{
	char path[32], line[1024];
	FILE *file;
	size_t n;

	snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	file = fopen(path, "re");
	if (!file)
		return -errno;
	n = fread(line, 1, sizeof(line) - 1, file);
	fclose(file);
	line[n] = '\0';
	return parse_stat(line, reading);
}

int usage_watch(struct usage *usage, pid_t pid)
{
	struct watched *watched;
	struct reading reading;
	int err;

	HASH_FIND_INT(usage->watched, &pid, watched);
	if (watched)
		return 0;
	watched = calloc(1, sizeof(*watched));
	if (!watched)
		return -ENOMEM;
	watched->pid = pid;
	err = read_process(pid, &reading);
	if (err) {
		free(watched);
		return err;
	}
	watched->started = reading.started;
	watched->alive = reading.alive;
	watched->first_ns = watched->last_ns = reading.cpu_ns;
	HASH_ADD_INT(usage->watched, pid, watched);
	return 0;
}

struct usage_sum usage_target(struct usage *usage)
{
	struct watched *each, *next;
	struct usage_sum sum = {0};
	struct reading now;

	HASH_ITER (hh, usage->watched, each, next) {
		bool was_alive = each->alive;

		each->alive = false;
		if (!read_process(each->pid, &now) && now.started == each->started) {
			each->last_ns = now.cpu_ns;
			each->alive = now.alive;
			sum.resident_bytes += now.alive ? now.resident_bytes : 0;
		}
		sum.alive |= each->alive;
		sum.ended |= was_alive && !each->alive;
		sum.cpu_ns += each->last_ns - each->first_ns;
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
