/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Recording: everything that enters the monitor, in its order, with what comes of it. A call here copies what
 * it is given into a queue and never waits; a thread writes it to a file. With .keep_ns nothing is written
 * until capture_begin(): the newest of it stays in memory, as a flight recorder has it.
 */
#ifndef LAPSE_CAPTURE_H
#define LAPSE_CAPTURE_H

#include "capture/record.h"

struct capture;

struct capture_options {
	uint64_t queue_bytes; /* of memory, at most */
	uint64_t keep_ns;   /* how far back memory reaches; 0: a queue that a file is written from at once */
	uint64_t max_bytes; /* of a file; 0: no bound */
	uint64_t max_time_ns; /* that a file reaches back; 0: no bound */
};

/* 0 or -ENOMEM. */
int capture_new(const struct capture_options *options, struct capture **capture);
/* Ends what is being written, and waits for it. NULL is fine. */
void capture_free(struct capture *capture);

/* From now on @path is written, what memory has of the past first. 0, or -errno after a message. */
int capture_begin(struct capture *capture, const char *path);
/* What was recorded so far is to be the end of the file, for that reason. */
void capture_end(struct capture *capture, const char *reason);
/* Whether a file is still being written; when not any more it is whole. */
bool capture_is_writing(struct capture *capture);
/* Waits until it is not. */
void capture_wait(struct capture *capture);

/* What every file has to have: kept as long as the capture. */
void capture_fact(struct capture *capture, const char *name, const char *text);
void capture_fact_number(struct capture *capture, const char *name, int64_t number);
void capture_contract(struct capture *capture, const struct capture_contract *contract);
void capture_component(struct capture *capture, const struct capture_component *component);
void capture_process(struct capture *capture, const struct capture_process *process);

/* The sequence. @stack in words: its short form, then a function a line; NULL: none. */
void capture_span(struct capture *capture, const struct lapse_span *span, const char *stack);
/* @stacks: one an open span of the tick; NULL: none. */
void capture_tick(struct capture *capture, const struct tick *tick, const char *const *stacks);
void capture_violation(struct capture *capture, const struct violation *violation);
/* @json: the alert as the output has it. */
void capture_alert(struct capture *capture, const struct alert *alert, const char *json);
/* All that a tick has set off has been told of: what comes before this call is kept together. */
void capture_commit(struct capture *capture, uint64_t now_ns);

struct capture_figures {
	const char *path;	      /* that was written last; NULL: none */
	uint64_t spans, ticks, bytes; /* in it */
	uint64_t dropped_ticks;	      /* that gave way to newer ones */
	uint64_t lost;	     /* records that found no room in the queue, in the file or on the disk */
	uint64_t left_out;   /* of them, those that the file's bound left out */
	const char *failure; /* why writing has stopped; NULL: it has not */
};
/* Valid until the next call. */
struct capture_figures capture_figures(struct capture *capture);

#endif
