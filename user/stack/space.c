// SPDX-License-Identifier: GPL-2.0-or-later
#include "stack/space.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "probe/maps.h"
#include "stack/unwinder.h"

/* Look-ups in vain between two readings, at most. */
#define PATIENCE_MAX 4096

/* The mappings while they are read. */
struct reading {
	struct binaries *binaries;
	const struct process *process;
	struct range *ranges;
	size_t n, capacity;
	FILE *files; /* to .text */
	char *text;
	size_t size;
};

struct space *space_new(struct binaries *binaries, pid_t pid)
{
	struct space *space = calloc(1, sizeof(*space));

	if (!space)
		return NULL;
	space->pid = pid;
	space->jit = perf_map_new();
	if (!space->jit) {
		space_free(space);
		return NULL;
	}
	space_read(space, binaries);
	return space;
}

void space_free(struct space *space)
{
	if (!space)
		return;
	unwinder_free(space->unwinder);
	perf_map_free(space->jit);
	free(space->ranges);
	free(space->files);
	free(space);
}

/* The process's file of which @line maps a part; there may be several deleted ones of one name. */
static const struct mapped_file *file_of(const struct process *process, const struct maps_line *line)
{
	for (size_t i = 0; i < process->n_files; i++) {
		const struct mapped_file *file = &process->files[i];

		if (file->deleted == line->deleted && strcmp(file->name, line->name) == 0 &&
		    (!line->deleted || file->id.ino == line->ino || file->start == line->start))
			return file;
	}
	return NULL;
}

static int add_range(struct reading *reading, const struct range *range)
{
	if (reading->n == reading->capacity) {
		size_t grown = reading->capacity ? reading->capacity * 2 : 64;
		struct range *ranges = reallocarray(reading->ranges, grown, sizeof(*ranges));

		if (!ranges)
			return -ENOMEM;
		reading->ranges = ranges;
		reading->capacity = grown;
	}
	reading->ranges[reading->n++] = *range;
	return 0;
}

/* A line that maps no file: "[vdso]", "[anon:v8]", or no name at all. */
static int add_memory(struct reading *reading, char *line)
{
	struct range range = {.name = ""};
	char perms[5];
	int at = 0;

	if (sscanf(line, "%" SCNx64 "-%" SCNx64 " %4s %*x %*x:%*x %*u %n", &range.start, &range.end, perms,
		   &at) < 3)
		return 0;
	range.executable = strlen(perms) > 2 && perms[2] == 'x';
	if (at) {
		line[at + (int)strcspn(line + at, "\n")] = '\0';
		range.name = pool_keep(reading->binaries->pool, line + at);
	}
	if (strcmp(range.name, "[vdso]") == 0)
		range.binary = binaries_vdso(reading->binaries);
	return add_range(reading, &range);
}

static int add_line(struct reading *reading, char *line)
{
	const struct mapped_file *file;
	struct maps_line parsed;
	struct range range = {0};
	char *whole = strdup(line);

	if (!whole)
		return -ENOMEM;
	if (!maps_parse_line(line, &parsed)) {
		free(whole);
		return add_memory(reading, line);
	}
	fputs(whole, reading->files);
	free(whole);
	range = (struct range){
		.start = parsed.start,
		.end = parsed.end,
		.offset = parsed.offset,
		.executable = parsed.executable,
		.name = pool_keep(reading->binaries->pool, parsed.name),
	};
	file = file_of(reading->process, &parsed);
	if (file)
		range.binary = binaries_get(reading->binaries, file);
	return add_range(reading, &range);
}

static int read_maps(struct reading *reading)
{
	char path[64], *line = NULL;
	size_t size = 0;
	int err = 0;
	FILE *maps;

	snprintf(path, sizeof(path), "/proc/%d/maps", reading->process->pid);
	maps = fopen(path, "re");
	if (!maps)
		return errno == ENOENT ? -ESRCH : -errno;
	while (!err && getline(&line, &size, maps) > 0)
		err = add_line(reading, line);
	free(line);
	fclose(maps);
	return err || reading->n ? err : -ESRCH;
}

/* Puts what was read in place of what was known. */
static void take(struct space *space, struct reading *reading)
{
	free(space->ranges);
	free(space->files);
	space->ranges = reading->ranges;
	space->n = reading->n;
	space->files = reading->text;
	unwinder_free(space->unwinder);
	space->unwinder = NULL;
	perf_map_open(space->jit, space->pid, reading->process->uid);
}

static int read_process(struct space *space, struct binaries *binaries, const struct process *process)
{
	struct reading reading = {.binaries = binaries, .process = process};
	int err;

	reading.files = open_memstream(&reading.text, &reading.size);
	if (!reading.files)
		return -ENOMEM;
	err = read_maps(&reading);
	if (fclose(reading.files) && !err)
		err = -ENOMEM;
	if (err) {
		free(reading.ranges);
		free(reading.text);
		return err;
	}
	take(space, &reading);
	return 0;
}

int space_read(struct space *space, struct binaries *binaries)
{
	struct process process;
	int err = process_read(space->pid, &process);

	if (!err) {
		err = read_process(space, binaries, &process);
		process_free(&process);
	}
	space->err = space->ranges ? 0 : err;
	return err;
}

const struct range *space_known(const struct space *space, uint64_t addr)
{
	size_t low = 0, high = space->n;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (space->ranges[middle].end <= addr)
			low = middle + 1;
		else
			high = middle;
	}
	return low < space->n && space->ranges[low].start <= addr ? &space->ranges[low] : NULL;
}

const struct range *space_find(struct space *space, struct binaries *binaries, uint64_t addr)
{
	const struct range *range = space_known(space, addr);

	if (range || space->misses++ < space->patience)
		return range;
	space->misses = 0;
	if (space_read(space, binaries) == 0)
		range = space_known(space, addr);
	space->patience = range ? 0 : space->patience < PATIENCE_MAX ? 2 * space->patience + 1 : PATIENCE_MAX;
	return range;
}
