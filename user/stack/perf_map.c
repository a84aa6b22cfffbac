// SPDX-License-Identifier: GPL-2.0-or-later
#include "stack/perf_map.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* A longer line is none. */
#define LINE_MAX_BYTES 4096
/* Code that was written over by other code of different beginning: so many entries are looked back. */
#define LOOK_BACK      32

struct entry {
	uint64_t addr, size;
	size_t order; /* later ones count */
	char *name;
};

struct perf_map {
	int fd;
	pid_t pid;
	uid_t uid;
	unsigned vain; /* look-ups without a file */
	off_t read;    /* how far */
	struct entry *entries;
	size_t n, capacity;
	size_t order;
	bool unsorted;
	char line[LINE_MAX_BYTES]; /* its beginning, while the rest is not there */
	size_t length;
	bool too_long;
};

struct perf_map *perf_map_new(void)
{
	struct perf_map *map = calloc(1, sizeof(*map));

	if (map)
		map->fd = -1;
	return map;
}

static void forget(struct perf_map *map)
{
	for (size_t i = 0; i < map->n; i++)
		free(map->entries[i].name);
	map->n = map->order = map->length = 0;
	map->read = 0;
	map->too_long = false;
}

void perf_map_free(struct perf_map *map)
{
	if (!map)
		return;
	forget(map);
	free(map->entries);
	if (map->fd >= 0)
		close(map->fd);
	free(map);
}

/* The process's number in its own pid namespace, by which it calls its file. */
static pid_t inner_pid(pid_t pid)
{
	char path[64], line[256], *last;
	pid_t inner = pid;
	FILE *status;

	snprintf(path, sizeof(path), "/proc/%d/status", pid);
	status = fopen(path, "re");
	while (status && fgets(line, sizeof(line), status)) {
		if (strncmp(line, "NSpid:", strlen("NSpid:")) != 0)
			continue;
		last = strrchr(line, '\t');
		if (last && atoi(last) > 0)
			inner = atoi(last);
		break;
	}
	if (status)
		fclose(status);
	return inner;
}

/* Opens a file that its user or root has written, and nothing else that may lie under the name. */
static int open_trusted(const char *path, uid_t uid)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY);
	struct stat st;

	if (fd < 0)
		return -1;
	if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && (st.st_uid == uid || st.st_uid == 0))
		return fd;
	close(fd);
	return -1;
}

bool perf_map_open(struct perf_map *map, pid_t pid, uid_t uid)
{
	char path[PATH_MAX];

	if (map->fd >= 0)
		return true;
	map->pid = pid;
	map->uid = uid;
	snprintf(path, sizeof(path), "/proc/%d/root/tmp/perf-%d.map", pid, inner_pid(pid));
	map->fd = open_trusted(path, uid);
	if (map->fd < 0) {
		snprintf(path, sizeof(path), "/tmp/perf-%d.map", pid);
		map->fd = open_trusted(path, uid);
	}
	return map->fd >= 0;
}

static void add_entry(struct perf_map *map, const struct entry *entry)
{
	if (map->n == map->capacity) {
		size_t grown = map->capacity ? map->capacity * 2 : 256;
		struct entry *entries = grown > PERF_MAP_SYMBOLS_MAX
						? NULL
						: reallocarray(map->entries, grown, sizeof(*entries));

		if (!entries)
			return;
		map->entries = entries;
		map->capacity = grown;
	}
	map->entries[map->n] = *entry;
	map->entries[map->n].name = strdup(entry->name);
	map->entries[map->n].order = map->order++;
	map->n += map->entries[map->n].name != NULL;
	map->unsorted = true;
}

static bool parse_number(char **at, uint64_t *number)
{
	char *end;

	errno = 0;
	*number = strtoull(*at, &end, 16);
	if (errno || end == *at || **at == '-' || *end != ' ')
		return false;
	*at = end + strspn(end, " ");
	return true;
}

static void parse_line(struct perf_map *map, char *line)
{
	struct entry entry = {0};

	if (parse_number(&line, &entry.addr) && parse_number(&line, &entry.size) && *line && entry.size &&
	    entry.size <= UINT64_MAX - entry.addr) {
		entry.name = line;
		add_entry(map, &entry);
	}
}

static void end_line(struct perf_map *map)
{
	map->line[map->length] = '\0';
	if (!map->too_long)
		parse_line(map, map->line);
	map->length = 0;
	map->too_long = false;
}

void perf_map_parse(struct perf_map *map, const char *bytes, size_t size)
{
	for (size_t i = 0; i < size; i++) {
		if (bytes[i] == '\n')
			end_line(map);
		else if (map->length < sizeof(map->line) - 1)
			map->line[map->length++] = bytes[i];
		else
			map->too_long = true;
	}
}

bool perf_map_update(struct perf_map *map)
{
	off_t before = map->read;
	char bytes[16384];
	struct stat st;
	ssize_t n;

	/* At the 1st, 2nd, 4th, 8th ... time. */
	if (map->fd < 0 && map->pid && (map->vain & (map->vain + 1)) == 0)
		perf_map_open(map, map->pid, map->uid);
	map->vain += map->fd < 0;
	if (map->fd < 0 || fstat(map->fd, &st))
		return false;
	/* Begun anew, by the program's next image. */
	if (st.st_size < map->read)
		forget(map);
	while (map->read < (off_t)PERF_MAP_BYTES_MAX &&
	       (n = pread(map->fd, bytes, sizeof(bytes), map->read)) > 0) {
		perf_map_parse(map, bytes, (size_t)n);
		map->read += n;
	}
	return map->read != before;
}

static int compare(const void *a, const void *b)
{
	const struct entry *x = a, *y = b;

	if (x->addr != y->addr)
		return x->addr < y->addr ? -1 : 1;
	return x->order < y->order ? -1 : 1;
}

/* How many entries begin at or before @addr. */
static size_t entries_to(const struct perf_map *map, uint64_t addr)
{
	size_t low = 0, high = map->n;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (map->entries[middle].addr <= addr)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

bool perf_map_find(struct perf_map *map, uint64_t addr, struct perf_symbol *symbol)
{
	const struct entry *found = NULL;
	size_t end;

	if (map->unsorted)
		qsort(map->entries, map->n, sizeof(*map->entries), compare);
	map->unsorted = false;
	end = entries_to(map, addr);
	for (size_t i = end; i > 0 && end - i < LOOK_BACK; i--) {
		const struct entry *entry = &map->entries[i - 1];

		if (addr - entry->addr < entry->size && (!found || entry->order > found->order))
			found = entry;
	}
	if (found)
		*symbol = (struct perf_symbol){found->addr, found->size, found->name};
	return found;
}
