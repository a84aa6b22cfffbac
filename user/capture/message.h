/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What is recorded, as messages: from the structures of the feed to bytes, and back in the thread that
 * writes. */
#ifndef LAPSE_CAPTURE_MESSAGE_H
#define LAPSE_CAPTURE_MESSAGE_H

#include "capture/bytes.h"
#include "capture/record.h"
#include "capture/tape.h"
#include "monitor/feed.h"
#include "monitor/snapshot.h"

enum message_kind {
	MESSAGE_SPAN = 1,
	MESSAGE_TICK,
	MESSAGE_VIOLATION,
	MESSAGE_ALERT,
	MESSAGE_PROCESS,
	MESSAGE_COMPONENT,
	MESSAGE_CONTRACT,
	MESSAGE_FACT,
	MESSAGE_COMMIT, /* a tick, and all that it set off, is whole */
};

/* A span of any kind. */
union message_span {
	struct lapse_span span;
	struct lapse_why_span why;
	struct lapse_tcp_span tcp;
	struct hung_span hung;
};
size_t message_span_size(const struct lapse_span *span);

/* Whether something tells it from a common one: it broke a limit, or failed. */
bool span_is_rare(const struct lapse_span *span);
/* The same of its message. */
bool message_span_is_rare(const struct tape_message *message);

/* A stack in words: its short form, then a function a line; NULL: none. */
void message_put_span(struct bytes_out *out, const struct lapse_span *span, const char *stack);
/* *stack is to be freed. */
void message_span(struct bytes_in *in, union message_span *span, char **stack);

/* What the recording knows of a tick: its number, from 1, and what was lost on the way here since the start.
 */
struct message_lost {
	uint64_t number, records, ticks;
};

/* @stacks of the spans that hang, by their index in tick->open; NULL: of none. */
void message_put_tick(struct bytes_out *out, const struct tick *tick, const struct message_lost *lost,
		      const char *const *stacks);

/* A tick with all that it points to. */
struct message_tick {
	struct tick tick;
	struct message_lost lost;
	struct tick_component *components;
	struct bucket_delta *buckets;
	uint64_t *recent;
	struct lapse_why_row *rows;
	struct lapse_span *open;
	struct hung_span *hung;
	char **stacks; /* one an open span, or NULL */
};
/* 0, -ENOMEM or -EINVAL. To be freed in either case. */
int message_tick(struct bytes_in *in, struct message_tick *tick);
void message_tick_free(struct message_tick *tick);

void message_put_violation(struct bytes_out *out, const struct violation *violation);
void message_violation(struct bytes_in *in, struct violation *violation, char **value);
void message_put_alert(struct bytes_out *out, const struct alert *alert, const char *json);
void message_alert(struct bytes_in *in, struct alert *alert, char **json);

/* Texts that are read are to be freed by message_texts_free(). */
#define MESSAGE_TEXTS 10
struct message_texts {
	char *text[MESSAGE_TEXTS];
	size_t n;
};
void message_texts_free(struct message_texts *texts);

void message_put_component(struct bytes_out *out, const struct capture_component *component);
void message_component(struct bytes_in *in, struct capture_component *component, struct message_texts *texts);
void message_put_process(struct bytes_out *out, const struct capture_process *process);
void message_process(struct bytes_in *in, struct capture_process *process, struct message_texts *texts);

#endif
