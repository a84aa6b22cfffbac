/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The programs of TCP. What happens is the same from wherever it is seen; user space loads one way to see
 * each thing:
 *
 *   changes of state, retransmissions   raw tracepoints, which all kernels have
 *   sends, arrivals, reads              fentry; kprobe; raw tracepoints
 *   accept, connect's own failures      fexit; kretprobe; the system calls' raw tracepoints
 */
#ifndef LAPSE_BPF_TCP_H
#define LAPSE_BPF_TCP_H

#include "bpf/files.h"
#include "bpf/tcp_life.h"
#include "bpf/preempted.h"

/* ---- everywhere ------------------------------------------------------------------------------- */

/* (sk, old state, new state) */
SEC("raw_tp/inet_sock_set_state")
int tcp_state_tp(struct bpf_raw_tracepoint_args *ctx)
{
	on_state((const struct sock *)ctx->args[0], ctx->args[1], ctx->args[2]);
	return 0;
}

SEC("tracepoint/sock/inet_sock_set_state")
int tcp_state_event(struct trace_event_raw_inet_sock_set_state___lapse *ctx)
{
	on_state(ctx->skaddr, ctx->oldstate, ctx->newstate);
	return 0;
}

static __always_inline void on_retransmit(const struct sock *sk)
{
	struct lapse_socket *s = socket_find(sk);

	if (s)
		s->retransmit_ns = bpf_ktime_get_ns();
}

/* (sk, skb) */
SEC("raw_tp/tcp_retransmit_skb")
int tcp_retransmit_tp(struct bpf_raw_tracepoint_args *ctx)
{
	on_retransmit((const struct sock *)ctx->args[0]);
	return 0;
}

SEC("tracepoint/tcp/tcp_retransmit_skb")
int tcp_retransmit_event(struct trace_event_raw_tcp_retransmit_skb___lapse *ctx)
{
	if (bpf_core_type_exists(struct trace_event_raw_tcp_retransmit_skb___lapse))
		on_retransmit(ctx->skaddr);
	else
		on_retransmit(((struct trace_event_raw_tcp_event_sk_skb___lapse *)ctx)->skaddr);
	return 0;
}

/* An argument as a number: as the pointer to a kernel's object that the verifier takes it for, it could not
 * be given to functions that are verified by themselves. */
static __always_inline __u64 plain(const __u64 *ctx, __u32 number)
{
	__u64 value = 0;

	bpf_probe_read_kernel(&value, sizeof(value), ctx + number);
	return value;
}

/* ---- sends -------------------------------------------------------------------------------------- */

static __always_inline int send_locked(const struct sock *sk, const struct msghdr *msg, __u64 size)
{
	on_send(sk, msg, size);
	return 0;
}

/* (sk, msg, size) */
SEC("fentry/tcp_sendmsg_locked")
int tcp_send_fentry(__u64 *ctx)
{
	send_locked((const struct sock *)plain(ctx, 0), (const struct msghdr *)plain(ctx, 1), ctx[2]);
	return 0;
}

SEC("kprobe/tcp_sendmsg_locked")
int tcp_send_kprobe(struct pt_regs *ctx)
{
	return send_locked((const struct sock *)PT_REGS_PARM1(ctx), (const struct msghdr *)PT_REGS_PARM2(ctx),
			   PT_REGS_PARM3(ctx));
}

/* (sk, msg, skb, size_goal), once a piece (6.16). */
SEC("raw_tp/tcp_sendmsg_locked")
int tcp_send_tp(struct bpf_raw_tracepoint_args *ctx)
{
	const struct msghdr *msg = (const struct msghdr *)ctx->args[1];

	send_locked((const struct sock *)ctx->args[0], msg, BPF_CORE_READ(msg, msg_iter.count));
	return 0;
}

/* A send that waits for room, which is the end of the wait: (sk, timeout) */
SEC("fexit/sk_stream_wait_memory")
int tcp_room_fexit(__u64 *ctx)
{
	on_room((const struct sock *)ctx[0]);
	return 0;
}

SEC("kprobe/sk_stream_wait_memory")
int tcp_room_kprobe(struct pt_regs *ctx)
{
	struct lapse_stack *stack;

	if (!socket_find((const struct sock *)PT_REGS_PARM1(ctx)))
		return 0;
	stack = stack_get(true);
	if (stack)
		stack->sending = PT_REGS_PARM1(ctx);
	return 0;
}

SEC("kretprobe/sk_stream_wait_memory")
int tcp_room_kretprobe(struct pt_regs *ctx)
{
	struct lapse_stack *stack = stack_get(false);

	if (!stack || !stack->sending)
		return 0;
	on_room((const struct sock *)stack->sending);
	stack->sending = 0;
	return 0;
}

/* sendfile() and splice() before 6.5: (sk, page, offset, size, flags) */
SEC("fentry/do_tcp_sendpages")
int tcp_sendpage_fentry(__u64 *ctx)
{
	send_locked((const struct sock *)plain(ctx, 0), NULL, ctx[3]);
	return 0;
}

SEC("kprobe/do_tcp_sendpages")
int tcp_sendpage_kprobe(struct pt_regs *ctx)
{
	return send_locked((const struct sock *)PT_REGS_PARM1(ctx), NULL, PT_REGS_PARM4(ctx));
}

/* Before 6.16: segments on their way to the device, under the socket's lock. (skb) */
SEC("raw_tp/net_dev_queue")
int tcp_segment_tp(struct bpf_raw_tracepoint_args *ctx)
{
	on_segment((const struct sk_buff *)ctx->args[0]);
	return 0;
}

/* ---- arrivals ----------------------------------------------------------------------------------- */

/* (sk, skb), of both; the second has what comes after a half-close. */
SEC("fentry/tcp_rcv_established")
int tcp_arrive_fentry(__u64 *ctx)
{
	on_arrive((const struct sock *)plain(ctx, 0), (const struct sk_buff *)plain(ctx, 1));
	return 0;
}

SEC("fentry/tcp_rcv_state_process")
int tcp_arrive_late_fentry(__u64 *ctx)
{
	on_arrive((const struct sock *)plain(ctx, 0), (const struct sk_buff *)plain(ctx, 1));
	return 0;
}

SEC("kprobe/tcp_rcv_established")
int tcp_arrive_kprobe(struct pt_regs *ctx)
{
	on_arrive((const struct sock *)PT_REGS_PARM1(ctx), (const struct sk_buff *)PT_REGS_PARM2(ctx));
	return 0;
}

SEC("kprobe/tcp_rcv_state_process")
int tcp_arrive_late_kprobe(struct pt_regs *ctx)
{
	on_arrive((const struct sock *)PT_REGS_PARM1(ctx), (const struct sk_buff *)PT_REGS_PARM2(ctx));
	return 0;
}

/* At the beginning of tcp_rcv_established(): (sk, skb) */
SEC("raw_tp/tcp_probe")
int tcp_arrive_tp(struct bpf_raw_tracepoint_args *ctx)
{
	on_arrive((const struct sock *)ctx->args[0], (const struct sk_buff *)ctx->args[1]);
	return 0;
}

SEC("tracepoint/tcp/tcp_probe")
int tcp_arrive_event(struct trace_event_raw_tcp_probe___lapse *ctx)
{
	on_arrive(ctx->skaddr, ctx->skbaddr);
	return 0;
}

/* ---- reads --------------------------------------------------------------------------------------- */

/* Of nothing only the peer's end is read. */
static __always_inline void on_copied(const struct sock *sk, int copied)
{
	if (copied > 0 || (!copied && socket_has(sk, SOCK_DONE)))
		on_read(sk);
}

/* (sk, copied) */
SEC("fentry/tcp_cleanup_rbuf")
int tcp_read_fentry(__u64 *ctx)
{
	on_copied((const struct sock *)plain(ctx, 0), ctx[1]);
	return 0;
}

SEC("kprobe/tcp_cleanup_rbuf")
int tcp_read_kprobe(struct pt_regs *ctx)
{
	on_copied((const struct sock *)PT_REGS_PARM1(ctx), PT_REGS_PARM2(ctx));
	return 0;
}

/* Whenever something has been copied: (sk) */
SEC("raw_tp/tcp_rcv_space_adjust")
int tcp_read_tp(struct bpf_raw_tracepoint_args *ctx)
{
	on_read((const struct sock *)ctx->args[0]);
	return 0;
}

SEC("tracepoint/tcp/tcp_rcv_space_adjust")
int tcp_read_event(struct trace_event_raw_tcp_event_sk___lapse *ctx)
{
	on_read(ctx->skaddr);
	return 0;
}

/* ---- accept --------------------------------------------------------------------------------------- */

/* Gives the socket; it had four arguments until 6.9, and has two since. */
SEC("fexit/inet_csk_accept")
int tcp_accept4_fexit(__u64 *ctx)
{
	on_accept((const struct sock *)plain(ctx, 4));
	return 0;
}

SEC("fexit/inet_csk_accept")
int tcp_accept2_fexit(__u64 *ctx)
{
	on_accept((const struct sock *)plain(ctx, 2));
	return 0;
}

SEC("kretprobe/inet_csk_accept")
int tcp_accept_kretprobe(struct pt_regs *ctx)
{
	on_accept((const struct sock *)PT_REGS_RC(ctx));
	return 0;
}

/* ---- connect's own failures ------------------------------------------------------------------------ */

/* An address as connect() is given it (linux/in.h, linux/in6.h): the head is that of both families. */
struct given_address {
	__u16 family;
	__be16 port;
	__be32 v4; /* flow information, with IPv6 */
	__u8 v6[16];
	__u32 scope;
};

static __always_inline void peer_of_call(struct lapse_address *peer, const struct given_address *given)
{
	if (given->family == AF_INET6)
		__builtin_memcpy(peer->ip, given->v6, sizeof(peer->ip));
	else
		address_v4(peer, given->v4);
	peer->port = __builtin_bswap16(given->port);
}

static __always_inline int connect_returned(const struct sock *sk, const void *address, int ret)
{
	struct lapse_connecting call = {.sk = (__u64)sk, .start_ns = bpf_ktime_get_ns()};
	struct given_address given = {};

	if (ret >= 0 || !wanted((void *)bpf_get_current_task()))
		return 0;
	bpf_probe_read_kernel(&given, sizeof(given), address);
	peer_of_call(&call.peer, &given);
	connect_failed(&call, -ret);
	return 0;
}

/* (sk, address, length) */
SEC("fexit/tcp_v4_connect")
int tcp_connect4_fexit(__u64 *ctx)
{
	connect_returned((const struct sock *)plain(ctx, 0), (const void *)plain(ctx, 1), ctx[3]);
	return 0;
}

SEC("fexit/tcp_v6_connect")
int tcp_connect6_fexit(__u64 *ctx)
{
	connect_returned((const struct sock *)plain(ctx, 0), (const void *)plain(ctx, 1), ctx[3]);
	return 0;
}

/* A return is not told the arguments: the thread keeps them. */
static __always_inline int connect_entered(const struct sock *sk, const struct given_address *given)
{
	struct lapse_stack *stack;

	if (!wanted((void *)bpf_get_current_task()))
		return 0;
	stack = stack_get(true);
	if (!stack)
		return 0;
	stack->connecting.sk = (__u64)sk;
	stack->connecting.start_ns = bpf_ktime_get_ns();
	stack->connecting.begun = 0;
	peer_of_call(&stack->connecting.peer, given);
	return 0;
}

/* A failure that the socket's state has told, or will tell, is none of the call's own. */
static __always_inline bool is_own_failure(const struct lapse_connecting *call)
{
	struct lapse_socket *s = socket_find((const struct sock *)call->sk);

	return s ? s->flags & LAPSE_SOCKET_CLOSED : !call->begun;
}

static __always_inline int connect_left(int ret)
{
	struct lapse_stack *stack = stack_get(false);

	if (!stack || !stack->connecting.sk)
		return 0;
	if (ret < 0 && is_own_failure(&stack->connecting))
		connect_failed(&stack->connecting, -ret);
	stack->connecting.sk = 0;
	return 0;
}

static __always_inline int connect_kprobe(struct pt_regs *ctx)
{
	struct given_address given = {};

	bpf_probe_read_kernel(&given, sizeof(given), (const void *)PT_REGS_PARM2(ctx));
	return connect_entered((const struct sock *)PT_REGS_PARM1(ctx), &given);
}

SEC("kprobe/tcp_v4_connect")
int tcp_connect4_kprobe(struct pt_regs *ctx)
{
	return connect_kprobe(ctx);
}

SEC("kprobe/tcp_v6_connect")
int tcp_connect6_kprobe(struct pt_regs *ctx)
{
	return connect_kprobe(ctx);
}

SEC("kretprobe/tcp_v4_connect")
int tcp_connect4_kretprobe(struct pt_regs *ctx)
{
	return connect_left(PT_REGS_RC(ctx));
}

SEC("kretprobe/tcp_v6_connect")
int tcp_connect6_kretprobe(struct pt_regs *ctx)
{
	return connect_left(PT_REGS_RC(ctx));
}

/* ---- both, by system calls --------------------------------------------------------------------------- */

/* x86-64 */
#define NR_CONNECT 42
#define NR_ACCEPT  43
#define NR_ACCEPT4 288

/* The socket that the current task knows as @fd. */
static __always_inline struct socket *socket_of_fd(__u32 fd)
{
	return socket_of_file(file_of_fd(current_task(), fd));
}

static __always_inline int connect_called(void)
{
	struct pt_regs *regs = task_regs(current_task());
	struct given_address given = {};
	struct socket *socket;
	struct sock *sk;

	if (!wanted((void *)bpf_get_current_task()))
		return 0;
	socket = socket_of_fd(FIELD(regs, di));
	sk = BPF_CORE_READ(socket, sk);
	/* Otherwise it has begun before, and this call asks how it goes. */
	if (!sk || BPF_CORE_READ(socket, state) != SS_UNCONNECTED || !is_tcp(sk))
		return 0;
	bpf_probe_read_user(&given, sizeof(given), (const void *)FIELD(regs, si));
	return connect_entered(sk, &given);
}

/* accept() has given @ret. */
static __always_inline int accept_returned(__s64 ret)
{
	struct socket *socket;
	struct sock *sk;

	if (ret < 0)
		return 0;
	socket = socket_of_fd(ret);
	sk = BPF_CORE_READ(socket, sk);
	if (sk && is_tcp(sk))
		on_accept(sk);
	return 0;
}

/* Each call's own event: all others on the machine pay for a look at a bit. */
SEC("tracepoint/syscalls/sys_enter_connect")
int tcp_connect_enter_event(void *ctx)
{
	return connect_called();
}

SEC("tracepoint/syscalls/sys_exit_connect")
int tcp_connect_exit_event(struct syscall_trace_exit___lapse *ctx)
{
	return connect_left(ctx->ret);
}

/* And accept4's. */
SEC("tracepoint/syscalls/sys_exit_accept")
int tcp_accept_exit_event(struct syscall_trace_exit___lapse *ctx)
{
	return accept_returned(ctx->ret);
}

/* Where there are no such events: (registers, number). Nearly all calls of the machine are others; from 7.0
 * on these two may be preempted (bpf/preempted.h). */
SEC("raw_tp/sys_enter")
int tcp_call_enter(struct bpf_raw_tracepoint_args *ctx)
{
	if (ctx->args[1] != NR_CONNECT)
		return 0;
	return connect_called();
}

/* (registers, return value) */
SEC("raw_tp/sys_exit")
int tcp_call_exit(struct bpf_raw_tracepoint_args *ctx)
{
	__u64 nr = FIELD(task_regs(current_task()), orig_ax);

	if (nr == NR_CONNECT)
		return connect_left(ctx->args[1]);
	if (nr == NR_ACCEPT || nr == NR_ACCEPT4)
		return accept_returned(ctx->args[1]);
	return 0;
}

/* ---- from before --------------------------------------------------------------------------------------- */

SEC("iter/task_file")
int tcp_open_files(struct bpf_iter__task_file *ctx)
{
	struct task_struct *task = ctx->task;
	struct file *file = ctx->file;

	if (task && file && process_wanted(task, task->tgid) && socket_of_file(file))
		on_open_file(task, file);
	return 0;
}

SEC("iter/tcp")
int tcp_waiting(struct bpf_iter__tcp *ctx)
{
	struct sock_common *sk = ctx->sk_common;

	if (sk)
		on_waiting((const struct sock *)sk);
	return 0;
}

#endif
