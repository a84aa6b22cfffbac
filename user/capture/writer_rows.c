// SPDX-License-Identifier: GPL-2.0-or-later
/* Messages into rows, but for spans. */
#include "capture/writer_parts.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "capture/blobs.h"

static void put(struct writer *w, struct sql_row *row)
{
	writer_check(w, sql_insert(row));
}

/* ---- ticks ----------------------------------------------------------------------------------------- */

/* NULL where there are none. */
static void put_extremes(struct sql_row *row, bool any, int64_t min, int64_t max)
{
	if (any) {
		sql_put(row, min);
		sql_put(row, max);
	} else {
		sql_put_null(row);
		sql_put_null(row);
	}
}

static void put_blobs(struct writer *w, struct sql_row *row, const struct base_component *before,
		      const struct tick_component *now)
{
	for (size_t i = 0; i < 3; i++)
		bytes_clear(&w->blob[i]);
	blob_put_histogram(&w->blob[0], now);
	if (now->n_recent)
		blob_put_recent(&w->blob[1], before->recent, before->n_recent, now->recent, now->n_recent);
	blob_put_causes(&w->blob[2], &before->causes, &now->causes);
	sql_put_blob(row, &w->blob[0]);
	sql_put_blob(row, &w->blob[1]);
	/* None have come: that they are kept is told by an empty blob. */
	if (now->causes.kept && !w->blob[2].n)
		sqlite3_bind_zeroblob(row->statement, ++row->column, 0);
	else
		sql_put_blob(row, &w->blob[2]);
}

static void put_figures(struct writer *w, int64_t seq, const struct base_component *before,
			const struct tick_component *now)
{
	struct sql_row row = sql_row(w->insert[ROW_FIGURES]);

	sql_put(&row, seq);
	sql_put(&row, now->component);
	sql_put(&row, now->running);
	sql_put(&row, now->detached);
	sql_put(&row, (int64_t)now->resident_bytes);
	put_extremes(&row, now->late_max_ns || now->late_min_ns != UINT64_MAX, (int64_t)now->late_min_ns,
		     (int64_t)now->late_max_ns);
	sql_put_growth(&row, &schema_figures, &before->figures, now);
	put_blobs(w, &row, before, now);
	put(w, &row);
}

static void put_value(struct writer *w, int64_t seq, uint32_t component, int slot,
		      const struct tick_value *before, const struct tick_value *now)
{
	struct sql_row row = sql_row(w->insert[ROW_VALUE]);

	if (!*now->name)
		return;
	sql_put(&row, seq);
	sql_put(&row, component);
	sql_put(&row, slot);
	sql_put_chars(&row, now->name, sizeof(now->name));
	sql_put(&row, now->last);
	put_extremes(&row, now->late_min <= now->late_max, now->late_min, now->late_max);
	sql_put_growth(&row, &schema_value, before, now);
	put(w, &row);
}

static void put_connections(struct writer *w, int64_t seq, const struct base_component *before,
			    const struct tick_component *now)
{
	struct sql_row row = sql_row(w->insert[ROW_CONNECTIONS]);

	if (!memcmp(&before->figures.tcp, &now->tcp, sizeof(now->tcp)))
		return;
	sql_put(&row, seq);
	sql_put(&row, now->component);
	sql_put(&row, (int64_t)now->tcp.min_rtt_us);
	sql_put_growth(&row, &schema_tcp, &before->figures.tcp, &now->tcp);
	put(w, &row);
}

static void put_connects(struct writer *w, int64_t seq, const struct base_component *before,
			 const struct tick_component *now)
{
	struct sql_row row = sql_row(w->insert[ROW_CONNECTS]);

	if (!memcmp(&before->figures.connects, &now->connects, sizeof(now->connects)))
		return;
	sql_put(&row, seq);
	sql_put(&row, now->component);
	sql_put(&row, (int64_t)now->connects.late_max_ns);
	sql_put_growth(&row, &schema_connects, &before->figures.connects, &now->connects);
	put(w, &row);
}

static void put_component_figures(struct writer *w, int64_t seq, const struct tick_component *now)
{
	const struct base_component *before = base_of(&w->base, now->component);

	if (!before) {
		writer_check(w, SQLITE_NOMEM);
		return;
	}
	put_figures(w, seq, before, now);
	for (int slot = 0; slot < LAPSE_VALUES; slot++)
		put_value(w, seq, now->component, slot, &before->figures.value[slot], &now->value[slot]);
	put_connections(w, seq, before, now);
	put_connects(w, seq, before, now);
}

/* Spans in flight come in the sequence before their tick. */
static void put_open(struct writer *w, int64_t seq, const struct message_tick *tick)
{
	for (size_t i = 0; i < tick->tick.n_open; i++) {
		const struct lapse_span *span = tick_open_span(&tick->tick, i);
		union message_span whole = {.span = *span};

		if (span != &tick->open[i])
			memcpy(&whole.hung, span, sizeof(whole.hung));
		writer_put_open(w, seq - (int64_t)tick->tick.n_open + (int64_t)i, seq, &whole,
				tick->stacks[i]);
	}
}

static void put_number(struct writer *w, const char *name, uint64_t number)
{
	struct sql_row row = sql_row(w->insert[ROW_FACT]);

	sql_put_text(&row, name);
	sql_put(&row, (int64_t)number);
	put(w, &row);
}

/* Known at the end only, and then for all of it. */
static void put_processors(struct writer *w, const struct tick_self *self)
{
	if (!self->processor_ticks)
		return;
	put_number(w, FACT_PROCESSOR_TICKS, self->processor_ticks);
	put_number(w, FACT_STOLEN_TICKS, self->stolen_ticks);
}

static void put_tick(struct writer *w, int64_t seq, const struct message_tick *whole)
{
	const struct tick *tick = &whole->tick;
	struct sql_row row = sql_row(w->insert[ROW_TICK]);

	sql_put(&row, seq);
	sql_put(&row, (int64_t)whole->lost.number);
	sql_put(&row, (int64_t)tick->now_ns);
	sql_put(&row, (int64_t)tick->period_ns);
	sql_put(&row, tick->open_known);
	sql_put(&row, (int64_t)(whole->lost.records - w->base.lost_records + w->figures.left_out -
				w->left_out_told));
	sql_put(&row, (int64_t)(whole->lost.ticks - w->base.lost_ticks));
	sql_put_real(&row, tick->self.ns_per_hit);
	sql_put(&row, (int64_t)tick->self.tracer_rss_bytes);
	sql_put_real(&row, tick->self.delivery_p50_ns);
	sql_put_real(&row, tick->self.delivery_p99_ns);
	sql_put_growth(&row, &schema_self, &w->base.self, &tick->self);
	put(w, &row);
	for (size_t i = 0; i < tick->n_components && !w->failure; i++)
		put_component_figures(w, seq, &tick->components[i]);
	put_open(w, seq, whole);
	put_processors(w, &tick->self);
	if (!base_take(&w->base, tick))
		writer_check(w, SQLITE_NOMEM);
	w->base.lost_records = whole->lost.records;
	w->left_out_told = w->figures.left_out;
	w->base.lost_ticks = whole->lost.ticks;
	w->figures.ticks++;
}

static void take_tick(struct writer *w, int64_t seq, struct bytes_in *in)
{
	struct message_tick tick;
	int err = message_tick(in, &tick);

	if (err)
		writer_check(w, err == -ENOMEM ? SQLITE_NOMEM : SQLITE_CORRUPT);
	else
		put_tick(w, seq, &tick);
	message_tick_free(&tick);
}

/* ---- spans ----------------------------------------------------------------------------------------- */

static void take_span(struct writer *w, int64_t seq, struct bytes_in *in)
{
	union message_span span;
	char *stack;

	message_span(in, &span, &stack);
	writer_put_span(w, seq, &span, stack);
	free(stack);
}

/* ---- what was found -------------------------------------------------------------------------------- */

static void take_violation(struct writer *w, int64_t seq, struct bytes_in *in)
{
	struct sql_row row = sql_row(w->insert[ROW_VIOLATION]);
	struct violation v;
	char *value;

	message_violation(in, &v, &value);
	sql_put(&row, seq);
	sql_put(&row, (int64_t)v.time_ns);
	sql_put(&row, v.component);
	sql_put_text(&row, objective_info(v.kind)->violation);
	sql_put_text(&row, objective_info(v.kind)->key);
	sql_put_text(&row, schema_severities[v.severity]);
	sql_put_text(&row, value);
	sql_put_real(&row, v.measured);
	sql_put_real(&row, v.limit);
	sql_put(&row, v.open);
	sql_put_some(&row, v.pid);
	sql_put_some(&row, v.tid);
	sql_put_chars(&row, v.comm, sizeof(v.comm));
	put(w, &row);
	free(value);
}

static void take_alert(struct writer *w, int64_t seq, struct bytes_in *in)
{
	struct sql_row row = sql_row(w->insert[ROW_ALERT]);
	struct alert a;
	char *json;

	message_alert(in, &a, &json);
	sql_put(&row, seq);
	sql_put(&row, (int64_t)a.time_ns);
	sql_put_text(&row, schema_alert_events[a.event]);
	sql_put(&row, a.component);
	sql_put_text(&row, objective_info(a.kind)->violation);
	sql_put_text(&row, schema_severities[a.severity]);
	sql_put_real(&row, a.measured);
	sql_put_real(&row, a.limit);
	sql_put(&row, (int64_t)a.held_back);
	sql_put(&row, (int64_t)a.violations);
	sql_put(&row, (int64_t)a.since_ns);
	sql_put_text(&row, json);
	put(w, &row);
	free(json);
}

/* ---- what is measured ------------------------------------------------------------------------------ */

static void put_limit(struct sql_row *row, uint64_t ns)
{
	if (ns == UINT64_MAX)
		sql_put_null(row);
	else
		sql_put(row, (int64_t)ns);
}

static void put_component(struct sql_row *row, int64_t seq, const struct capture_component *c)
{
	const struct monitor_component *m = &c->monitored;

	sql_put(row, c->id);
	sql_put(row, seq);
	sql_put_text(row, m->name);
	sql_put_text(row, m->function);
	sql_put_text(row, m->object);
	sql_put_text(row, c->probe);
	sql_put(row, (int64_t)c->places);
	sql_put_text(row, c->feeds);
	if (c->feeds)
		sql_put(row, c->fed);
	else
		sql_put_null(row);
	sql_put_some(row, m->window.last);
	sql_put(row, (int64_t)m->window.duration_ns);
	sql_put(row, (int64_t)m->window.max_ns);
	sql_put(row, m->outcome_unknown);
	sql_put(row, m->untimed);
	sql_put(row, m->has_cache);
	sql_put(row, m->cache_apart);
	sql_put(row, m->tcp);
	sql_put(row, m->connects);
	sql_put(row, m->spare);
	for (int i = 0; i < LAPSE_VALUES; i++)
		sql_put_text(row, m->value_name[i]);
	for (int level = 0; level < LAPSE_LEVELS; level++)
		put_limit(row, c->level_ns[level]);
}

static void take_component(struct writer *w, int64_t seq, struct bytes_in *in)
{
	struct sql_row row = sql_row(w->insert[ROW_COMPONENT]);
	struct message_texts texts = {0};
	struct capture_component component;

	message_component(in, &component, &texts);
	put_component(&row, seq, &component);
	put(w, &row);
	message_texts_free(&texts);
}

static void take_process(struct writer *w, int64_t seq, struct bytes_in *in)
{
	struct sql_row row = sql_row(w->insert[ROW_PROCESS]);
	struct message_texts texts = {0};
	struct capture_process process;

	message_process(in, &process, &texts);
	sql_put(&row, seq);
	sql_put(&row, (int64_t)process.time_ns);
	sql_put_text(&row, process.event);
	sql_put(&row, process.pid);
	sql_put_some(&row, process.parent);
	sql_put(&row, process.code);
	sql_put_chars(&row, process.comm, sizeof(process.comm));
	sql_put_text(&row, process.exe);
	put(w, &row);
	message_texts_free(&texts);
}

static void take_contract(struct writer *w, int64_t seq, struct bytes_in *in)
{
	struct sql_row row = sql_row(w->insert[ROW_CONTRACT]);
	char *path = bytes_text(in), *text = bytes_text(in);

	sql_put(&row, seq);
	sql_put_text(&row, path);
	sql_put_text(&row, text);
	put(w, &row);
	free(path);
	free(text);
}

static void take_fact(struct writer *w, int64_t seq, struct bytes_in *in)
{
	struct sql_row row = sql_row(w->insert[ROW_FACT]);
	bool is_number = bytes_number(in);
	int64_t number = bytes_signed(in);
	char *name = bytes_text(in), *text = bytes_text(in);

	(void)seq;
	sql_put_text(&row, name);
	if (is_number)
		sql_put(&row, number);
	else
		sql_put_text(&row, text);
	put(w, &row);
	free(name);
	free(text);
}

void writer_rows(struct writer *writer, const struct tape_message *message)
{
	static void (*const takers[])(struct writer *, int64_t, struct bytes_in *) = {
		[MESSAGE_SPAN] = take_span,	      [MESSAGE_TICK] = take_tick,
		[MESSAGE_VIOLATION] = take_violation, [MESSAGE_ALERT] = take_alert,
		[MESSAGE_PROCESS] = take_process,     [MESSAGE_COMPONENT] = take_component,
		[MESSAGE_CONTRACT] = take_contract,   [MESSAGE_FACT] = take_fact,
	};
	struct bytes_in in = {.at = message->bytes, .end = message->bytes + message->length};

	if (message->kind < sizeof(takers) / sizeof(*takers) && takers[message->kind])
		takers[message->kind](writer, (int64_t)message->seq, &in);
}
