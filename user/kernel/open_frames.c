// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Spans in flight. A task iterator writes every open frame; the ones that have been open for long
 * are looked at more closely, because a frame that longjmp or an exception has left stays on its
 * task's stack until a later entry prunes it: it must not be taken for a call that hangs.
 */
#include "kernel/tracer_parts.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/units.h"

/* Younger frames within their limit are taken as they are, and no more than so many are looked at a tick. */
#define CONFIRM_AFTER_NS (5 * NSEC_PER_MSEC)
#define SUSPECT_AGE_NS	 (200 * NSEC_PER_MSEC)
#define MAX_SUSPECTS	 MAX_DEAD_FRAMES

/* As in bpf/stack.h: beyond it an address is on another stack. */
#define STACK_REACH (8ULL << 20)

int open_frames_attach(struct tracer *tracer)
{
	tracer->iterator = bpf_program__attach_iter(tracer->skel->progs.open_frames, NULL);
	return tracer->iterator ? 0 : -errno;
}

/* Where a blocked thread's stack pointer is in user space; false while it runs. */
static bool thread_sp(const struct lapse_open *open, uint64_t *sp)
{
	char path[64], line[256];
	unsigned long long value;
	FILE *file;
	bool known;

	snprintf(path, sizeof(path), "/proc/%u/task/%u/syscall", open->pid, open->tid);
	file = fopen(path, "re");
	if (!file)
		return false;
	known = fgets(line, sizeof(line), file) &&
		(sscanf(line, "%*d 0x%*x 0x%*x 0x%*x 0x%*x 0x%*x 0x%*x 0x%llx", &value) == 1 ||
		 sscanf(line, "-1 0x%llx", &value) == 1);
	fclose(file);
	*sp = known ? value : 0;
	return known;
}

/* The word where the frame's return address was; false where it cannot be read. */
static bool slot_word(const struct lapse_open *open, uint64_t *word)
{
	char path[32];
	bool known;
	int memory;

	snprintf(path, sizeof(path), "/proc/%u/mem", open->pid);
	memory = open64(path, O_RDONLY | O_CLOEXEC);
	if (memory < 0)
		return false;
	known = pread(memory, word, sizeof(*word), open->sp) == sizeof(*word);
	close(memory);
	return known;
}

/* Whether @address is in the process's [uprobes] page, where its return probes lead. */
static bool is_trampoline(const struct lapse_open *open, uint64_t address)
{
	unsigned long long start, end;
	char path[32], line[512];
	bool found = false;
	FILE *maps;

	snprintf(path, sizeof(path), "/proc/%u/maps", open->pid);
	maps = fopen(path, "re");
	if (!maps)
		return true;
	while (!found && fgets(line, sizeof(line), maps))
		found = strstr(line, "[uprobes]") && sscanf(line, "%llx-%llx", &start, &end) == 2 &&
			address >= start && address < end;
	fclose(maps);
	return found;
}

/* A frame above the thread's stack pointer, or whose slot holds something else now. */
static bool frame_dead(const struct lapse_open *open, const struct lapse_goroutine *goroutine)
{
	uint64_t sp, word;

	if (goroutine)
		return goroutine_frame_dead(goroutine, open);
	if (thread_sp(open, &sp) && sp > open->sp && sp - open->sp < STACK_REACH)
		return true;
	if (!slot_word(open, &word))
		return false;
	if (open->flags & LAPSE_FRAME_RETINS)
		return word != open->caller && !is_trampoline(open, word);
	return !is_trampoline(open, word);
}

static bool past_limit(const struct tracer *tracer, uint32_t component, uint64_t age_ns)
{
	const __u64 *limit = tracer->components[component].level_ns;

	return age_ns > limit[LAPSE_LEVEL_NOTICE] || age_ns > limit[LAPSE_LEVEL_WARNING];
}

int open_keep(struct tracer *tracer, const struct lapse_span *span)
{
	if (span->component >= tracer->n_told)
		return 0;
	if (tracer->n_open == tracer->max_open) {
		size_t max = tracer->max_open ? 2 * tracer->max_open : 256;
		struct lapse_span *grown = realloc(tracer->open, max * sizeof(*grown));

		if (!grown)
			return -ENOMEM;
		tracer->open = grown;
		tracer->max_open = max;
	}
	tracer->open[tracer->n_open++] = *span;
	return 0;
}

static struct hung_span *new_hung(struct tracer *tracer)
{
	if (tracer->n_hung == tracer->max_hung) {
		size_t max = tracer->max_hung ? 2 * tracer->max_hung : 16;
		struct hung_span *grown = realloc(tracer->hung, max * sizeof(*grown));

		if (!grown)
			return NULL;
		tracer->hung = grown;
		tracer->max_hung = max;
	}
	return &tracer->hung[tracer->n_hung++];
}

/* A thread's own span that is past its limit: what is known of where it is, too. */
static int keep_hung(struct tracer *tracer, const struct lapse_span *span,
		     const struct lapse_open_waits *waits, uint64_t now_ns)
{
	struct hung_span *hung;

	if (span->component >= tracer->n_told || !span->tid ||
	    !past_limit(tracer, span->component, span->duration_ns))
		return 0;
	hung = new_hung(tracer);
	if (!hung)
		return -ENOMEM;
	*hung = (struct hung_span){
		.head.span = *span, .now.cause = LAPSE_CAUSES, .kernel_stack = -1, .user_stack = -1};
	hung->head.span.flags |= LAPSE_SPAN_HUNG;
	if (waits)
		hung_explain(hung, waits, now_ns);
	return 0;
}

static int keep_open(struct tracer *tracer, const struct lapse_open *open,
		     const struct lapse_open_waits *waits, uint64_t age_ns)
{
	struct lapse_span span = {
		.kind = LAPSE_REC_SPAN,
		.component = open->component,
		.pid = open->pid,
		.tid = open->tid,
		.start_ns = open->start_ns,
		.duration_ns = age_ns,
		.raw_ns = age_ns,
		.flags = LAPSE_SPAN_OPEN,
	};

	memcpy(span.comm, open->comm, sizeof(span.comm));
	return keep_hung(tracer, &span, waits, span.start_ns + age_ns) ?: open_keep(tracer, &span);
}

static struct dead_frame *known_dead(struct tracer *tracer, const struct lapse_open *open)
{
	for (size_t i = 0; i < tracer->n_dead_frames; i++)
		if (tracer->dead_frames[i].tid == open->tid &&
		    tracer->dead_frames[i].start_ns == open->start_ns)
			return &tracer->dead_frames[i];
	return NULL;
}

static void remember_dead(struct tracer *tracer, const struct lapse_open *open)
{
	if (tracer->n_dead_frames < MAX_DEAD_FRAMES)
		tracer->dead_frames[tracer->n_dead_frames++] =
			(struct dead_frame){.tid = open->tid, .start_ns = open->start_ns};
}

/* The suspicion of the look before holds: the frame is still there, and still dead. */
static bool confirm(struct tracer *tracer, const struct lapse_open *open,
		    const struct lapse_goroutine *goroutine)
{
	struct dead_frame *known = known_dead(tracer, open);

	if (known && frame_dead(open, goroutine))
		known->confirmed = true;
	return known && known->confirmed;
}

static bool is_dead(struct tracer *tracer, const struct lapse_open *open,
		    const struct lapse_goroutine *goroutine, uint64_t age_ns)
{
	const struct dead_frame *known;

	if (open->flags & LAPSE_FRAME_TURN)
		return false;
	switch (tracer->look) {
	case LOOK_LAST:
		known = known_dead(tracer, open);
		return known && known->confirmed;
	case LOOK_CONFIRM:
		return confirm(tracer, open, goroutine);
	case LOOK_TICK:
		if (age_ns < SUSPECT_AGE_NS && !past_limit(tracer, open->component, age_ns))
			return false;
		break;
	case LOOK_ALL:
		break;
	}
	if (tracer->n_suspects++ >= MAX_SUSPECTS || !frame_dead(open, goroutine))
		return false;
	remember_dead(tracer, open);
	return true;
}

int open_take(struct tracer *tracer, const struct lapse_open *open, const struct lapse_open_waits *waits,
	      const struct lapse_goroutine *goroutine, uint64_t now_ns)
{
	uint64_t age = now_ns > open->start_ns ? now_ns - open->start_ns : 0;

	if (open->component >= tracer->n_components)
		return 0;
	if (tracer->memory[open->component].dropped || is_dead(tracer, open, goroutine, age)) {
		tracer->dead[open->component]++;
		return 0;
	}
	return keep_open(tracer, open, waits, age);
}

/* The records at @at, if they are whole: an open frame, with its waits where it is past its limit. Returns
 * the length of what was taken, 0 or -errno. */
static ssize_t take_record(struct tracer *tracer, const char *at, size_t have, uint64_t now_ns)
{
	struct lapse_open_waits waits;
	struct lapse_open open;
	size_t size = sizeof(open);
	int err;

	if (have < size)
		return 0;
	memcpy(&open, at, sizeof(open));
	if (open.flags & LAPSE_FRAME_WAITS) {
		size += sizeof(waits);
		if (have < size)
			return 0;
		memcpy(&waits, at + sizeof(open), sizeof(waits));
	}
	err = open_take(tracer, &open, open.flags & LAPSE_FRAME_WAITS ? &waits : NULL, NULL, now_ns);
	return err ? err : (ssize_t)size;
}

/* The iterator's stream is whole records, but a read may end within one. */
static int read_stream(struct tracer *tracer, int fd, uint64_t now_ns)
{
	char buffer[sizeof(struct lapse_open) * 512];
	size_t have = 0;
	ssize_t n, taken = 0;

	while (taken >= 0 && (n = read(fd, buffer + have, sizeof(buffer) - have)) > 0) {
		size_t at = 0;

		have += (size_t)n;
		while ((taken = take_record(tracer, buffer + at, have - at, now_ns)) > 0)
			at += (size_t)taken;
		have -= at;
		memmove(buffer, buffer + at, have);
	}
	return taken < 0 ? (int)taken : n < 0 ? -errno : 0;
}

static int by_identity(const void *a, const void *b)
{
	return span_by_identity(&((const struct hung_span *)a)->head.span,
				&((const struct hung_span *)b)->head.span);
}

static int read_threads(struct tracer *tracer, uint64_t now_ns)
{
	int fd = bpf_iter_create(bpf_link__fd(tracer->iterator));
	int err = fd < 0 ? fd : read_stream(tracer, fd, now_ns);

	if (fd >= 0)
		close(fd);
	return err;
}

static int read_all(struct tracer *tracer, uint64_t now_ns)
{
	if (!tracer_has_frames(tracer))
		return open_maps_read(tracer, now_ns);
	if (!tracer->iterator)
		return -EOPNOTSUPP;
	return read_threads(tracer, now_ns) ?: open_maps_read(tracer, now_ns);
}

int open_frames_read(struct tracer *tracer, uint64_t now_ns)
{
	int err;

	/* What was open when the probes went was open so long; what became of it is not known. */
	if (tracer->look == LOOK_LAST)
		now_ns = tracer->stop_ns;

	tracer->n_open = tracer->n_hung = tracer->n_suspects = 0;
	if (tracer->look == LOOK_TICK || tracer->look == LOOK_ALL)
		tracer->n_dead_frames = 0;
	memset(tracer->dead, 0, tracer->n_components * sizeof(*tracer->dead));
	err = read_all(tracer, now_ns);
	if (tracer->n_hung)
		qsort(tracer->hung, tracer->n_hung, sizeof(*tracer->hung), by_identity);
	return err;
}

void open_frames_settle(struct tracer *tracer)
{
	const struct timespec pause = {.tv_nsec = CONFIRM_AFTER_NS};

	tracer->look = LOOK_ALL;
	open_frames_read(tracer, clock_now_ns());
	tracer->look = LOOK_CONFIRM;
	if (tracer->n_dead_frames) {
		nanosleep(&pause, NULL);
		open_frames_read(tracer, clock_now_ns());
	}
	tracer->look = LOOK_LAST;
	tracer->skel->bss->stopped = 1;
	tracer->stop_ns = clock_now_ns();
}
