// SPDX-License-Identifier: GPL-2.0-or-later
/* Spans into rows: one each, and further ones where there is more to tell of it. */
#include "capture/writer_parts.h"

#include <string.h>

static void put(struct writer *w, struct sql_row *row)
{
	writer_check(w, sql_insert(row));
}

static void span_columns(struct writer *w, struct sql_row *row, const struct lapse_span *span)
{
	sql_put(row, span->component);
	sql_put_some(row, intern_thread(&w->intern, span->pid, span->tid, span->comm));
	sql_put(row, (int64_t)span->start_ns);
	sql_put(row, (int64_t)span->duration_ns);
	sql_put(row, (int64_t)(span->raw_ns - span->duration_ns));
	sql_put(row, span->flags);
	if (span->flags & LAPSE_SPAN_RET)
		sql_put(row, (int64_t)span->ret);
	else
		sql_put_null(row);
	for (int i = 0; i < LAPSE_VALUES; i++) {
		if (span->values & 1U << i)
			sql_put(row, span->value[i]);
		else
			sql_put_null(row);
	}
}

/* ---- why ------------------------------------------------------------------------------------------- */

static bool any_of(const void *data, size_t size)
{
	const char *bytes = data;

	return size && (bytes[0] || memcmp(bytes, bytes + 1, size - 1) != 0);
}

static void put_causes(struct writer *w, int64_t seq, const struct lapse_why *why)
{
	struct sql_row row = sql_row(w->insert[ROW_WHY]);

	if (!any_of(why->ns, sizeof(why->ns)))
		return;
	sql_put(&row, seq);
	for (int cause = 0; cause < LAPSE_CAUSES; cause++)
		sql_put(&row, (int64_t)why->ns[cause]);
	put(w, &row);
}

static void put_wait(struct writer *w, int64_t seq, bool longest, const struct lapse_block *block,
		     int64_t stack)
{
	struct sql_row row = sql_row(w->insert[ROW_WAIT]);

	if (!block->duration_ns)
		return;
	sql_put(&row, seq);
	sql_put(&row, longest);
	sql_put(&row, block->cause);
	sql_put(&row, (int64_t)block->duration_ns);
	sql_put(&row, (int64_t)block->end_ns);
	sql_put(&row, block->declared);
	sql_put(&row, block->piece);
	sql_put_some(&row, intern_address(&w->intern, &block->peer));
	sql_put_some(&row, intern_thread(&w->intern, block->waker.pid, block->waker.tid, block->waker.comm));
	sql_put_some(&row, block->waker.component);
	sql_put(&row, block->waker.interrupt);
	sql_put_some(&row, stack);
	put(w, &row);
}

static void put_rival(struct writer *w, int64_t seq, int slot, const struct lapse_rival *rival)
{
	struct sql_row row = sql_row(w->insert[ROW_RIVAL]);

	if (!rival->pid && !rival->ns)
		return;
	sql_put(&row, seq);
	sql_put(&row, slot);
	sql_put(&row, (int64_t)rival->ns);
	sql_put_some(&row, intern_thread(&w->intern, rival->pid, 0, rival->comm));
	sql_put(&row, (int64_t)rival->cgroup);
	put(w, &row);
}

static void put_why(struct writer *w, int64_t seq, const struct lapse_why_span *span, int64_t stack)
{
	put_causes(w, seq, &span->why);
	put_wait(w, seq, true, &span->why.longest, stack);
	put_wait(w, seq, false, &span->other, 0);
	for (int slot = 0; slot < LAPSE_RIVALS; slot++)
		put_rival(w, seq, slot, &span->why.rival[slot]);
}

/* ---- connections ------------------------------------------------------------------------------------ */

static void put_known(struct sql_row *row, uint32_t us)
{
	if (us == LAPSE_RTT_UNKNOWN)
		sql_put_null(row);
	else
		sql_put(row, us);
}

static void put_tcp(struct writer *w, int64_t seq, const struct lapse_tcp *tcp)
{
	struct sql_row row = sql_row(w->insert[ROW_TCP]);

	sql_put(&row, seq);
	sql_put(&row, tcp->kind);
	sql_put_some(&row, intern_address(&w->intern, &tcp->own));
	sql_put_some(&row, intern_address(&w->intern, &tcp->peer));
	sql_put(&row, (int64_t)tcp->sent);
	sql_put(&row, (int64_t)tcp->received);
	sql_put(&row, (int64_t)tcp->network_ns);
	sql_put(&row, (int64_t)tcp->unread_ns);
	put_known(&row, tcp->srtt_us);
	put_known(&row, tcp->min_rtt_us);
	sql_put(&row, tcp->retransmits);
	sql_put(&row, tcp->pipelined);
	sql_put(&row, tcp->flags);
	sql_put(&row, tcp->error);
	put(w, &row);
}

/* ---- spans in flight -------------------------------------------------------------------------------- */

static void put_hung(struct writer *w, int64_t seq, const struct hung_span *hung, int64_t stack)
{
	struct sql_row row = sql_row(w->insert[ROW_HUNG]);
	const struct thread_holder *holder = &hung->now.holder;

	sql_put(&row, seq);
	sql_put(&row, hung->now.state);
	sql_put(&row, hung->now.cause);
	sql_put(&row, (int64_t)hung->now.for_ns);
	sql_put(&row, (int64_t)hung->since_ns);
	sql_put_some(&row, intern_address(&w->intern, &hung->now.peer));
	sql_put_some(&row, intern_thread(&w->intern, 0, holder->tid, holder->comm));
	sql_put_some(&row, holder->component);
	sql_put_chars(&row, hung->now.place, sizeof(hung->now.place));
	sql_put_some(&row, stack);
	put(w, &row);
}

/* What it has besides. */
static void put_more(struct writer *w, int64_t seq, const union message_span *span, const char *stack)
{
	uint32_t flags = span->span.flags;
	int64_t number = intern_stack(&w->intern, stack);

	if (flags & LAPSE_SPAN_HUNG)
		put_hung(w, seq, &span->hung, number);
	if (flags & LAPSE_SPAN_WHY)
		put_why(w, seq, &span->why, flags & LAPSE_SPAN_HUNG ? 0 : number);
	else if (flags & LAPSE_SPAN_TCP && !(flags & LAPSE_SPAN_HUNG))
		put_tcp(w, seq, &span->tcp.tcp);
	writer_check(w, w->intern.code);
}

void writer_put_span(struct writer *writer, int64_t seq, const union message_span *span, const char *stack)
{
	struct sql_row row = sql_row(writer->insert[ROW_SPAN]);

	sql_put(&row, seq);
	span_columns(writer, &row, &span->span);
	put(writer, &row);
	put_more(writer, seq, span, stack);
	writer->figures.spans++;
	writer->spans_since++;
}

void writer_put_open(struct writer *writer, int64_t seq, int64_t tick, const union message_span *span,
		     const char *stack)
{
	struct sql_row row = sql_row(writer->insert[ROW_OPEN]);

	sql_put(&row, seq);
	sql_put(&row, tick);
	span_columns(writer, &row, &span->span);
	put(writer, &row);
	put_more(writer, seq, span, stack);
}
