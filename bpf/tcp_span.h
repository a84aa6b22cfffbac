/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Spans of a connection: begun, ended, dropped, for every component that they are of. */
#ifndef LAPSE_BPF_TCP_SPAN_H
#define LAPSE_BPF_TCP_SPAN_H

#include "bpf/tcp_socket.h"

/* The @i-th component of @s, if its spans of @kind are its; else NULL. */
static __always_inline struct lapse_cell *pair_cell(const struct lapse_socket *s, __u32 i, __u32 kind,
						    __u32 *component)
{
	__u32 pair = s->pair[i & (LAPSE_SOCKET_PAIRS - 1)];

	if (i >= s->n_pairs || PAIR_KIND(pair) != kind)
		return NULL;
	*component = PAIR_COMPONENT(pair);
	return cell_of(*component);
}

/* Where a connection's bytes and retransmissions are counted. */
static __always_inline __u32 main_kind(const struct lapse_socket *s)
{
	return s->flags & LAPSE_TCP_SERVER ? LAPSE_TCP_SERVE : LAPSE_TCP_REQUEST;
}

/* ---- what is counted of spans that have not ended ------------------------------------------ */

/* How they begin, and how they can go without being recorded. */
enum tcp_count { COUNT_ENTRY, COUNT_ABANDONED, COUNT_FILTERED };

VERIFIED_ONCE int tcp_count(struct lapse_socket *s, __u32 kind, __u32 what)
{
	if (!s)
		return 0;
	for (__u32 i = 0; i < LAPSE_SOCKET_PAIRS && i < s->n_pairs; i++) {
		__u32 component;
		struct lapse_cell *cell;

		if (what == COUNT_ENTRY && PAIR_KIND(s->pair[i]) == kind)
			pair_settle(s, i);
		cell = pair_cell(s, i, kind, &component);
		if (!cell)
			continue;
		if (what == COUNT_ENTRY)
			ADD(cell->entries, 1);
		else if (what == COUNT_ABANDONED)
			ADD(cell->abandoned, 1);
		else
			ADD(cell->filtered, 1);
	}
	return 0;
}

/* A connection that is reset was shut down without a FIN: one byte too few is none. */
static __always_inline __u64 growth(__u32 now, __u32 before)
{
	__s32 more = now - before;

	return more > 0 ? more : 0;
}

/* Bytes and retransmissions since the last time. */
VERIFIED_ONCE int tcp_account(struct lapse_socket *s, __u32 sent, __u32 received, __u32 retrans)
{
	if (!s)
		return 0;
	for (__u32 i = 0; i < LAPSE_SOCKET_PAIRS && i < s->n_pairs; i++) {
		__u32 pair = s->pair[i & (LAPSE_SOCKET_PAIRS - 1)];
		struct lapse_tcp_cell *cell;

		if (PAIR_KIND(pair) != main_kind(s))
			continue;
		cell = tcp_cell_of(PAIR_COMPONENT(pair));
		if (!cell)
			continue;
		ADD(cell->sent, growth(sent, s->seen_sent));
		ADD(cell->received, growth(received, s->seen_received));
		ADD(cell->retransmits, growth(retrans, s->seen_retrans));
	}
	s->seen_sent = sent;
	s->seen_received = received;
	s->seen_retrans = retrans;
	return 0;
}

static __always_inline void socket_account(struct lapse_socket *s, const struct sock *sk)
{
	tcp_account(s, bytes_sent(sk), bytes_received(sk), BPF_CORE_READ(tcp_of(sk), total_retrans));
}

/* A connection has begun, or shown itself to be multiplexed. */
VERIFIED_ONCE int tcp_count_connection(struct lapse_socket *s, __u32 mux)
{
	if (!s)
		return 0;
	for (__u32 i = 0; i < LAPSE_SOCKET_PAIRS && i < s->n_pairs; i++) {
		__u32 pair = s->pair[i & (LAPSE_SOCKET_PAIRS - 1)];
		struct lapse_tcp_cell *cell;

		if (PAIR_KIND(pair) != main_kind(s))
			continue;
		cell = tcp_cell_of(pair_settle(s, i));
		if (!cell)
			continue;
		if (mux)
			ADD(cell->mux, 1);
		else
			ADD(cell->opened, 1);
	}
	return 0;
}

/* ---- recorded ------------------------------------------------------------------------------ */

/* The span of @s as a record, whoever is current. */
static __always_inline void tcp_send(struct lapse_cell *cell, const struct lapse_socket *s)
{
	struct lapse_tcp_span *record = bpf_ringbuf_reserve(&events, sizeof(*record), 0);
	const struct lapse_facts *facts = &s->facts;

	if (!record) {
		ADD(cell->ring_dropped, 1);
		return;
	}
	record->span.kind = LAPSE_REC_TCP;
	record->span.component = facts->component;
	record->span.pid = s->pid;
	record->span.tid = s->tid;
	record->span.start_ns = facts->start_ns;
	record->span.duration_ns = facts->duration;
	record->span.raw_ns = facts->raw;
	record->span.ret = facts->ret;
	record->span.flags = facts->flags;
	record->span.values = 0;
	__builtin_memset(record->span.value, 0, sizeof(record->span.value));
	__builtin_memcpy(record->span.comm, s->comm, sizeof(record->span.comm));
	record->tcp = s->tcp;
	bpf_ringbuf_submit(record, wakeup_flags(facts->flags & LAPSE_SPAN_BREACH, facts->now));
}

static __always_inline void tcp_cell_add(struct lapse_tcp_cell *cell, const struct lapse_tcp *tcp)
{
	ADD(cell->pipelined, tcp->pipelined);
	ADD(cell->network_ns, tcp->network_ns);
	ADD(cell->unread_ns, tcp->unread_ns);
	/* Of the SYN; the others are counted where data is. */
	if (tcp->kind == LAPSE_TCP_CONNECT)
		ADD(cell->retransmits, tcp->retransmits);
	if (tcp->srtt_us != LAPSE_RTT_UNKNOWN) {
		ADD(cell->srtt_us, tcp->srtt_us);
		ADD(cell->srtt_n, 1);
	}
	if (tcp->min_rtt_us != LAPSE_RTT_UNKNOWN && (!cell->min_rtt_us || tcp->min_rtt_us < cell->min_rtt_us))
		cell->min_rtt_us = tcp->min_rtt_us;
}

/* Records s->facts and s->tcp for component @number. */
VERIFIED_FOUND int tcp_record_for(struct lapse_socket *s, __u32 number)
{
	struct lapse_component *component = bpf_map_lookup_elem(&components, &number);
	struct lapse_tcp_cell *tcp_cell = tcp_cell_of(number);
	struct lapse_cell *cell = cell_of(number);
	struct lapse_facts *facts;

	if (!s || !component || !cell || !tcp_cell)
		return 0;
	facts = &s->facts;
	facts->component = number;
	facts->flags &= ~LAPSE_SPAN_BREACH;
	if (is_breach(component, facts->duration))
		facts->flags |= LAPSE_SPAN_BREACH;
	if (worth_sending(component, facts))
		tcp_send(cell, s);
	record_duration(cell, component, facts);
	tcp_cell_add(tcp_cell, &s->tcp);
	ADD(cell->cost_ns, s->cost_ns);
	s->cost_ns = 0;
	if (facts->flags & LAPSE_SPAN_ERROR)
		ADD(cell->errors, 1);
	ADD(cell->returns, 1);
	return 0;
}

#ifdef LAPSE_OLD
VERIFIED_ALONE int tcp_record_for_found(__u64 sk, __u32 number)
{
	return tcp_record_for(socket_found(sk), number);
}
#endif

/* Records what s->facts and s->tcp hold, for every component of its kind. */
VERIFIED_ONCE int tcp_record(struct lapse_socket *s)
{
	if (!s)
		return 0;
	for (__u32 i = 0; i < LAPSE_SOCKET_PAIRS && i < s->n_pairs; i++) {
		__u32 pair = s->pair[i & (LAPSE_SOCKET_PAIRS - 1)];

		if (PAIR_KIND(pair) == s->tcp.kind)
			ON_SOCKET(tcp_record_for, s, PAIR_COMPONENT(pair));
	}
	return 0;
}

/* ~0 stands in rtt_min until there is a measurement. */
static __always_inline void tcp_round_trips(struct lapse_tcp *tcp, const struct sock *sk)
{
	__u32 srtt = BPF_CORE_READ(tcp_of(sk), srtt_us);

	tcp->srtt_us = srtt ? srtt >> 3 : LAPSE_RTT_UNKNOWN;
	tcp->min_rtt_us = BPF_CORE_READ(tcp_of(sk), rtt_min.s[0].v);
}

/* Fills in what is known of a span of @kind that ends at @end. */
static __always_inline void tcp_describe(struct lapse_socket *s, const struct sock *sk, __u32 kind,
					 __u64 start, __u64 end)
{
	struct lapse_facts *facts = &s->facts;
	struct lapse_tcp *tcp = &s->tcp;

	__builtin_memset(facts, 0, sizeof(*facts));
	__builtin_memset(tcp, 0, sizeof(*tcp));
	facts->start_ns = start;
	facts->now = end;
	facts->raw = end > start ? end - start : 0;
	facts->duration = facts->raw;
	facts->flags = LAPSE_SPAN_TCP;
	tcp->own = s->own;
	tcp->peer = s->peer;
	tcp->kind = kind;
	tcp->flags = s->flags & (LAPSE_TCP_BEFORE | LAPSE_TCP_TLS | LAPSE_TCP_MUX | LAPSE_TCP_SERVER);
	tcp->retransmits = BPF_CORE_READ(tcp_of(sk), total_retrans) - s->begin_retrans;
	tcp_round_trips(tcp, sk);
}

/* As far as ended at @end; @error: errno, or 0. */
static __always_inline void tcp_fail(struct lapse_socket *s, __s32 error)
{
	if (!error)
		return;
	s->facts.flags |= LAPSE_SPAN_ERROR | LAPSE_SPAN_RET;
	s->facts.ret = -(__s64)error;
	s->tcp.error = error;
}

/* Where a span's bytes and retransmissions begin to be its own. */
static __always_inline void tcp_begin_counts(struct lapse_socket *s, const struct sock *sk)
{
	s->begin_sent = bytes_sent(sk);
	s->begin_received = bytes_received(sk);
	s->begin_read = BPF_CORE_READ(tcp_of(sk), rcv_nxt);
	s->begin_write = BPF_CORE_READ(tcp_of(sk), write_seq);
	s->begin_retrans = BPF_CORE_READ(tcp_of(sk), total_retrans);
}

#endif
