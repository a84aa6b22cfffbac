/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * /tmp/perf-PID.map: what a just-in-time compiler says of the code that it made, a line a function:
 * "START SIZE NAME", numbers in hexadecimal. It grows while the program runs.
 */
#ifndef LAPSE_STACK_PERF_MAP_H
#define LAPSE_STACK_PERF_MAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct perf_map;

struct perf_symbol {
	uint64_t addr, size;
	const char *name; /* lives until the map is read on or freed */
};

/* What is read of a file, and of its lines. */
#define PERF_MAP_BYTES_MAX   (256UL * 1024 * 1024)
#define PERF_MAP_SYMBOLS_MAX (1UL << 20)

/* NULL where memory is out. Release with perf_map_free(). */
struct perf_map *perf_map_new(void);
void perf_map_free(struct perf_map *map);

/*
 * Finds and opens the file of @pid, which keeps it within reach when the process ends; one that
 * belongs neither to the process's user @uid nor to root is not believed. Whether there is one.
 */
bool perf_map_open(struct perf_map *map, pid_t pid, uid_t uid);

/*
 * Reads what the file has got since; one that was not there is looked for again, ever more rarely.
 * Whether there was anything.
 */
bool perf_map_update(struct perf_map *map);

/* Takes in further bytes of the file; what is no line of such a file counts as absent. */
void perf_map_parse(struct perf_map *map, const char *bytes, size_t size);

/* The function that holds @addr, of several the one that was written last; false without one. */
bool perf_map_find(struct perf_map *map, uint64_t addr, struct perf_symbol *symbol);

#endif
