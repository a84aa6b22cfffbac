/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Requests and answers, told apart by the direction in which data goes.
 *
 * At the client a send opens a request, or moves the beginning of one that is unanswered; the first data
 * beyond what had arrived before ends it (a segment that is sent again is no answer). It is recorded when the
 * program reads that data, which tells how long the answer lay there, or at the next send or the close.
 * At the server it is the other way round: data that arrives opens, the first send ends, and records.
 * What is sent first by a server, or after an answer by it, belongs to no exchange.
 *
 * A request to which the peer sends nothing but its end has failed if the program waits for more: it reads
 * that end, sends again, or has shut down its own side only. Many protocols close with a last word that has
 * no answer (PostgreSQL's Terminate, QUIT): whoever closes without having read the peer's end has given the
 * request up by itself, whichever of the two ends the network carries first. A reset is a failure unless the
 * program has closed.
 *
 * Conservation, per component: begun = recorded + open + abandoned (closed without an answer) + filtered (it
 * turned out to be TLS's opening, or multiplexed).
 */
#ifndef LAPSE_BPF_TCP_EXCHANGE_H
#define LAPSE_BPF_TCP_EXCHANGE_H

#include "bpf/tcp_preface.h"
#include "bpf/tcp_span.h"

/* errno.h, as the kernel has it. */
#define ERR_EPIPE 32

/* a is behind b, in sequence numbers that wrap. */
static __always_inline bool behind(__u32 a, __u32 b)
{
	return (__s32)(a - b) > 0;
}

/* ---- an exchange's beginning and end --------------------------------------------------------- */

VERIFIED_ONCE int exchange_begin(struct lapse_socket *s, __u64 address, __u32 kind, __u64 now)
{
	const struct sock *sk = (const struct sock *)address;

	if (!s)
		return 0;
	if (s->generation != tcp_generation)
		socket_match(s);
	s->kind = kind;
	s->open_ns = now;
	s->answer_ns = 0;
	s->pipelined = 0;
	s->retransmit_ns = 0;
	tcp_begin_counts(s, sk);
	tcp_count(s, kind, COUNT_ENTRY);
	return 0;
}

/* The exchange is none that is measured. */
static __always_inline void exchange_drop(struct lapse_socket *s, enum tcp_count what)
{
	if (s->open_ns)
		tcp_count(s, s->kind, what);
	s->open_ns = 0;
	s->answer_ns = 0;
}

/* It goes on as another kind. */
static __always_inline void exchange_turn(struct lapse_socket *s, __u32 kind)
{
	if (!s->open_ns || s->kind == kind)
		return;
	tcp_count(s, s->kind, COUNT_FILTERED);
	s->kind = kind;
	tcp_count(s, kind, COUNT_ENTRY);
}

/* Of a request: what the network had of it, as far as is known here. The shortest round trip is the
 * network's own; the smoothed one has the peer's time in it where the answer carries the acknowledgement. */
static __always_inline __u64 network_part(const struct lapse_socket *s, const struct lapse_tcp *tcp,
					  __u64 duration)
{
	__u64 part = 0;

	if (s->retransmit_ns > s->open_ns)
		part = s->retransmit_ns - s->open_ns;
	if (tcp->min_rtt_us != LAPSE_RTT_UNKNOWN)
		part += (__u64)tcp->min_rtt_us * 1000;
	return part < duration ? part : duration;
}

/* The span's bytes. An answer that is about to be sent counts as it was handed over. */
static __always_inline void exchange_bytes(const struct lapse_socket *s, const struct sock *sk,
					   struct lapse_tcp *tcp)
{
	tcp->received = growth(bytes_received(sk), s->begin_received);
	if (s->flags & LAPSE_TCP_SERVER)
		tcp->sent = s->send_end - s->begin_write;
	else
		tcp->sent = growth(bytes_sent(sk), s->begin_sent);
}

/* @end: of the span; @now: when it is recorded. */
VERIFIED_ONCE int exchange_record(struct lapse_socket *s, __u64 address, __u64 end, __u64 now, __s32 error)
{
	const struct sock *sk = (const struct sock *)address;
	struct lapse_tcp *tcp;

	if (!s)
		return 0;
	tcp = &s->tcp;

	tcp_describe(s, sk, s->kind, s->open_ns, end);
	s->facts.now = now;
	exchange_bytes(s, sk, tcp);
	tcp->pipelined = s->pipelined;
	if (!(s->flags & LAPSE_TCP_SERVER)) {
		tcp->network_ns = network_part(s, tcp, s->facts.duration);
		tcp->unread_ns = now - end;
	}
	tcp_fail(s, error);
	tcp_record(s);
	socket_account(s, sk);
	s->open_ns = 0;
	s->answer_ns = 0;
	return 0;
}

/* The peer has ended what it sends, without a byte of an answer. */
static __always_inline bool ended_unanswered(const struct lapse_socket *s, const struct sock *sk)
{
	return !(s->flags & LAPSE_TCP_SERVER) && socket_has(sk, SOCK_DONE) &&
	       !growth(bytes_received(sk), s->begin_received);
}

/* A client's exchange at whose answer, or at the peer's end in place of one, the program has got. */
static __always_inline void answer_record(struct lapse_socket *s, const struct sock *sk, __u64 now)
{
	exchange_record(s, (__u64)sk, s->answer_ns, now, ended_unanswered(s, sk) ? ERR_EPIPE : 0);
}

/* ---- accepted ---------------------------------------------------------------------------------- */

/* The wait for accept() is over, unless whoever saw the other side of it at the same time says so. */
VERIFIED_ONCE int accept_record(struct lapse_socket *s, __u64 address, __u64 now)
{
	__u64 since;

	if (!s)
		return 0;
	since = slot_take(&s->queued_ns);
	if (!since)
		return 0;
	if (s->flags & LAPSE_SOCKET_QUICK) {
		s->flags &= ~(LAPSE_TCP_BEFORE | LAPSE_SOCKET_QUICK);
		tcp_count(s, LAPSE_TCP_ACCEPT, COUNT_ENTRY);
	}
	tcp_count_connection(s, false);
	if (s->flags & LAPSE_SOCKET_WAITING) {
		tcp_count(s, LAPSE_TCP_ACCEPT, COUNT_FILTERED);
		return 0;
	}
	tcp_describe(s, (const struct sock *)address, LAPSE_TCP_ACCEPT, since, now);
	tcp_record(s);
	return 0;
}

/* The connection that the current process sends to or reads from. One whose acceptance was not seen (the call
 * had begun before there was a probe for its return, or was none: io_uring) is accepted now. */
static __always_inline struct lapse_socket *socket_in_use(const struct sock *sk)
{
	struct lapse_socket *s = socket_in_call(sk);

	if (s && s->queued_ns && s->pid == bpf_get_current_pid_tgid() >> 32)
		accept_record(s, (__u64)sk, bpf_ktime_get_ns());
	return s;
}

/* ---- what is sent ------------------------------------------------------------------------------ */

/* It exchanges many things at once from now on. */
static __always_inline void socket_is_mux(struct lapse_socket *s)
{
	s->flags |= LAPSE_TCP_MUX;
	exchange_drop(s, COUNT_FILTERED);
	tcp_count_connection(s, true);
}

/* Looks at what is sent until it is known what the connection carries. */
VERIFIED_ONCE int socket_look(struct lapse_socket *s, __u64 msg, struct preface *p)
{
	if (!s || !p)
		return 0;
	if (s->flags & LAPSE_TCP_MUX || (s->flags & LAPSE_SOCKET_KNOWN && !(s->flags & LAPSE_SOCKET_OPENING)))
		return 0;
	if (!preface_read((const struct msghdr *)msg, p))
		return 0;
	if (!(s->flags & LAPSE_SOCKET_KNOWN) && is_tls(p))
		s->flags |= LAPSE_TCP_TLS | (p->bytes[0] == TLS_DATA ? 0 : LAPSE_SOCKET_OPENING);
	else if (!(s->flags & LAPSE_SOCKET_KNOWN) && is_mux(p, s->flags))
		socket_is_mux(s);
	s->flags |= LAPSE_SOCKET_KNOWN;
	return 0;
}

static __always_inline __u32 exchange_kind(const struct lapse_socket *s)
{
	if (s->flags & LAPSE_SOCKET_OPENING)
		return LAPSE_TCP_HANDSHAKE;
	return main_kind(s);
}

/*
 * Whether TLS's opening is over with what is sent now; @before: it is, before that; else once it has been
 * answered. A client's first data belongs to it where its own last word has not been answered, because the
 * server's tickets come then, encrypted like any answer (RFC 8446, 4.6.1). A server's second answer is its
 * last word, or those tickets.
 */
static __always_inline bool opening_ends(const struct lapse_socket *s, const struct preface *p, bool asking,
					 bool first, bool before)
{
	bool data = p->n && p->bytes[0] == TLS_DATA;

	if (s->flags & LAPSE_TCP_SERVER)
		return !before && asking && !first;
	return data && (before ? !asking : true);
}

static __always_inline void client_sent(struct lapse_socket *s, const struct sock *sk, __u64 now,
					bool continues)
{
	__u32 kind = exchange_kind(s);

	if (s->open_ns && s->answer_ns)
		answer_record(s, sk, now);
	if (!s->open_ns) {
		exchange_begin(s, (__u64)sk, kind, now);
		return;
	}
	exchange_turn(s, kind);
	s->open_ns = now;
	if (!continues)
		s->pipelined++;
}

static __always_inline void server_sent(struct lapse_socket *s, const struct sock *sk, __u64 now)
{
	if (!s->open_ns)
		return;
	exchange_turn(s, exchange_kind(s));
	exchange_record(s, (__u64)sk, now, now, 0);
}

/* A send of which the socket took something, at @now. */
VERIFIED_ONCE int sent(struct lapse_socket *s, __u64 address, __u64 now, __u32 continues)
{
	const struct sock *sk = (const struct sock *)address;

	if (!s || s->flags & LAPSE_TCP_MUX)
		return 0;
	if (s->flags & LAPSE_TCP_SERVER)
		server_sent(s, sk, now);
	else
		client_sent(s, sk, now, continues);
	return 0;
}

/* A send found no room, and what became of it is known now. */
static __always_inline void attempt_settle(struct lapse_socket *s, const struct sock *sk)
{
	__u64 then = s->attempt_ns;

	if (!then)
		return;
	s->attempt_ns = 0;
	if (BPF_CORE_READ(tcp_of(sk), write_seq) != s->attempt_seq)
		sent(s, (__u64)sk, then, true);
}

/*
 * The program sends @left bytes more of @msg, under the socket's lock. A message that is sent in pieces,
 * because it waits for room or is tried again, always has the same end.
 */
static __always_inline void on_send(const struct sock *sk, const struct msghdr *msg, __u64 left)
{
	__u64 now = bpf_ktime_get_ns();
	struct lapse_socket *s = socket_in_use(sk);
	struct preface preface = {};
	bool continues, asking, first;
	__u32 seq, end;
	__s64 room;

	if (!s || !left)
		return;
	attempt_settle(s, sk);
	seq = BPF_CORE_READ(tcp_of(sk), write_seq);
	end = seq + (__u32)left;
	continues = s->flags & LAPSE_SOCKET_SENT && s->send_end == end;
	s->flags |= LAPSE_SOCKET_SENT;
	s->send_end = end;
	first = !(s->flags & LAPSE_SOCKET_KNOWN);
	asking = s->open_ns && !s->answer_ns;
	if (!continues)
		socket_look(s, (__u64)msg, &preface);
	if (s->flags & LAPSE_SOCKET_OPENING && opening_ends(s, &preface, asking, first, true))
		s->flags &= ~LAPSE_SOCKET_OPENING;
	room = (__s64)BPF_CORE_READ(sk, sk_sndbuf) - BPF_CORE_READ(sk, sk_wmem_queued);
	if (room <= 0) {
		s->attempt_ns = now;
		s->attempt_seq = seq;
		return;
	}
	sent(s, (__u64)sk, now, continues);
	if (s->flags & LAPSE_SOCKET_OPENING && opening_ends(s, &preface, asking, first, false))
		s->flags &= ~LAPSE_SOCKET_OPENING;
	s->cost_ns += bpf_ktime_get_ns() - now;
}

/*
 * A send that waits for room goes on: what it sends last goes out after the last such wait. Where a send that
 * found no room is waiting, its attempt is what goes on.
 */
static __always_inline void on_room(const struct sock *sk)
{
	struct lapse_socket *s = socket_find(sk);
	__u64 now;

	if (!s)
		return;
	now = bpf_ktime_get_ns();
	if (s->attempt_ns)
		s->attempt_ns = now;
	else if (s->open_ns && !s->answer_ns && !(s->flags & LAPSE_TCP_SERVER))
		s->open_ns = now;
}

/*
 * The same from a segment that goes out, which says nothing of the message: what it carries of TLS or several
 * requests is not seen. As long as more lies there to be sent, it is the same one.
 */
static __always_inline void segment_sent(struct lapse_socket *s, const struct sock *sk, __u32 end, __u64 now)
{
	bool continues = s->flags & LAPSE_SOCKET_SENT && s->send_end != s->attempt_seq;

	if (!behind(end, s->attempt_seq))
		return;
	s->attempt_seq = end;
	s->send_end = BPF_CORE_READ(tcp_of(sk), write_seq);
	s->flags |= LAPSE_SOCKET_SENT;
	sent(s, (__u64)sk, now, continues);
}

/* @skb, with all its headers, is on its way to a device. */
static __always_inline void on_segment(const struct sk_buff *skb)
{
	const struct sock *sk = BPF_CORE_READ(skb, sk);
	struct lapse_socket *s = sk ? socket_find(sk) : NULL;
	const unsigned char *header;
	__u8 words = 0;
	__u32 seq = 0, before;

	if (!s)
		return;
	header = BPF_CORE_READ(skb, head) + BPF_CORE_READ(skb, transport_header);
	bpf_probe_read_kernel(&words, 1, header + 12);
	bpf_probe_read_kernel(&seq, sizeof(seq), header + 4);
	before = header - BPF_CORE_READ(skb, data) + (words >> 4) * 4;
	if (BPF_CORE_READ(skb, len) > before)
		segment_sent(s, sk, __builtin_bswap32(seq) + BPF_CORE_READ(skb, len) - before,
			     bpf_ktime_get_ns());
}

/* ---- what arrives ------------------------------------------------------------------------------ */

/* The bytes of a segment, and the sequence number behind them; 0: it carries none. */
static __always_inline __u32 payload_of(const struct sk_buff *skb, __u32 *end)
{
	const struct tcp_skb_cb *cb = (const void *)skb + bpf_core_field_offset(skb->cb);
	const unsigned char *header = BPF_CORE_READ(skb, data);
	__u32 length = BPF_CORE_READ(skb, len), words;
	__u8 offset_byte = 0;

	bpf_probe_read_kernel(&offset_byte, 1, header + 12);
	words = offset_byte >> 4;
	if (length <= words * 4)
		return 0;
	*end = BPF_CORE_READ(cb, seq) + length - words * 4;
	return length - words * 4;
}

static __always_inline void answered(struct lapse_socket *s, const struct sock *sk, __u64 now)
{
	if (!s->open_ns || s->answer_ns)
		return;
	s->answer_ns = now;
	s->answer_seq = BPF_CORE_READ(tcp_of(sk), rcv_nxt);
}

static __always_inline void asked(struct lapse_socket *s, const struct sock *sk, __u32 end, __u64 now)
{
	s->answer_seq = end;
	s->since_ns = 0;
	if (!s->open_ns)
		exchange_begin(s, (__u64)sk, exchange_kind(s), now);
	else
		s->open_ns = now;
}

/* A segment has arrived at @sk, under its lock, and is not taken into account yet. */
static __always_inline void on_arrive(const struct sock *sk, const struct sk_buff *skb)
{
	struct lapse_socket *s = socket_find(sk);
	__u32 end = 0;
	__u64 now;

	if (!s || s->flags & LAPSE_TCP_MUX)
		return;
	if (!payload_of(skb, &end) || !behind(end, BPF_CORE_READ(tcp_of(sk), rcv_nxt)))
		return;
	now = bpf_ktime_get_ns();
	attempt_settle(s, sk);
	if (s->flags & LAPSE_TCP_SERVER)
		asked(s, sk, end, now);
	else
		answered(s, sk, now);
	s->cost_ns += bpf_ktime_get_ns() - now;
}

/* ---- what is read ------------------------------------------------------------------------------- */

/* The program has read from @sk. Where the answer's arrival was not seen (it came after a half-close, which
 * the tracepoints do not show) it is now. */
static __always_inline void client_read(struct lapse_socket *s, const struct sock *sk, __u64 now)
{
	__u32 read = BPF_CORE_READ(tcp_of(sk), copied_seq);

	if (!s->open_ns)
		return;
	if (!s->answer_ns && behind(read, s->begin_read)) {
		answered(s, sk, now);
		s->answer_seq = s->begin_read;
	}
	if (s->answer_ns && behind(read, s->answer_seq))
		answer_record(s, sk, now);
}

/*
 * At the server: what is read has arrived. A segment that completes the opening itself, because the one
 * before it was lost or late, is not seen as it comes; it came when the connection was established. One byte
 * more is the peer's FIN.
 */
static __always_inline void server_read(struct lapse_socket *s, const struct sock *sk, __u64 now)
{
	__u32 read = BPF_CORE_READ(tcp_of(sk), copied_seq);

	if (s->open_ns || !behind(read - 1, s->answer_seq))
		return;
	s->answer_seq = read;
	exchange_begin(s, (__u64)sk, exchange_kind(s), s->since_ns ?: now);
	s->since_ns = 0;
}

static __always_inline void on_read(const struct sock *sk)
{
	struct lapse_socket *s = socket_in_use(sk);
	__u64 now;

	if (!s || s->flags & LAPSE_TCP_MUX)
		return;
	now = bpf_ktime_get_ns();
	attempt_settle(s, sk);
	if (s->flags & LAPSE_TCP_SERVER)
		server_read(s, sk, now);
	else
		client_read(s, sk, now);
	s->cost_ns += bpf_ktime_get_ns() - now;
}

/* The peer has ended, and said so behind all that it sent. It counts as an answer would, until it is known
 * whether the program waits for it. */
static __always_inline void exchange_ended(struct lapse_socket *s, const struct sock *sk, __u64 now)
{
	if (s->flags & LAPSE_TCP_SERVER || !s->open_ns || s->answer_ns)
		return;
	s->answer_ns = now;
	s->answer_seq = BPF_CORE_READ(tcp_of(sk), rcv_nxt) - 1;
}

/* Whether the program still wants what it asked for when the connection goes with @error. A socket that is
 * dead is no program's any more. */
static __always_inline __s32 failure_at_close(const struct lapse_socket *s, const struct sock *sk,
					      __s32 error)
{
	if (socket_has(sk, SOCK_DEAD))
		return 0;
	return !error && ended_unanswered(s, sk) ? ERR_EPIPE : error;
}

/* What is open when the connection goes: answered (the arrival may not have been seen, as in client_read),
 * failed, or given up by the program itself. */
static __always_inline void exchange_close(struct lapse_socket *s, const struct sock *sk, __u64 now,
					   __s32 error)
{
	bool asked = !(s->flags & LAPSE_TCP_SERVER);
	__u64 end = s->answer_ns ?: now;

	if (!s->open_ns)
		return;
	if (asked && growth(bytes_received(sk), s->begin_received))
		exchange_record(s, (__u64)sk, end, now, 0);
	else if (asked && s->answer_ns && behind(BPF_CORE_READ(tcp_of(sk), copied_seq), s->answer_seq))
		exchange_record(s, (__u64)sk, end, now, ERR_EPIPE);
	else if (asked && failure_at_close(s, sk, error))
		exchange_record(s, (__u64)sk, end, now, failure_at_close(s, sk, error));
	else
		exchange_drop(s, COUNT_ABANDONED);
}

#endif
