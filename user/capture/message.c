// SPDX-License-Identifier: GPL-2.0-or-later
#include "capture/message.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* What has another layout than it had is to be put, and read, anew. */
_Static_assert(sizeof(struct tick_counters) == 19 * 8, "tick_counters");
_Static_assert(sizeof(struct tick_value) == 112, "tick_value");
_Static_assert(sizeof(struct tick_tcp) == 12 * 8, "tick_tcp");
_Static_assert(sizeof(struct tick_connects) == 9 * 8, "tick_connects");
_Static_assert(sizeof(struct hung_span) % 8 == 0, "hung_span");
_Static_assert(sizeof(struct tick_self) == 15 * 8, "tick_self");
_Static_assert(sizeof(struct tick_component) % 8 == 0, "tick_component");
_Static_assert(sizeof(struct capture_component) % 8 == 0, "capture_component");
_Static_assert(sizeof(struct capture_process) % 8 == 0, "capture_process");
_Static_assert(sizeof(struct violation) % 8 == 0, "violation");
_Static_assert(sizeof(struct alert) % 8 == 0, "alert");

/* Bytes that a row of causes takes at least: a bit a word. */
#define ROW_BYTES (sizeof(struct lapse_why_row) / 64)

/* ---- spans ------------------------------------------------------------------------------------- */

size_t message_span_size(const struct lapse_span *span)
{
	if (span->flags & LAPSE_SPAN_HUNG)
		return sizeof(struct hung_span);
	if (span->flags & LAPSE_SPAN_WHY)
		return sizeof(struct lapse_why_span);
	return span->flags & LAPSE_SPAN_TCP ? sizeof(struct lapse_tcp_span) : sizeof(*span);
}

bool span_is_rare(const struct lapse_span *span)
{
	return span->flags & (LAPSE_SPAN_BREACH | LAPSE_SPAN_ERROR | LAPSE_SPAN_VALUE);
}

bool message_span_is_rare(const struct tape_message *message)
{
	struct bytes_in in = {.at = message->bytes, .end = message->bytes + message->length};
	struct lapse_span flags = {.flags = (uint32_t)bytes_number(&in)};

	return span_is_rare(&flags);
}

void message_put_span(struct bytes_out *out, const struct lapse_span *span, const char *stack)
{
	bytes_put_number(out, span->flags);
	bytes_put_text(out, stack);
	bytes_put_words(out, span, message_span_size(span));
}

void message_span(struct bytes_in *in, union message_span *span, char **stack)
{
	struct lapse_span flags = {.flags = (uint32_t)bytes_number(in)};

	*stack = bytes_text(in);
	bytes_words(in, span, message_span_size(&flags));
}

/* ---- ticks ------------------------------------------------------------------------------------- */

static void put_buckets(struct bytes_out *out, const struct tick_component *c)
{
	bytes_put_number(out, c->n_buckets);
	for (size_t i = 0; i < c->n_buckets; i++) {
		bytes_put_number(out, c->buckets[i].index);
		bytes_put_number(out, c->buckets[i].count);
	}
}

static void put_component(struct bytes_out *out, const struct tick_component *c)
{
	struct tick_component plain = *c;

	plain.buckets = NULL;
	plain.recent = NULL;
	plain.causes.row = NULL;
	bytes_put_words(out, &plain, sizeof(plain));
	put_buckets(out, c);
	bytes_put(out, c->recent, c->n_recent * sizeof(*c->recent));
	bytes_put_words(out, c->causes.row, c->causes.n * sizeof(*c->causes.row));
}

void message_put_tick(struct bytes_out *out, const struct tick *tick, const struct message_lost *lost,
		      const char *const *stacks)
{
	size_t n_buckets = 0, n_recent = 0, n_rows = 0;

	for (size_t i = 0; i < tick->n_components; i++) {
		n_buckets += tick->components[i].n_buckets;
		n_recent += tick->components[i].n_recent;
		n_rows += tick->components[i].causes.n;
	}
	bytes_put_number(out, tick->now_ns);
	bytes_put_number(out, tick->period_ns);
	bytes_put_number(out, tick->open_known);
	bytes_put_number(out, lost->number);
	bytes_put_number(out, lost->records);
	bytes_put_number(out, lost->ticks);
	bytes_put_words(out, &tick->self, sizeof(tick->self));
	bytes_put_number(out, tick->n_components);
	bytes_put_number(out, n_buckets);
	bytes_put_number(out, n_recent);
	bytes_put_number(out, n_rows);
	bytes_put_number(out, tick->n_open);
	bytes_put_number(out, tick->n_hung);
	for (size_t i = 0; i < tick->n_components; i++)
		put_component(out, &tick->components[i]);
	for (size_t i = 0; i < tick->n_open; i++)
		message_put_span(out, tick_open_span(tick, i), stacks ? stacks[i] : NULL);
}

/* What is left of the room that was made for all components. */
struct room {
	size_t buckets, recent, rows;
};

static void take_buckets(struct bytes_in *in, struct message_tick *to, struct tick_component *c,
			 struct room *used, const struct room *room)
{
	uint64_t n = bytes_number(in);

	if (n > room->buckets - used->buckets) {
		in->bad = true;
		n = 0;
	}
	c->buckets = to->buckets + used->buckets;
	c->n_buckets = n;
	for (uint64_t i = 0; i < n; i++) {
		struct bucket_delta *delta = &to->buckets[used->buckets++];

		delta->index = (uint16_t)bytes_number(in);
		delta->count = (uint32_t)bytes_number(in);
	}
}

static void take_recent(struct bytes_in *in, struct message_tick *to, struct tick_component *c,
			struct room *used, const struct room *room)
{
	size_t size = c->n_recent * sizeof(*c->recent);

	if (c->n_recent > room->recent - used->recent || (size_t)(in->end - in->at) < size) {
		in->bad = true;
		c->n_recent = 0;
		return;
	}
	if (size)
		memcpy(to->recent + used->recent, in->at, size);
	c->recent = c->n_recent ? to->recent + used->recent : NULL;
	used->recent += c->n_recent;
	in->at += size;
}

static void take_causes(struct bytes_in *in, struct message_tick *to, struct tick_component *c,
			struct room *used, const struct room *room)
{
	struct why_rows *rows = &c->causes;

	if (rows->first > LAPSE_WHY_ROWS || rows->n > LAPSE_WHY_ROWS - rows->first ||
	    rows->n > room->rows - used->rows) {
		in->bad = true;
		*rows = (struct why_rows){0};
		return;
	}
	rows->row = to->rows + used->rows;
	used->rows += rows->n;
	bytes_words(in, rows->row, rows->n * sizeof(*rows->row));
}

static void take_components(struct bytes_in *in, struct message_tick *to, const struct room *room)
{
	struct room used = {0};

	for (size_t i = 0; i < to->tick.n_components && !in->bad; i++) {
		struct tick_component *c = &to->components[i];

		bytes_words(in, c, sizeof(*c));
		c->buckets = NULL;
		c->recent = NULL;
		c->causes.row = NULL;
		take_buckets(in, to, c, &used, room);
		take_recent(in, to, c, &used, room);
		take_causes(in, to, c, &used, room);
	}
}

static void take_open(struct bytes_in *in, struct message_tick *to, size_t n_hung)
{
	for (size_t i = 0; i < to->tick.n_open && !in->bad; i++) {
		union message_span span;

		message_span(in, &span, &to->stacks[i]);
		to->open[i] = span.span;
		if (!(span.span.flags & LAPSE_SPAN_HUNG))
			continue;
		if (to->tick.n_hung == n_hung) {
			in->bad = true;
			return;
		}
		to->hung[to->tick.n_hung++] = span.hung;
	}
	if (to->tick.n_hung)
		qsort(to->hung, to->tick.n_hung, sizeof(*to->hung), span_by_identity);
}

/* No more of anything is taken for true than there are bytes for, @least each. */
static uint64_t take_count(struct bytes_in *in, size_t least)
{
	uint64_t n = bytes_number(in);

	if (n <= (size_t)(in->end - in->at) / least)
		return n;
	in->bad = true;
	return 0;
}

static int make_tick_room(struct message_tick *to, const struct room *room, size_t n_hung)
{
	struct tick *tick = &to->tick;

	to->components = calloc(tick->n_components + 1, sizeof(*to->components));
	to->buckets = calloc(room->buckets + 1, sizeof(*to->buckets));
	to->recent = calloc(room->recent + 1, sizeof(*to->recent));
	to->rows = calloc(room->rows + 1, sizeof(*to->rows));
	to->open = calloc(tick->n_open + 1, sizeof(*to->open));
	to->hung = calloc(n_hung + 1, sizeof(*to->hung));
	to->stacks = calloc(tick->n_open + 1, sizeof(*to->stacks));
	tick->components = to->components;
	tick->open = to->open;
	tick->hung = to->hung;
	return to->components && to->buckets && to->recent && to->rows && to->open && to->hung && to->stacks
		       ? 0
		       : -ENOMEM;
}

int message_tick(struct bytes_in *in, struct message_tick *tick)
{
	struct tick *head = &tick->tick;
	struct room room;
	size_t n_hung;

	*tick = (struct message_tick){0};
	head->now_ns = bytes_number(in);
	head->period_ns = bytes_number(in);
	head->open_known = bytes_number(in);
	tick->lost.number = bytes_number(in);
	tick->lost.records = bytes_number(in);
	tick->lost.ticks = bytes_number(in);
	bytes_words(in, &head->self, sizeof(head->self));
	head->n_components = take_count(in, sizeof(struct tick_component) / 64);
	room.buckets = take_count(in, 2);
	room.recent = take_count(in, sizeof(uint64_t));
	room.rows = take_count(in, ROW_BYTES);
	head->n_open = take_count(in, sizeof(struct lapse_span) / 64);
	n_hung = take_count(in, sizeof(struct hung_span) / 64);
	if (in->bad || make_tick_room(tick, &room, n_hung))
		return in->bad ? -EINVAL : -ENOMEM;
	take_components(in, tick, &room);
	take_open(in, tick, n_hung);
	return in->bad ? -EINVAL : 0;
}

void message_tick_free(struct message_tick *tick)
{
	for (size_t i = 0; tick->stacks && i < tick->tick.n_open; i++)
		free(tick->stacks[i]);
	free(tick->components);
	free(tick->buckets);
	free(tick->recent);
	free(tick->rows);
	free(tick->open);
	free(tick->hung);
	free(tick->stacks);
	*tick = (struct message_tick){0};
}

/* ---- what was found ---------------------------------------------------------------------------- */

void message_put_violation(struct bytes_out *out, const struct violation *violation)
{
	struct violation plain = *violation;

	plain.why = NULL;
	plain.value = NULL;
	bytes_put_words(out, &plain, sizeof(plain));
	bytes_put_text(out, violation->value);
}

void message_violation(struct bytes_in *in, struct violation *violation, char **value)
{
	bytes_words(in, violation, sizeof(*violation));
	*value = bytes_text(in);
	violation->value = *value;
	violation->why = NULL;
}

void message_put_alert(struct bytes_out *out, const struct alert *alert, const char *json)
{
	struct alert plain = *alert;

	plain.value = NULL;
	bytes_put_words(out, &plain, sizeof(plain));
	bytes_put_text(out, json);
}

void message_alert(struct bytes_in *in, struct alert *alert, char **json)
{
	bytes_words(in, alert, sizeof(*alert));
	*json = bytes_text(in);
	alert->value = NULL;
}

/* ---- what is measured -------------------------------------------------------------------------- */

void message_texts_free(struct message_texts *texts)
{
	while (texts->n)
		free(texts->text[--texts->n]);
}

static const char *take_text(struct bytes_in *in, struct message_texts *texts)
{
	char *text = texts->n < MESSAGE_TEXTS ? bytes_text(in) : NULL;

	if (text)
		texts->text[texts->n++] = text;
	return text;
}

void message_put_component(struct bytes_out *out, const struct capture_component *component)
{
	const struct monitor_component *m = &component->monitored;

	bytes_put_words(out, component, sizeof(*component));
	bytes_put_text(out, m->name);
	bytes_put_text(out, m->function);
	bytes_put_text(out, m->object);
	for (int i = 0; i < LAPSE_VALUES; i++)
		bytes_put_text(out, m->value_name[i]);
	bytes_put_text(out, component->probe);
	bytes_put_text(out, component->feeds);
}

void message_component(struct bytes_in *in, struct capture_component *component, struct message_texts *texts)
{
	struct monitor_component *m = &component->monitored;
	bytes_words(in, component, sizeof(*component));
	m->contract = NULL;
	m->name = take_text(in, texts);
	m->function = take_text(in, texts);
	m->object = take_text(in, texts);
	for (int i = 0; i < LAPSE_VALUES; i++)
		m->value_name[i] = take_text(in, texts);
	component->probe = take_text(in, texts);
	component->feeds = take_text(in, texts);
}

void message_put_process(struct bytes_out *out, const struct capture_process *process)
{
	bytes_put_words(out, process, sizeof(*process));
	bytes_put_text(out, process->event);
	bytes_put_text(out, process->exe);
}

void message_process(struct bytes_in *in, struct capture_process *process, struct message_texts *texts)
{
	bytes_words(in, process, sizeof(*process));
	process->event = take_text(in, texts);
	process->exe = take_text(in, texts);
}
