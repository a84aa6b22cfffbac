/* SPDX-License-Identifier: GPL-2.0-or-later */
/* How connections begin and end: opened, waiting to be accepted, accepted, closed. */
#ifndef LAPSE_BPF_TCP_LIFE_H
#define LAPSE_BPF_TCP_LIFE_H

#include "bpf/stack.h"
#include "bpf/tcp_exchange.h"

/* ---- opened from here ---------------------------------------------------------------------- */

/* The SYN is about to be sent, by the current process. A connect() that is called again finds the
 * connection in this state, and moves nothing. */
static __always_inline void connect_begin(const struct sock *sk, __u64 now)
{
	struct lapse_socket *s;

	if (!wanted((void *)bpf_get_current_task()))
		return;
	socket_forget(sk);
	s = socket_add(sk, 0);
	if (!s)
		return;
	socket_own(s);
	socket_match(s);
	s->connect_ns = now;
	tcp_begin_counts(s, sk);
	socket_count_from_here(s, sk);
	tcp_count(s, LAPSE_TCP_CONNECT, COUNT_ENTRY);
}

VERIFIED_ONCE int connect_record(struct lapse_socket *s, __u64 address, __u64 now, __s32 error)
{
	const struct sock *sk = (const struct sock *)address;

	if (!s)
		return 0;
	if (!error)
		socket_addresses(s, sk);
	tcp_describe(s, sk, LAPSE_TCP_CONNECT, s->connect_ns, now);
	tcp_fail(s, error);
	tcp_record(s);
	s->connect_ns = 0;
	return 0;
}

static __always_inline void connect_established(struct lapse_socket *s, const struct sock *sk, __u64 now)
{
	connect_record(s, (__u64)sk, now, 0);
	/* The own port was not known before. */
	socket_match(s);
	socket_count_from_here(s, sk);
	tcp_count_connection(s, false);
}

/* Before the SYN: the socket does not know its peer yet. */
static __always_inline struct lapse_socket *connect_refused(const struct lapse_connecting *call)
{
	const struct sock *sk = (const struct sock *)call->sk;
	struct lapse_socket *s;

	socket_forget(sk);
	s = socket_add(sk, 0);
	if (!s)
		return NULL;
	s->peer = call->peer;
	socket_own(s);
	socket_match(s);
	s->connect_ns = call->start_ns;
	tcp_begin_counts(s, sk);
	tcp_count(s, LAPSE_TCP_CONNECT, COUNT_ENTRY);
	return s;
}

/* connect() itself has failed with @error: before the SYN, or in the midst of its own call. */
static __always_inline void connect_failed(const struct lapse_connecting *call, __s32 error)
{
	const struct sock *sk = (const struct sock *)call->sk;
	struct lapse_socket *s = socket_find(sk);

	if (!s)
		s = connect_refused(call);
	if (!s || !s->connect_ns)
		return;
	connect_record(s, (__u64)sk, bpf_ktime_get_ns(), error);
	socket_forget(sk);
}

/* The current thread's call of connect() for @sk, whose beginning the socket's state tells. */
static __always_inline void connect_noted(const struct sock *sk)
{
	struct lapse_stack *stack = stack_get(false);

	if (stack && stack->connecting.sk == (__u64)sk)
		stack->connecting.begun = 1;
}

/* ---- opened from there ---------------------------------------------------------------------- */

/*
 * The news of a connection and the accept() that takes it come at the same time, at times, on two processors,
 * and the program's may be first: a connection stands in the accept queue shortly before the kernel tells
 * that it is established. Each of them leaves its word before it looks for the other's (an addition is a
 * barrier, too), so that at least the later one finds both, and accept_record() lets one of them tell. Nobody
 * waited then for longer than the news took.
 */
static __always_inline void queue_noted(struct lapse_socket *s, __u64 now)
{
	*(volatile __u64 *)&s->queued_ns = now;
	ADD(s->noted, 1);
	if (*(volatile __u32 *)&s->accepts)
		accept_record(s, s->sk, now);
}

static __always_inline void accept_noted(struct lapse_socket *s, __u64 now)
{
	if (!*(volatile __u64 *)&s->queued_ns)
		ADD(s->accepts, 1);
	if (*(volatile __u64 *)&s->queued_ns)
		accept_record(s, s->sk, now);
}

/* A connection to a port of ours is established, and waits in the accept queue. Until somebody accepts it,
 * it is of the process that listens. False: it is to no such port, or somebody has. */
static __always_inline bool queue_begin(const struct sock *sk, __u64 now, __u32 flags)
{
	struct lapse_port port = port_of(sk);
	struct lapse_listener *listener = bpf_map_lookup_elem(&listeners, &port);
	struct lapse_socket *s;

	if (!listener)
		return false;
	s = socket_add(sk, LAPSE_TCP_SERVER | flags);
	if (!s)
		return false;
	s->pid = s->tid = listener->pid;
	__builtin_memcpy(s->comm, listener->comm, sizeof(s->comm));
	s->targets = listener->targets;
	socket_match(s);
	socket_count_from_here(s, sk);
	s->since_ns = now;
	tcp_begin_counts(s, sk);
	tcp_count(s, LAPSE_TCP_ACCEPT, COUNT_ENTRY);
	queue_noted(s, now);
	return true;
}

/* What was made from a listening socket is established. What is known under its address and was not accepted
 * just now is another connection, whose end nobody saw. */
static __always_inline void on_established(struct lapse_socket *s, const struct sock *sk, __u64 now)
{
	if (s && !(s->flags & LAPSE_SOCKET_QUICK)) {
		socket_forget(sk);
		s = NULL;
	}
	if (!s && queue_begin(sk, now, 0))
		return;
	/* Its accept() takes it in, or has. */
	s = s ?: socket_find(sk);
	if (s)
		queue_noted(s, now);
}

/* The current process has accepted @sk. */
static __always_inline void on_accept(const struct sock *sk)
{
	__u64 now = bpf_ktime_get_ns();
	struct lapse_socket *s;

	if (!sk)
		return;
	if (!wanted((void *)bpf_get_current_task())) {
		s = socket_find(sk);
		if (!s || !s->queued_ns)
			return;
		/* Another process takes it: none of ours was waited for. */
		tcp_count(s, LAPSE_TCP_ACCEPT, COUNT_FILTERED);
		exchange_drop(s, COUNT_FILTERED);
		socket_forget(sk);
		return;
	}
	s = socket_in_call(sk);
	if (!s)
		return;
	accept_noted(s, now);
	s->cost_ns += bpf_ktime_get_ns() - now;
}

/* A port of ours begins to be listened on. */
static __always_inline void listen_begin(const struct sock *sk, __u32 pid, const char *comm, __u64 targets)
{
	struct lapse_port port = port_of(sk);
	struct lapse_listener *known = bpf_map_lookup_elem(&listeners, &port), listener = {.pid = pid};

	if (known) {
		ADD(known->sockets, 1);
		return;
	}
	listener.sockets = 1;
	listener.targets = targets;
	__builtin_memcpy(listener.comm, comm, sizeof(listener.comm));
	bpf_map_update_elem(&listeners, &port, &listener, BPF_ANY);
}

static __always_inline void listen_end(const struct sock *sk)
{
	struct lapse_port port = port_of(sk);
	struct lapse_listener *known = bpf_map_lookup_elem(&listeners, &port);

	if (!known)
		return;
	if (known->sockets > 1)
		ADD(known->sockets, -1);
	else
		bpf_map_delete_elem(&listeners, &port);
}

/* ---- closed ----------------------------------------------------------------------------------- */

/* The program closes the socket: __tcp_close() says so first. */
static __always_inline bool is_given_up(const struct sock *sk)
{
	return BPF_CORE_READ(sk, sk_shutdown);
}

/* Gone for good. A connect that was under way ended with the error of the socket; without one the program has
 * given it up, or it is in the midst of its own call, which gives the error. */
VERIFIED_ONCE int socket_closed(struct lapse_socket *s, __u64 address, __u64 now)
{
	const struct sock *sk = (const struct sock *)address;
	__s32 error = BPF_CORE_READ(sk, sk_err);

	if (!s)
		return 0;
	if (s->connect_ns && !error && !is_given_up(sk)) {
		s->flags |= LAPSE_SOCKET_CLOSED;
		return 0;
	}
	if (s->connect_ns && error)
		connect_record(s, (__u64)sk, now, error);
	else if (s->connect_ns)
		tcp_count(s, LAPSE_TCP_CONNECT, COUNT_ABANDONED);
	if (s->queued_ns)
		tcp_count(s, LAPSE_TCP_ACCEPT,
			  s->flags & LAPSE_SOCKET_WAITING ? COUNT_FILTERED : COUNT_ABANDONED);
	exchange_close(s, sk, now, error);
	socket_account(s, sk);
	socket_forget(sk);
	return 0;
}

static __always_inline void on_known_state(struct lapse_socket *s, const struct sock *sk, int state)
{
	__u64 now = bpf_ktime_get_ns();

	if (state == TCP_ESTABLISHED && s->connect_ns)
		connect_established(s, sk, now);
	else if (state == TCP_CLOSE_WAIT || state == TCP_CLOSING)
		exchange_ended(s, sk, now);
	else if (state == TCP_CLOSE)
		socket_closed(s, (__u64)sk, now);
	s->cost_ns += bpf_ktime_get_ns() - now;
}

/* sock:inet_sock_set_state: @sk goes from @old to @state. */
static __always_inline void on_state(const struct sock *sk, int old, int state)
{
	struct task_struct *task = (void *)bpf_get_current_task();
	__u32 tgid = bpf_get_current_pid_tgid() >> 32;
	struct lapse_socket *s;
	char comm[LAPSE_COMM_LEN];

	if (!is_tcp(sk))
		return;
	if (state == TCP_SYN_SENT) {
		connect_begin(sk, bpf_ktime_get_ns());
		connect_noted(sk);
		return;
	}
	if (state == TCP_LISTEN && wanted(task)) {
		bpf_get_current_comm(comm, sizeof(comm));
		listen_begin(sk, tgid, comm, targets_of(task, tgid));
		return;
	}
	/* A connection that is made from a listening socket was "listening", too. */
	if (old == TCP_LISTEN) {
		if (state == TCP_CLOSE)
			listen_end(sk);
		return;
	}
	s = socket_find(sk);
	if (old == TCP_SYN_RECV && state == TCP_ESTABLISHED && !(s && s->connect_ns))
		on_established(s, sk, bpf_ktime_get_ns());
	else if (s)
		on_known_state(s, sk, state);
}

/* ---- from before ------------------------------------------------------------------------------- */

/* A socket that @task has open when tracing begins. */
static __always_inline void on_open_file(struct task_struct *task, struct file *file)
{
	struct socket *socket = BPF_CORE_READ(file, private_data);
	struct sock *sk = BPF_CORE_READ(socket, sk);
	__u32 pid = BPF_CORE_READ(task, tgid);
	struct lapse_socket *s;
	char comm[LAPSE_COMM_LEN] = {};
	__u8 state;

	if (!sk || !is_tcp(sk))
		return;
	state = BPF_CORE_READ(sk, __sk_common.skc_state);
	BPF_CORE_READ_INTO(&comm, task, comm);
	if (state == TCP_LISTEN) {
		listen_begin(sk, pid, comm, targets_of(task, pid));
		return;
	}
	if (state == TCP_CLOSE || state == TCP_SYN_SENT || socket_find(sk))
		return;
	socket_adopt((__u64)sk, targets_of(task, pid));
	s = socket_find(sk);
	if (!s)
		return;
	s->pid = s->tid = pid;
	__builtin_memcpy(s->comm, comm, sizeof(s->comm));
}

/* A connection that nobody has accepted when tracing begins: no program's file is it yet. */
static __always_inline void on_waiting(const struct sock *sk)
{
	if (BPF_CORE_READ(sk, __sk_common.skc_state) == TCP_ESTABLISHED && !BPF_CORE_READ(sk, sk_socket) &&
	    !socket_find(sk))
		queue_begin(sk, bpf_ktime_get_ns(), LAPSE_SOCKET_WAITING | LAPSE_TCP_BEFORE);
}

#endif
