/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a connection carries, by the first bytes that the program sends on it: TLS, or a protocol that has
 * several requests under way at once, whose answers no counting of directions can tell apart.
 */
#ifndef LAPSE_BPF_TCP_PREFACE_H
#define LAPSE_BPF_TCP_PREFACE_H

#include "bpf/tcp_socket.h"

/* Enough for a frame's header of HTTP/2, and for every other mark. */
#define PREFACE 16

/* TLS records (RFC 8446, 5.1): type, then a version that begins with 3. */
#define TLS_CHANGE_CIPHER 20
#define TLS_HANDSHAKE	  22
#define TLS_DATA	  23

/* HTTP/2 frames (RFC 9113, 4.1): length (24), type (8), flags (8), stream (31, top bit reserved). */
#define H2_HEADER	9
#define H2_SETTINGS	4
#define H2_CONTINUATION 9
#define H2_MAX_FRAME	16384

struct preface {
	__u64 from; /* the program's own memory */
	__u64 n;    /* bytes in one piece there */
	__u8 bytes[2 * PREFACE];
};

/* The first piece of what a program sends. ubuf is from 6.0 on, __iov was iov until 6.4, and before 5.14
 * iter_type was type, with the direction in its lowest bit. */
static __always_inline bool preface_place(const struct msghdr *msg, struct preface *preface)
{
	const struct iov_iter *iter = &msg->msg_iter;
	const struct iovec *iov;
	__u64 offset = BPF_CORE_READ(iter, iov_offset), kind;

	if (bpf_core_field_exists(iter->iter_type))
		kind = BPF_CORE_READ(iter, iter_type);
	else
		kind = BPF_CORE_READ((const struct iov_iter___type *)iter, type) & ~1U;
	if (bpf_core_enum_value_exists(enum iter_type, ITER_UBUF) &&
	    kind == bpf_core_enum_value(enum iter_type, ITER_UBUF)) {
		preface->from = (__u64)BPF_CORE_READ(iter, ubuf) + offset;
		preface->n = BPF_CORE_READ(iter, count);
		return true;
	}
	if (kind != bpf_core_enum_value(enum iter_type, ITER_IOVEC))
		return false;
	if (bpf_core_field_exists(iter->__iov))
		iov = BPF_CORE_READ(iter, __iov);
	else
		iov = BPF_CORE_READ((const struct iov_iter___iov *)iter, iov);
	preface->from = (__u64)BPF_CORE_READ(iov, iov_base) + offset;
	preface->n = BPF_CORE_READ(iov, iov_len) - offset;
	return true;
}

static __always_inline bool preface_read(const struct msghdr *msg, struct preface *preface)
{
	__u64 n;

	if (!msg || !preface_place(msg, preface) || !preface->n)
		return false;
	n = preface->n < PREFACE ? preface->n : PREFACE;
	/* Says again what is known: the compiler compares another copy of it, which the verifier forgets. */
	asm volatile("%[n] &= %[mask]" : [n] "+r"(n) : [mask] "i"(2 * PREFACE - 1));
	return !bpf_probe_read_user(preface->bytes, n, (void *)preface->from);
}

static __always_inline bool is_tls(const struct preface *p)
{
	return p->n >= 5 && p->bytes[0] >= TLS_CHANGE_CIPHER && p->bytes[0] <= TLS_DATA && p->bytes[1] == 3;
}

static __always_inline __u32 h2_length(const __u8 *frame)
{
	return (__u32)frame[0] << 16 | (__u32)frame[1] << 8 | frame[2];
}

static __always_inline bool is_h2_frame(const __u8 *frame)
{
	return h2_length(frame) <= H2_MAX_FRAME && frame[3] <= H2_CONTINUATION && !(frame[5] & 0x80);
}

/* Whether what is sent consists of HTTP/2 frames: the first ends where the second begins, or all ends. */
static __always_inline bool is_h2(const struct preface *p)
{
	__u8 next[H2_HEADER];
	__u64 end;

	if (p->n < H2_HEADER || !is_h2_frame(p->bytes))
		return false;
	end = H2_HEADER + h2_length(p->bytes);
	if (end == p->n)
		return true;
	return end + H2_HEADER <= p->n && !bpf_probe_read_user(next, sizeof(next), (void *)(p->from + end)) &&
	       is_h2_frame(next);
}

static __always_inline bool begins(const struct preface *p, const char word[4])
{
	return p->n >= 4 && p->bytes[0] == (__u8)word[0] && p->bytes[1] == (__u8)word[1] &&
	       p->bytes[2] == (__u8)word[2] && p->bytes[3] == (__u8)word[3];
}

/* A client's CONNECT (MQTT 3.1.1, 3.1): its type, a length, and the protocol's name with its own length. */
static __always_inline bool is_mqtt(const struct preface *p)
{
	return p->n >= 8 && p->bytes[0] == 0x10 && p->bytes[2] == 0 && p->bytes[4] == 'M' &&
	       p->bytes[5] == 'Q';
}

/* A server's side of HTTP/2 begins with its SETTINGS, on stream 0. */
static __always_inline bool is_h2_settings(const struct preface *p)
{
	return p->n >= H2_HEADER && p->bytes[3] == H2_SETTINGS && p->bytes[4] == 0 && p->bytes[5] == 0 &&
	       p->bytes[8] == 0 && h2_length(p->bytes) % 6 == 0 && is_h2(p);
}

/* By a connection's first bytes; in the midst of one that is older than the tracer, only frames tell. */
static __always_inline bool is_mux(const struct preface *p, __u32 flags)
{
	if (flags & LAPSE_TCP_BEFORE)
		return is_h2(p);
	return begins(p, "PRI ") || begins(p, "SSH-") || begins(p, "AMQP") || is_mqtt(p) || is_h2_settings(p);
}

#endif
