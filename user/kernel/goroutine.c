// SPDX-License-Identifier: GPL-2.0-or-later
/* Frames of goroutines, as the target's memory shows them. */
#include "kernel/tracer_parts.h"

#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "bpf/config.h"

/* As in bpf/goroutine.h: where the imaginary stacks end. */
#define IMAGINARY_TOP (1ULL << 47)

/*
 * How runtime.g begins, from Go 1.17 to 1.25 (src/runtime/runtime2.go). @m is 0 while the goroutine
 * does not run; then, and only then, @sp is where its stack ends.
 */
struct g {
	uint64_t lo, hi;
	uint64_t guards[2];
	uint64_t panic, defer, m;
	uint64_t sp;
	uint64_t registers[6];
	uint64_t syscall[2], top, param;
	uint64_t status[2]; /* where it is, the second time from Go 1.23 on: there the first is param */
};

#define STATUS_DEAD 6

/* Nothing is left of it but the memory, which the next goroutine gets. */
static bool is_dead(const struct g *g)
{
	if (g->status[0])
		return g->status[0] == STATUS_DEAD;
	return (uint32_t)g->status[1] == STATUS_DEAD;
}

static bool read_memory(int memory, uint64_t at, void *buffer, size_t size)
{
	return pread(memory, buffer, size, (off_t)at) == (ssize_t)size;
}

/* What is read while the stack moves belongs to two stacks: nothing is said then. */
static bool frame_left(int memory, uint64_t address, const struct lapse_open *open)
{
	struct g before, after;
	uint64_t slot, word;

	if (!read_memory(memory, address, &before, sizeof(before)))
		return false;
	if (is_dead(&before) || !before.hi)
		return true;
	slot = before.hi - (IMAGINARY_TOP - open->sp);
	if (slot < before.lo || slot >= before.hi)
		return true;
	if (!read_memory(memory, slot, &word, sizeof(word)) ||
	    !read_memory(memory, address, &after, sizeof(after)) || before.hi != after.hi)
		return false;
	return word != open->caller || (!before.m && !after.m && after.sp > slot);
}

bool goroutine_frame_dead(const struct lapse_goroutine *goroutine, const struct lapse_open *open)
{
	char path[32];
	bool dead;
	int memory;

	snprintf(path, sizeof(path), "/proc/%d/mem", (pid_t)goroutine->pid);
	memory = open64(path, O_RDONLY | O_CLOEXEC);
	if (memory < 0)
		return false;
	dead = frame_left(memory, goroutine->g, open);
	close(memory);
	return dead;
}
