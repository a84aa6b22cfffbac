/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Reads a recording: what was measured, and then event by event what entered the monitor and what came of it,
 * in the order in which it did. A file that is damaged, or that nobody ended, is read as far as it goes; what
 * could not be read is said once, and counted. Whatever is in the file, reading it is safe.
 *
 *   reader_open -> reader_components, reader_fact, ... -> reader_next until 0 -> [reader_rewind] ->
 * reader_close
 */
#ifndef LAPSE_CAPTURE_READER_H
#define LAPSE_CAPTURE_READER_H

#include "capture/record.h"

struct reader;

/* 0, or -errno after a message: -ENOENT, -EACCES, -EINVAL (no recording, or of a newer version), -ENOMEM. */
int reader_open(const char *path, struct reader **reader);
void reader_close(struct reader *reader);

/* NULL, or @otherwise: nobody has said so. Text is untrusted, like all names in the file. */
const char *reader_fact(const struct reader *reader, const char *name);
int64_t reader_number(const struct reader *reader, const char *name, int64_t otherwise);
/* The @i-th of all facts, by name; false: there is none. */
bool reader_fact_at(const struct reader *reader, size_t i, const char **name, const char **value);

/* Whether it was ended in peace; else lapse was killed, the disk was full, or it is still being written. */
bool reader_is_complete(const struct reader *reader);

/* All that are ever told of, by their number, which has no gaps; NULL: there is no such one. Those with
 * .feeds are none of the monitor's. */
size_t reader_n_components(const struct reader *reader);
const struct capture_component *reader_component(const struct reader *reader, uint32_t id);

/* The contract file as it was at the beginning; NULL: without. */
const struct capture_contract *reader_contract(const struct reader *reader);
/* Whether that was read anew meanwhile: others follow, as events. */
bool reader_is_reloaded(const struct reader *reader);

/* What the monitor was made with; .system is to be filled in. A recording that has lost its beginning begins
 * where its first tick does. */
struct monitor_options reader_options(const struct reader *reader);

enum reader_kind {
	READER_COMPONENT,
	READER_CONTRACT,
	READER_PROCESS,
	READER_SPAN,	/* of a component of the monitor */
	READER_CONNECT, /* a connection that .component->fed opens */
	READER_TICK,
	READER_VIOLATION,
	READER_ALERT,
};

struct reader_violation {
	struct violation violation; /* .component may be the whole: the number of components */
	const char *type;	    /* "LATENCY_VIOLATION" */
};

struct reader_alert {
	uint64_t time_ns;
	const char *state, *type, *severity;
	uint32_t component;
	double measured, limit;
	uint64_t held_back, violations, since_ns;
	const char *json; /* the line that was told */
};

/* Valid until the next event. */
struct reader_event {
	enum reader_kind kind;
	uint64_t seq;
	const struct capture_component *component; /* of components, spans and connections */
	const struct capture_contract *contract;
	const struct capture_process *process;
	/* The head of what its flags say: LAPSE_SPAN_WHY, LAPSE_SPAN_TCP. */
	const struct lapse_span *span;
	const char *stack_brief, *stack; /* of its longest wait, a function a line; NULL: not known */
	/* Its spans in flight, as tick_open_span() has them; their stacks by reader_open_stack(). */
	const struct tick *tick;
	uint64_t lost; /* records that were lost on the way into the file, since the tick before */
	const struct reader_violation *violation;
	const struct reader_alert *alert;
};

/* 1, 0 at the end, or -ENOMEM. */
int reader_next(struct reader *reader, struct reader_event *event);
/* From the beginning again. */
int reader_rewind(struct reader *reader);

/* Of span @i in flight of the last tick; NULL: not known. */
const char *reader_open_stack(const struct reader *reader, size_t i);

/* So many places could not be read so far. */
size_t reader_damage(const struct reader *reader);
/* Whether what was measured may have stood there, and not only who waited for whom, or what came of it. */
bool reader_has_gaps(const struct reader *reader);

#endif
