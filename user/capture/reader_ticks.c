// SPDX-License-Identifier: GPL-2.0-or-later
/* A tick out of its rows: what each table has of it is added to what stood at the tick before. */
#include "capture/reader_parts.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "bpf/buckets.h"
#include "capture/blobs.h"

static struct base_component *component_of(struct reader *reader, struct sql_row *row)
{
	int64_t id = sql_take(row);

	return id >= 0 && id < (int64_t)reader->components.n ? base_of(&reader->base, (uint64_t)id) : NULL;
}

static void bad_blob(struct reader *reader, const struct bytes_in *in, const char *what)
{
	if (in->bad)
		reader_damaged(reader, what, "it does not decode");
}

/* Buckets of all components lie one behind the other, and may move as more come: .n_buckets alone holds. */
static struct bucket_delta *bucket_room(struct reader *reader, size_t used)
{
	size_t wanted = used + LAPSE_BUCKETS(LAPSE_BUCKET_BITS_FINE) + 1;
	struct bucket_delta *grown;

	if (wanted > reader->buckets_room) {
		grown = realloc(reader->buckets, 2 * wanted * sizeof(*grown));
		if (!grown)
			return NULL;
		reader->buckets = grown;
		reader->buckets_room = 2 * wanted;
	}
	return reader->buckets + used;
}

static int take_histogram(struct reader *reader, struct sql_row *row, size_t *used, struct tick_component *to)
{
	struct bytes_in in = sql_take_blob(row);
	struct bucket_delta *room = bucket_room(reader, *used);

	if (!room)
		return -ENOMEM;
	blob_histogram(&in, reader->bucket_bits, room, to);
	*used += to->n_buckets;
	bad_blob(reader, &in, "histogram");
	return 0;
}

static int take_recent(struct reader *reader, struct sql_row *row, struct base_component *c)
{
	struct bytes_in in = sql_take_blob(row);

	if (!in.at) {
		c->n_recent = 0;
		return 0;
	}
	if (!base_want_recent(c))
		return -ENOMEM;
	c->n_recent = blob_recent(&in, c->recent, c->n_recent);
	bad_blob(reader, &in, "newest durations");
	return 0;
}

static int take_causes(struct reader *reader, struct sql_row *row, struct base_component *c)
{
	bool none = sql_is_null(row);
	struct bytes_in in = sql_take_blob(row);

	if (none)
		return 0;
	c->causes.kept = 1;
	if (!blob_causes(&in, &c->causes))
		return -ENOMEM;
	bad_blob(reader, &in, "causes");
	return 0;
}

static void take_late(struct sql_row *row, struct tick_component *to)
{
	bool none = sql_is_null(row);

	to->late_min_ns = (uint64_t)sql_take(row);
	to->late_max_ns = (uint64_t)sql_take(row);
	if (none) {
		to->late_min_ns = UINT64_MAX;
		to->late_max_ns = 0;
	}
}

/* What is of this tick alone. */
static void begin_component(struct base_component *c, uint32_t id)
{
	c->figures.component = id;
	for (int i = 0; i < LAPSE_VALUES; i++) {
		c->figures.value[i].late_min = INT64_MAX;
		c->figures.value[i].late_max = INT64_MIN;
	}
	c->figures.connects.late_max_ns = 0;
}

static int take_figures(struct reader *reader, size_t *used)
{
	struct sql_row row = cursor_row(&reader->table[ROW_FIGURES]);
	struct base_component *c = component_of(reader, &row);
	struct tick_component *to = c ? &c->figures : NULL;
	int err;

	if (!to)
		return 0;
	begin_component(c, (uint32_t)(c - reader->base.components));
	to->running = (enum tick_running)sql_take(&row);
	to->detached = sql_take(&row);
	to->resident_bytes = (uint64_t)sql_take(&row);
	take_late(&row, to);
	sql_take_growth(&row, &schema_figures, to);
	err = take_histogram(reader, &row, used, to);
	if (!err)
		err = take_recent(reader, &row, c);
	if (!err)
		err = take_causes(reader, &row, c);
	if (!err && reader->tick.n_components < reader->components.n)
		reader->components_now[reader->tick.n_components++] = *to;
	return err;
}

static void take_value(struct reader *reader, struct sql_row *row)
{
	struct base_component *c = component_of(reader, row);
	int64_t slot = sql_take(row);
	struct tick_value *to;
	bool none;

	if (!c || slot < 0 || slot >= LAPSE_VALUES)
		return;
	to = &c->figures.value[slot];
	sql_take_chars(row, to->name, sizeof(to->name) - 1);
	to->last = sql_take(row);
	none = sql_is_null(row);
	to->late_min = sql_take(row);
	to->late_max = sql_take(row);
	if (none) {
		to->late_min = INT64_MAX;
		to->late_max = INT64_MIN;
	}
	sql_take_growth(row, &schema_value, to);
}

static void take_connections(struct reader *reader, struct sql_row *row)
{
	struct base_component *c = component_of(reader, row);

	if (!c)
		return;
	c->figures.tcp.min_rtt_us = (uint64_t)sql_take(row);
	sql_take_growth(row, &schema_tcp, &c->figures.tcp);
}

static void take_connects(struct reader *reader, struct sql_row *row)
{
	struct base_component *c = component_of(reader, row);

	if (!c)
		return;
	c->figures.connects.late_max_ns = (uint64_t)sql_take(row);
	sql_take_growth(row, &schema_connects, &c->figures.connects);
}

static void take_each(struct reader *reader, enum schema_row_kind table, int64_t tick,
		      void (*take)(struct reader *, struct sql_row *))
{
	struct cursor *cursor = &reader->table[table];

	for (cursor_seek(cursor, tick); cursor->key == tick; cursor_next(cursor)) {
		struct sql_row row = cursor_row(cursor);

		take(reader, &row);
	}
}

/* ---- spans in flight -------------------------------------------------------------------------------- */

static int take_open(struct reader *reader, int64_t seq, struct sql_row *row)
{
	union message_span span;
	int64_t stack = reader_take_span(reader, row, seq, &span), *number;
	struct lapse_span *open;
	struct hung_span *hung;

	if (span.span.component >= reader->components.n)
		return 0;
	open = list_add(&reader->open, sizeof(*open));
	number = list_add(&reader->open_stacks, sizeof(*number));
	if (!open || !number)
		return -ENOMEM;
	span.span.flags |= LAPSE_SPAN_OPEN;
	*open = span.span;
	*number = stack;
	open->flags &= ~(LAPSE_SPAN_HUNG | LAPSE_SPAN_WHY);
	if (!(span.span.flags & LAPSE_SPAN_HUNG))
		return 0;
	hung = list_add(&reader->hung, sizeof(*hung));
	if (!hung)
		return -ENOMEM;
	*hung = span.hung;
	return 0;
}

/* They stand before their tick; those of one that cannot be read are passed over. */
static int take_all_open(struct reader *reader, int64_t tick)
{
	struct cursor *cursor = &reader->table[ROW_OPEN];
	int err = 0;

	reader->open.n = reader->hung.n = reader->open_stacks.n = 0;
	for (; cursor->key < tick && !err; cursor_next(cursor)) {
		struct sql_row row = cursor_row(cursor);

		if (sql_take(&row) == tick)
			err = take_open(reader, cursor->key, &row);
	}
	if (reader->hung.n)
		qsort(reader->hung.rows, reader->hung.n, sizeof(struct hung_span), span_by_identity);
	return err;
}

const char *reader_open_stack(const struct reader *reader, size_t i)
{
	const int64_t *numbers = reader->open_stacks.rows;
	const struct known_stack *stack = i < reader->open_stacks.n ? reader_stack(reader, numbers[i]) : NULL;

	return stack ? stack->frames : NULL;
}

/* ---- all of it --------------------------------------------------------------------------------------- */

static uint64_t take_self(struct reader *reader, struct sql_row *row)
{
	struct tick *tick = &reader->tick;
	struct tick_self *self = &reader->base.self;
	uint64_t lost;

	sql_take(row); /* its number */
	tick->now_ns = (uint64_t)sql_take(row);
	tick->period_ns = (uint64_t)sql_take(row);
	tick->open_known = sql_take(row);
	lost = (uint64_t)sql_take(row);
	lost += (uint64_t)sql_take(row);
	self->ns_per_hit = sql_take_real(row);
	self->tracer_rss_bytes = (uint64_t)sql_take(row);
	self->delivery_p50_ns = sql_take_real(row);
	self->delivery_p99_ns = sql_take_real(row);
	sql_take_growth(row, &schema_self, self);
	self->processor_ticks = (uint64_t)reader_number(reader, FACT_PROCESSOR_TICKS, 0);
	self->stolen_ticks = (uint64_t)reader_number(reader, FACT_STOLEN_TICKS, 0);
	return lost;
}

/* What values and connections have is added behind the figures; the buckets lie where they stay now. */
static void complete(struct reader *reader)
{
	struct bucket_delta *buckets = reader->buckets;

	for (size_t i = 0; i < reader->tick.n_components; i++) {
		struct tick_component *to = &reader->components_now[i];
		const struct base_component *c = base_of(&reader->base, to->component);

		*to = c->figures;
		to->buckets = buckets;
		buckets += to->n_buckets;
		to->recent = c->n_recent ? c->recent : NULL;
		to->n_recent = c->n_recent;
		to->causes = c->causes;
	}
}

int reader_take_tick(struct reader *reader, struct reader_event *event)
{
	struct sql_row row = cursor_row(&reader->table[ROW_TICK]);
	struct cursor *figures = &reader->table[ROW_FIGURES];
	int64_t seq = (int64_t)event->seq;
	size_t used = 0;
	int err = 0;

	reader->tick = (struct tick){0};
	event->lost = take_self(reader, &row);
	for (cursor_seek(figures, seq); figures->key == seq && !err; cursor_next(figures))
		err = take_figures(reader, &used);
	if (err)
		return err;
	take_each(reader, ROW_VALUE, seq, take_value);
	take_each(reader, ROW_CONNECTIONS, seq, take_connections);
	take_each(reader, ROW_CONNECTS, seq, take_connects);
	err = take_all_open(reader, seq);
	if (err)
		return err;
	complete(reader);
	reader->tick.components = reader->components_now;
	reader->tick.self = reader->base.self;
	reader->tick.open = reader->open.rows;
	reader->tick.n_open = reader->open.n;
	reader->tick.hung = reader->hung.rows;
	reader->tick.n_hung = reader->hung.n;
	event->tick = &reader->tick;
	return 0;
}
