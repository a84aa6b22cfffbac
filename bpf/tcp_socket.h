/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The connections of traced processes: found again by the kernel's struct sock, and whose spans they are.
 *
 * A connection is taken in when a traced process opens, accepts, writes to or reads from it, or has it open
 * when tracing begins. All events then go to the process that owns it, whoever runs when they come: what
 * arrives does so in an interrupt, in the midst of anybody.
 */
#ifndef LAPSE_BPF_TCP_SOCKET_H
#define LAPSE_BPF_TCP_SOCKET_H

#include "bpf/filter.h"
#include "bpf/record.h"

#define AF_INET	 2
#define AF_INET6 10

#define IPPROTO_TCP 6

/* include/net/tcp_states.h */
enum tcp_state {
	TCP_ESTABLISHED = 1,
	TCP_SYN_SENT = 2,
	TCP_SYN_RECV = 3,
	TCP_FIN_WAIT1 = 4,
	TCP_FIN_WAIT2 = 5,
	TCP_CLOSE = 7,
	TCP_CLOSE_WAIT = 8,
	TCP_LISTEN = 10,
	TCP_CLOSING = 11,
};

/* include/net/sock.h */
#define SEND_SHUTDOWN 2
/* Numbers of flags: the program has closed it; the peer's FIN has come. */
#define SOCK_DEAD     0
#define SOCK_DONE     1

static const struct lapse_socket empty_socket = {};
static const struct lapse_socket quick_socket = {.flags = LAPSE_SOCKET_QUICK};

static __always_inline struct lapse_socket *socket_find(const struct sock *sk)
{
	__u64 key = (__u64)sk;

	return bpf_map_lookup_elem(&sockets, &key);
}

/* What is verified once, on a socket; before 5.12, as ON_STACK of span.h, by another function that finds it
 * again. */
#ifndef LAPSE_OLD
#define ON_SOCKET(function, s, ...) function(s, ##__VA_ARGS__)
#else
#define ON_SOCKET(function, s, ...) function##_found((s)->sk, ##__VA_ARGS__)

static __always_inline struct lapse_socket *socket_found(__u64 sk)
{
	return socket_find((const struct sock *)sk);
}
#endif

static __always_inline void socket_forget(const struct sock *sk)
{
	__u64 key = (__u64)sk;

	bpf_map_delete_elem(&sockets, &key);
}

static __always_inline const struct tcp_sock *tcp_of(const struct sock *sk)
{
	return (const struct tcp_sock *)sk;
}

/* ---- addresses --------------------------------------------------------------------------- */

static __always_inline void address_v4(struct lapse_address *address, __be32 ip)
{
	__builtin_memset(address->ip, 0, sizeof(address->ip));
	address->ip[10] = address->ip[11] = 0xff;
	__builtin_memcpy(&address->ip[12], &ip, sizeof(ip));
}

static __always_inline void socket_addresses(struct lapse_socket *s, const struct sock *sk)
{
	if (BPF_CORE_READ(sk, __sk_common.skc_family) == AF_INET) {
		address_v4(&s->own, BPF_CORE_READ(sk, __sk_common.skc_rcv_saddr));
		address_v4(&s->peer, BPF_CORE_READ(sk, __sk_common.skc_daddr));
	} else {
		BPF_CORE_READ_INTO(&s->own.ip, sk, __sk_common.skc_v6_rcv_saddr.in6_u.u6_addr8);
		BPF_CORE_READ_INTO(&s->peer.ip, sk, __sk_common.skc_v6_daddr.in6_u.u6_addr8);
	}
	s->own.port = BPF_CORE_READ(sk, __sk_common.skc_num);
	s->peer.port = __builtin_bswap16(BPF_CORE_READ(sk, __sk_common.skc_dport));
}

/* ---- whose spans -------------------------------------------------------------------------- */

static __always_inline __u64 half(const __u8 *ip)
{
	__u64 value;

	__builtin_memcpy(&value, ip, sizeof(value));
	return __builtin_bswap64(value);
}

static __always_inline bool same_bits(const __u8 *a, const __u8 *b, __u32 bits)
{
	if (!bits)
		return true;
	return (half(a) ^ half(b)) >> ((64 - bits) & 63) == 0;
}

static __always_inline bool prefix_agrees(const __u8 *a, const __u8 *b, __u32 prefix)
{
	return same_bits(a, b, prefix > 64 ? 64 : prefix) &&
	       same_bits(a + 8, b + 8, prefix > 64 ? (prefix > 128 ? 64 : prefix - 64) : 0);
}

static __always_inline bool rule_agrees(const struct lapse_tcp_rule *rule, const struct lapse_socket *s)
{
	return (!rule->own_port || rule->own_port == s->own.port) &&
	       (!rule->peer_port || rule->peer_port == s->peer.port) &&
	       prefix_agrees(rule->peer, s->peer.ip, rule->prefix);
}

static __always_inline bool is_server_kind(__u32 kind)
{
	return kind == LAPSE_TCP_SERVE || kind == LAPSE_TCP_ACCEPT;
}

/* Processors that begin groups at once can be in each other's way. */
#define GROUP_TRIES 4

/* Takes a component of the pool for @group; that of all others where there is none left. A component is
 * taken by whoever enters it first into tcp_members, so that two processors cannot have the same. */
static __always_inline __u32 group_begin(const struct lapse_tcp_group *group, __u32 others)
{
	__u32 *known;

	for (__u32 i = 0; i < GROUP_TRIES; i++) {
		__u32 member = tcp_next_group;

		if (member >= tcp_first_group + tcp_n_groups)
			return others;
		if (bpf_map_update_elem(&tcp_members, &member, group, BPF_NOEXIST)) {
			if (tcp_next_group == member)
				tcp_next_group = member + 1;
			continue;
		}
		tcp_next_group = member + 1;
		if (!bpf_map_update_elem(&tcp_groups, group, &member, BPF_NOEXIST))
			return member;
		/* Another processor has begun the same group: its component it is. */
		bpf_map_delete_elem(&tcp_members, &member);
		known = bpf_map_lookup_elem(&tcp_groups, group);
		return known ? *known : others;
	}
	return others;
}

static __always_inline __u32 group_component(const struct lapse_tcp_rule *rule, __u32 number,
					     const struct lapse_socket *s)
{
	struct lapse_tcp_group group = {.rule = number};
	__u32 *known;

	if (is_server_kind(rule->kind) ||
	    (rule->kind == LAPSE_TCP_HANDSHAKE && (s->flags & LAPSE_TCP_SERVER))) {
		group.port = s->own.port;
	} else {
		group.port = s->peer.port;
		__builtin_memcpy(group.peer, s->peer.ip, sizeof(group.peer));
	}
	known = bpf_map_lookup_elem(&tcp_groups, &group);
	return known ? *known : group_begin(&group, rule->component);
}

/* Whether spans of @kind can come from a connection like @s. */
static __always_inline bool kind_fits(__u32 kind, const struct lapse_socket *s)
{
	if (kind == LAPSE_TCP_HANDSHAKE)
		return true;
	return is_server_kind(kind) == !!(s->flags & LAPSE_TCP_SERVER);
}

/* In place of the component in a pair: a group that has not begun; the rule's number below it. */
#define PAIR_PENDING (1U << 23)

#define PAIR_KIND(pair)	     ((pair) >> 24)
#define PAIR_COMPONENT(pair) ((pair) & (LAPSE_MAX_COMPONENTS - 1))

/* Groups begin with their first span: connections without one take none of the pool. */
VERIFIED_ONCE int pair_settle(struct lapse_socket *s, __u32 i)
{
	struct lapse_tcp_rule *rule;
	__u32 pair, number;

	if (!s)
		return 0;
	pair = s->pair[i & (LAPSE_SOCKET_PAIRS - 1)];
	number = pair & (PAIR_PENDING - 1);
	if (!(pair & PAIR_PENDING))
		return PAIR_COMPONENT(pair);
	rule = bpf_map_lookup_elem(&tcp_rules, &number);
	if (!rule)
		return PAIR_COMPONENT(pair);
	number = group_component(rule, number, s);
	s->pair[i & (LAPSE_SOCKET_PAIRS - 1)] = PAIR_KIND(pair) << 24 | number;
	return number;
}

/* Whether the component is measured in the socket's process. */
static __always_inline bool rule_targets(const struct lapse_tcp_rule *rule, const struct lapse_socket *s)
{
	__u32 number = rule->component;
	const struct lapse_component *component;

	if (!cfg_targets)
		return true;
	component = bpf_map_lookup_elem(&components, &number);
	return component && (component->targets & s->targets);
}

/* Adds what rule @number says of @s's spans. */
VERIFIED_FOUND int socket_match_rule(struct lapse_socket *s, __u32 number)
{
	struct lapse_tcp_rule *rule = bpf_map_lookup_elem(&tcp_rules, &number);
	__u32 component, at;

	if (!s || !rule || !kind_fits(rule->kind, s) || !rule_agrees(rule, s) || !rule_targets(rule, s))
		return 0;
	at = s->n_pairs;
	if (at >= LAPSE_SOCKET_PAIRS) {
		ADD(tcp_lost, 1);
		return 0;
	}
	component = rule->grouped ? PAIR_PENDING | number : rule->component;
	s->pair[at & (LAPSE_SOCKET_PAIRS - 1)] = (__u32)rule->kind << 24 | component;
	s->n_pairs = at + 1;
	return 0;
}

#ifdef LAPSE_OLD
VERIFIED_ALONE int socket_match_rule_found(__u64 sk, __u32 number)
{
	return socket_match_rule(socket_found(sk), number);
}
#endif

/* Notes the components of @s's spans. */
VERIFIED_ONCE int socket_match(struct lapse_socket *s)
{
	if (!s)
		return 0;
	s->n_pairs = 0;
	s->generation = tcp_generation;
	for (__u32 i = 0; i < LAPSE_TCP_RULES && i < tcp_n_rules; i++)
		ON_SOCKET(socket_match_rule, s, i);
	return 0;
}

static __always_inline struct lapse_tcp_cell *tcp_cell_of(__u32 component)
{
	__u32 index = cell_index(component);

	return bpf_map_lookup_elem(&tcp_cells, &index);
}

/* A connection that stands already is no span of connect, but shows that there are such connections. */
VERIFIED_ONCE int socket_count_before(struct lapse_socket *s)
{
	if (!s)
		return 0;
	for (__u32 i = 0; i < LAPSE_SOCKET_PAIRS && i < s->n_pairs; i++) {
		__u32 pair = s->pair[i & (LAPSE_SOCKET_PAIRS - 1)];
		struct lapse_tcp_cell *cell;

		if (PAIR_KIND(pair) != LAPSE_TCP_CONNECT || pair & PAIR_PENDING)
			continue;
		cell = tcp_cell_of(PAIR_COMPONENT(pair));
		if (cell)
			ADD(cell->before, 1);
	}
	return 0;
}

/* ---- taken in ------------------------------------------------------------------------------ */

static __always_inline bool is_tcp(const struct sock *sk)
{
	__u16 family = BPF_CORE_READ(sk, __sk_common.skc_family);

	return (family == AF_INET || family == AF_INET6) && BPF_CORE_READ(sk, sk_protocol) == IPPROTO_TCP;
}

/* Bytes that were given to @sk to be sent, and that came; a FIN has a sequence number of its own. */
static __always_inline __u32 bytes_sent(const struct sock *sk)
{
	return BPF_CORE_READ(tcp_of(sk), write_seq) - !!(BPF_CORE_READ(sk, sk_shutdown) & SEND_SHUTDOWN);
}

static __always_inline bool socket_has(const struct sock *sk, int flag)
{
	return BPF_CORE_READ(sk, __sk_common.skc_flags) >> flag & 1;
}

static __always_inline __u32 bytes_received(const struct sock *sk)
{
	return BPF_CORE_READ(tcp_of(sk), bytes_received) - socket_has(sk, SOCK_DONE);
}

/* What has been exchanged until now is not counted. */
static __always_inline void socket_count_from_here(struct lapse_socket *s, const struct sock *sk)
{
	s->seen_sent = bytes_sent(sk);
	s->seen_received = bytes_received(sk);
	s->seen_retrans = BPF_CORE_READ(tcp_of(sk), total_retrans);
	s->attempt_seq = BPF_CORE_READ(tcp_of(sk), write_seq);
	s->answer_seq = BPF_CORE_READ(tcp_of(sk), rcv_nxt);
}

/* The current process owns it. */
static __always_inline void socket_own(struct lapse_socket *s)
{
	__u64 id = bpf_get_current_pid_tgid();

	s->tid = id;
	if (s->pid == id >> 32)
		return;
	s->pid = id >> 32;
	bpf_get_current_comm(s->comm, sizeof(s->comm));
	if (!cfg_targets)
		return;
	/* Other components may be measured there: from the next exchange on. */
	s->targets = targets_of((void *)bpf_get_current_task(), id >> 32);
	s->generation = tcp_generation - 1;
}

/* A new connection, which nobody else sees yet, or which another processor's program may be adding, too: NULL
 * also where that was quicker. */
static __always_inline struct lapse_socket *socket_add(const struct sock *sk, __u32 flags)
{
	__u64 key = (__u64)sk;
	struct lapse_socket *s;
	bool taken;

	/* Who finds it before its flags are there must not take it for an old one. */
	if (flags & LAPSE_SOCKET_QUICK)
		taken = bpf_map_update_elem(&sockets, &key, &quick_socket, BPF_NOEXIST);
	else
		taken = bpf_map_update_elem(&sockets, &key, &empty_socket, BPF_NOEXIST);
	s = bpf_map_lookup_elem(&sockets, &key);
	if (!s)
		ADD(tcp_lost, 1);
	if (!s || taken)
		return NULL;
	s->sk = key;
	s->flags = flags;
	socket_addresses(s, sk);
	return s;
}

static __always_inline struct lapse_port port_of(const struct sock *sk)
{
	return (struct lapse_port){
		.net = (__u64)BPF_CORE_READ(sk, __sk_common.skc_net.net),
		.port = BPF_CORE_READ(sk, __sk_common.skc_num),
	};
}

/*
 * Whether a connection that nobody saw begin was accepted. A port that connect() chose has a bucket with
 * fastreuse -1 (__inet_hash_connect); an accepted connection shares that of the listening socket.
 */
static __always_inline bool was_accepted(const struct sock *sk)
{
	const struct inet_connection_sock *icsk = (const void *)sk;
	struct inet_bind_bucket *bucket = BPF_CORE_READ(icsk, icsk_bind_hash);

	return bucket && BPF_CORE_READ(bucket, fastreuse) >= 0;
}

/* Takes in a connection that is older than the tracer, or whose beginning another process saw, unless another
 * processor's program does so; of a process of @targets. */
VERIFIED_ONCE int socket_adopt(__u64 address, __u64 targets)
{
	const struct sock *sk = (const struct sock *)address;
	__u32 flags = LAPSE_TCP_BEFORE | (was_accepted(sk) ? LAPSE_TCP_SERVER : 0);
	struct lapse_socket *s;

	if (BPF_CORE_READ(sk, __sk_common.skc_state) == TCP_SYN_RECV)
		flags |= LAPSE_SOCKET_QUICK;
	s = socket_add(sk, flags);
	if (!s)
		return 0;
	socket_count_from_here(s, sk);
	s->targets = targets;
	socket_match(s);
	socket_count_before(s);
	return 0;
}

/* In the course of a system call on @sk: the connection, taken in if it is new, and whose it is. */
static __always_inline struct lapse_socket *socket_in_call(const struct sock *sk)
{
	struct lapse_socket *s = socket_find(sk);
	__u64 id = bpf_get_current_pid_tgid();
	bool meant;

	if (s && s->pid == id >> 32) {
		s->tid = id;
		return s;
	}
	meant = wanted_before((void *)bpf_get_current_task());

	if (!s && meant) {
		socket_adopt((__u64)sk, targets_of((void *)bpf_get_current_task(), id >> 32));
		s = socket_find(sk);
	}
	if (s && meant)
		socket_own(s);
	return s;
}

#endif
