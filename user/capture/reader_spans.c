// SPDX-License-Identifier: GPL-2.0-or-later
/* Spans out of their rows. */
#include "capture/reader_parts.h"

#include <stdlib.h>
#include <string.h>

/* ---- what is referred to by number ------------------------------------------------------------------ */

static int by_id(const void *a, const void *b)
{
	int64_t x, y;

	memcpy(&x, a, sizeof(x));
	memcpy(&y, b, sizeof(y));
	return x < y ? -1 : x > y;
}

static const void *find(const struct list *list, size_t size, int64_t id)
{
	return list->n ? bsearch(&id, list->rows, list->n, size, by_id) : NULL;
}

static struct known_thread thread_of(const struct reader *reader, int64_t id)
{
	const struct known_thread *thread = find(&reader->threads, sizeof(*thread), id);

	return thread ? *thread : (struct known_thread){0};
}

static struct lapse_address address_of(const struct reader *reader, int64_t id)
{
	const struct known_address *address = find(&reader->addresses, sizeof(*address), id);

	return address ? address->address : (struct lapse_address){0};
}

const struct known_stack *reader_stack(const struct reader *reader, int64_t id)
{
	return find(&reader->stacks, sizeof(struct known_stack), id);
}

/* ---- why -------------------------------------------------------------------------------------------- */

static void take_causes(struct reader *reader, int64_t seq, struct lapse_why *why)
{
	struct cursor *cursor = &reader->table[ROW_WHY];
	struct sql_row row = cursor_row(cursor);

	if (!cursor_seek(cursor, seq))
		return;
	for (int cause = 0; cause < LAPSE_CAUSES; cause++)
		why->ns[cause] = (uint64_t)sql_take(&row);
}

/* The number of its stack. */
static int64_t take_block(struct reader *reader, struct sql_row *row, struct lapse_block *block)
{
	struct known_thread waker;

	block->cause = (uint32_t)sql_take(row);
	block->duration_ns = (uint64_t)sql_take(row);
	block->end_ns = (uint64_t)sql_take(row);
	block->declared = (uint16_t)sql_take(row);
	block->piece = (uint16_t)sql_take(row);
	block->peer = address_of(reader, sql_take(row));
	waker = thread_of(reader, sql_take(row));
	block->waker.pid = waker.pid;
	block->waker.tid = waker.tid;
	memcpy(block->waker.comm, waker.comm, sizeof(waker.comm));
	block->waker.component = (uint32_t)sql_take(row);
	block->waker.interrupt = (uint32_t)sql_take(row);
	/* The maps that these are numbers in are gone. */
	block->kernel_stack = block->user_stack = -1;
	if (block->cause >= LAPSE_CAUSES)
		block->cause = LAPSE_OTHER;
	if (block->waker.component > reader->components.n)
		block->waker.component = 0;
	if (block->waker.interrupt > LAPSE_INTERRUPT_UNKNOWN)
		block->waker.interrupt = LAPSE_INTERRUPT_UNKNOWN;
	return sql_take(row);
}

static int64_t take_waits(struct reader *reader, int64_t seq, struct lapse_why_span *span)
{
	struct cursor *cursor = &reader->table[ROW_WAIT];
	int64_t stack = 0;

	for (cursor_seek(cursor, seq); cursor->key == seq; cursor_next(cursor)) {
		struct sql_row row = cursor_row(cursor);

		if (sql_take(&row))
			stack = take_block(reader, &row, &span->why.longest);
		else
			take_block(reader, &row, &span->other);
	}
	return stack;
}

static void take_rivals(struct reader *reader, int64_t seq, struct lapse_why *why)
{
	struct cursor *cursor = &reader->table[ROW_RIVAL];

	for (cursor_seek(cursor, seq); cursor->key == seq; cursor_next(cursor)) {
		struct sql_row row = cursor_row(cursor);
		int64_t slot = sql_take(&row);
		struct known_thread thread;
		struct lapse_rival *rival;

		if (slot < 0 || slot >= LAPSE_RIVALS)
			continue;
		rival = &why->rival[slot];
		rival->ns = (uint64_t)sql_take(&row);
		thread = thread_of(reader, sql_take(&row));
		rival->pid = thread.pid;
		memcpy(rival->comm, thread.comm, sizeof(rival->comm));
		rival->cgroup = (uint64_t)sql_take(&row);
	}
}

/* ---- connections ------------------------------------------------------------------------------------- */

static uint32_t take_known(struct sql_row *row)
{
	bool none = sql_is_null(row);
	int64_t value = sql_take(row);

	return none ? LAPSE_RTT_UNKNOWN : (uint32_t)value;
}

static bool take_tcp(struct reader *reader, int64_t seq, struct lapse_tcp *tcp)
{
	struct cursor *cursor = &reader->table[ROW_TCP];
	struct sql_row row = cursor_row(cursor);

	if (!cursor_seek(cursor, seq))
		return false;
	tcp->kind = (uint32_t)sql_take(&row);
	tcp->own = address_of(reader, sql_take(&row));
	tcp->peer = address_of(reader, sql_take(&row));
	tcp->sent = (uint64_t)sql_take(&row);
	tcp->received = (uint64_t)sql_take(&row);
	tcp->network_ns = (uint64_t)sql_take(&row);
	tcp->unread_ns = (uint64_t)sql_take(&row);
	tcp->srtt_us = take_known(&row);
	tcp->min_rtt_us = take_known(&row);
	tcp->retransmits = (uint32_t)sql_take(&row);
	tcp->pipelined = (uint32_t)sql_take(&row);
	tcp->flags = (uint32_t)sql_take(&row);
	tcp->error = (int32_t)sql_take(&row);
	return tcp->kind < LAPSE_TCP_KINDS;
}

/* ---- in flight --------------------------------------------------------------------------------------- */

static bool take_hung(struct reader *reader, int64_t seq, struct hung_span *hung, int64_t *stack)
{
	struct cursor *cursor = &reader->table[ROW_HUNG];
	struct sql_row row = cursor_row(cursor);
	struct known_thread holder;

	if (!cursor_seek(cursor, seq))
		return false;
	hung->now.state = (uint32_t)sql_take(&row);
	hung->now.cause = (uint32_t)sql_take(&row);
	hung->now.for_ns = (uint64_t)sql_take(&row);
	hung->since_ns = (uint64_t)sql_take(&row);
	hung->now.peer = address_of(reader, sql_take(&row));
	holder = thread_of(reader, sql_take(&row));
	hung->now.holder.tid = holder.tid;
	memcpy(hung->now.holder.comm, holder.comm, sizeof(holder.comm));
	hung->now.holder.component = (uint32_t)sql_take(&row);
	sql_take_chars(&row, hung->now.place, sizeof(hung->now.place) - 1);
	*stack = sql_take(&row);
	hung->kernel_stack = hung->user_stack = -1;
	if (hung->now.state > THREAD_BLOCKED)
		hung->now.state = THREAD_UNKNOWN;
	if (hung->now.cause > LAPSE_CAUSES)
		hung->now.cause = LAPSE_CAUSES;
	if (hung->now.holder.component > reader->components.n)
		hung->now.holder.component = 0;
	return true;
}

/* ---- all of it --------------------------------------------------------------------------------------- */

static void take_columns(const struct reader *reader, struct sql_row *row, struct lapse_span *span)
{
	struct known_thread thread;

	*span = (struct lapse_span){.component = (uint32_t)sql_take(row)};
	thread = thread_of(reader, sql_take(row));
	span->pid = thread.pid;
	span->tid = thread.tid;
	memcpy(span->comm, thread.comm, sizeof(span->comm));
	span->start_ns = (uint64_t)sql_take(row);
	span->duration_ns = (uint64_t)sql_take(row);
	span->raw_ns = span->duration_ns + (uint64_t)sql_take(row);
	span->flags = (uint32_t)sql_take(row);
	span->ret = (uint64_t)sql_take(row);
	for (int i = 0; i < LAPSE_VALUES; i++) {
		span->values |= sql_is_null(row) ? 0 : 1U << i;
		span->value[i] = sql_take(row);
	}
}

/* Where a part is missing the span is less than its flags say. */
int64_t reader_take_span(struct reader *reader, struct sql_row *row, int64_t seq, union message_span *span)
{
	int64_t stack = 0;
	uint32_t flags;

	memset(span, 0, sizeof(*span));
	take_columns(reader, row, &span->span);
	flags = span->span.flags;
	span->span.kind = LAPSE_REC_SPAN;
	if (flags & LAPSE_SPAN_WHY) {
		span->span.kind = LAPSE_REC_WHY;
		take_causes(reader, seq, &span->why.why);
		stack = take_waits(reader, seq, &span->why);
		take_rivals(reader, seq, &span->why.why);
	}
	if (flags & LAPSE_SPAN_HUNG && !take_hung(reader, seq, &span->hung, &stack))
		span->span.flags &= ~LAPSE_SPAN_HUNG;
	if (flags & LAPSE_SPAN_TCP && !(flags & (LAPSE_SPAN_WHY | LAPSE_SPAN_HUNG)) &&
	    take_tcp(reader, seq, &span->tcp.tcp))
		span->span.kind = LAPSE_REC_TCP;
	else
		span->span.flags &= ~LAPSE_SPAN_TCP;
	return stack;
}
