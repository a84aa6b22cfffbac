// SPDX-License-Identifier: GPL-2.0-or-later
/* Event by event: the tables are gone through side by side, and the lowest number comes next. */
#include "capture/reader_parts.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Those that are events by themselves. */
static const int events[] = {ROW_CONTRACT, ROW_PROCESS, ROW_SPAN, ROW_TICK, ROW_VIOLATION, ROW_ALERT};
#define N_EVENTS (sizeof(events) / sizeof(*events))

/* What a table came upon since this was last asked. */
static void say_damage(struct reader *reader)
{
	for (int i = 0; i < SCHEMA_ROWS; i++) {
		const struct cursor *cursor = &reader->table[i];

		if (cursor->damage > reader->said[i] && !reader->said[i])
			reader_damaged(reader, schema_rows[i].table, cursor->why ?: "unreadable");
		else
			reader->damage += cursor->damage - reader->said[i];
		reader->said[i] = cursor->damage;
	}
}

void reader_open_tables(struct reader *reader)
{
	for (int i = 0; i < SCHEMA_ROWS; i++) {
		reader->table[i].key = INT64_MAX;
		/* Facts are read as a whole, and components. */
		if (i != ROW_FACT && i != ROW_COMPONENT && reader_has(reader, schema_rows[i].table))
			cursor_open(&reader->table[i], reader->db, &schema_rows[i]);
	}
	say_damage(reader);
}

int reader_rewind(struct reader *reader)
{
	base_free(&reader->base);
	reader->next_component = 0;
	for (int i = 0; i < SCHEMA_ROWS; i++)
		cursor_rewind(&reader->table[i]);
	return 0;
}

static void free_event_text(struct reader *reader)
{
	for (size_t i = 0; i < sizeof(reader->event_text) / sizeof(*reader->event_text); i++) {
		free(reader->event_text[i]);
		reader->event_text[i] = NULL;
	}
}

void reader_close(struct reader *reader)
{
	struct named_fact *facts = reader->facts.rows;
	struct component_row *components = reader->components.rows;
	struct known_stack *stacks = reader->stacks.rows;

	for (int i = 0; i < SCHEMA_ROWS; i++)
		cursor_close(&reader->table[i]);
	sqlite3_close(reader->db);
	if (reader->lock > 0)
		close(reader->lock);
	for (size_t i = 0; i < reader->facts.n; i++) {
		free(facts[i].name);
		free(facts[i].value);
	}
	for (size_t i = 0; i < reader->components.n; i++)
		for (size_t j = 0; j < sizeof(components[i].text) / sizeof(*components[i].text); j++)
			free(components[i].text[j]);
	for (size_t i = 0; i < reader->stacks.n; i++) {
		free(stacks[i].brief);
		free(stacks[i].frames);
	}
	free_event_text(reader);
	base_free(&reader->base);
	free(reader->facts.rows);
	free(reader->components.rows);
	free(reader->threads.rows);
	free(reader->addresses.rows);
	free(reader->stacks.rows);
	free(reader->open.rows);
	free(reader->hung.rows);
	free(reader->open_stacks.rows);
	free(reader->by_seq);
	free(reader->components_now);
	free(reader->buckets);
	free(reader->contract_text[0]);
	free(reader->contract_text[1]);
	free(reader->path);
	free(reader);
}

/* ---- events -------------------------------------------------------------------------------------- */

static const char *keep_text(struct reader *reader, size_t i, struct sql_row *row)
{
	const char *text = sql_take_text(row);

	reader->event_text[i] = text ? strdup(text) : NULL;
	return reader->event_text[i];
}

static void take_contract(struct reader *reader, struct reader_event *event)
{
	struct sql_row row = cursor_row(&reader->table[ROW_CONTRACT]);

	event->kind = READER_CONTRACT;
	reader->contract.path = keep_text(reader, 0, &row);
	reader->contract.text = keep_text(reader, 1, &row);
	event->contract = &reader->contract;
}

static void take_process(struct reader *reader, struct reader_event *event)
{
	struct sql_row row = cursor_row(&reader->table[ROW_PROCESS]);
	struct capture_process *p = &reader->process;

	event->kind = READER_PROCESS;
	p->time_ns = (uint64_t)sql_take(&row);
	p->event = keep_text(reader, 0, &row);
	p->pid = (uint32_t)sql_take(&row);
	p->parent = (uint32_t)sql_take(&row);
	p->code = (int32_t)sql_take(&row);
	sql_take_chars(&row, p->comm, sizeof(p->comm));
	p->exe = keep_text(reader, 1, &row);
	event->process = p;
}

static void take_span(struct reader *reader, struct reader_event *event)
{
	struct sql_row row = cursor_row(&reader->table[ROW_SPAN]);
	const struct known_stack *stack =
		reader_stack(reader, reader_take_span(reader, &row, (int64_t)event->seq, &reader->span));

	event->component = reader_component(reader, reader->span.span.component);
	event->kind = event->component && event->component->feeds ? READER_CONNECT : READER_SPAN;
	event->span = &reader->span.span;
	event->stack_brief = stack ? stack->brief : NULL;
	event->stack = stack ? stack->frames : NULL;
}

/* The place of @text among @names; 0 where it is none. */
static int index_of(const char *text, const char *const *names, int n)
{
	for (int i = 0; text && i < n; i++)
		if (!strcmp(names[i], text))
			return i;
	return 0;
}

static void take_violation(struct reader *reader, struct reader_event *event)
{
	struct sql_row row = cursor_row(&reader->table[ROW_VIOLATION]);
	struct violation *v = &reader->violation.violation;
	const struct objective_kind_info *info;
	const char *key;

	event->kind = READER_VIOLATION;
	*v = (struct violation){.time_ns = (uint64_t)sql_take(&row)};
	v->component = (uint32_t)sql_take(&row);
	reader->violation.type = keep_text(reader, 0, &row);
	key = sql_take_text(&row);
	info = key ? objective_by_key(key) : NULL;
	v->kind = info ? info->kind : OBJ_MAX_SYSTEM_ERROR_RATE;
	v->severity = index_of(sql_take_text(&row), schema_severities, 3);
	if (!sql_is_null(&row))
		v->value = reader->value;
	sql_take_chars(&row, reader->value, sizeof(reader->value) - 1);
	v->measured = sql_take_real(&row);
	v->limit = sql_take_real(&row);
	v->open = sql_take(&row);
	v->pid = (uint32_t)sql_take(&row);
	v->tid = (uint32_t)sql_take(&row);
	sql_take_chars(&row, v->comm, sizeof(v->comm));
	event->violation = &reader->violation;
}

static void take_alert(struct reader *reader, struct reader_event *event)
{
	struct sql_row row = cursor_row(&reader->table[ROW_ALERT]);
	struct reader_alert *a = &reader->alert;

	event->kind = READER_ALERT;
	a->time_ns = (uint64_t)sql_take(&row);
	a->state = keep_text(reader, 0, &row);
	a->component = (uint32_t)sql_take(&row);
	a->type = keep_text(reader, 1, &row);
	a->severity = keep_text(reader, 2, &row);
	a->measured = sql_take_real(&row);
	a->limit = sql_take_real(&row);
	a->held_back = (uint64_t)sql_take(&row);
	a->violations = (uint64_t)sql_take(&row);
	a->since_ns = (uint64_t)sql_take(&row);
	a->json = keep_text(reader, 3, &row);
	event->alert = a;
}

static int take_event(struct reader *reader, int table, struct reader_event *event)
{
	switch (table) {
	case ROW_CONTRACT:
		take_contract(reader, event);
		return 0;
	case ROW_PROCESS:
		take_process(reader, event);
		return 0;
	case ROW_SPAN:
		take_span(reader, event);
		return 0;
	case ROW_VIOLATION:
		take_violation(reader, event);
		return 0;
	case ROW_ALERT:
		take_alert(reader, event);
		return 0;
	default:
		event->kind = READER_TICK;
		return reader_take_tick(reader, event);
	}
}

/* The table that has the lowest number; SCHEMA_ROWS: all are at their ends. */
static int lowest(const struct reader *reader)
{
	int best = SCHEMA_ROWS;

	for (size_t i = 0; i < N_EVENTS; i++)
		if (reader->table[events[i]].key != INT64_MAX &&
		    (best == SCHEMA_ROWS || reader->table[events[i]].key < reader->table[best].key))
			best = events[i];
	return best;
}

static bool component_is_next(const struct reader *reader, int table)
{
	if (reader->next_component == reader->components.n)
		return false;
	return table == SCHEMA_ROWS ||
	       (int64_t)reader->by_seq[reader->next_component]->seq <= reader->table[table].key;
}

int reader_next(struct reader *reader, struct reader_event *event)
{
	int table = lowest(reader), err;

	*event = (struct reader_event){0};
	free_event_text(reader);
	if (component_is_next(reader, table)) {
		const struct component_row *row = reader->by_seq[reader->next_component++];

		event->kind = READER_COMPONENT;
		event->seq = row->seq;
		event->component = &row->component;
		return 1;
	}
	if (table == SCHEMA_ROWS)
		return 0;
	event->seq = (uint64_t)reader->table[table].key;
	err = take_event(reader, table, event);
	cursor_next(&reader->table[table]);
	say_damage(reader);
	return err ? err : 1;
}
