/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The first minute: the accounting of why.h for every thread of the traced processes, from the moment at
 * which lapse looks on, without a span; and samples of those that run. Stacks of threads that wait are read
 * by user space, which needs only to know where they wait.
 */
#ifndef LAPSE_BPF_FIRST_H
#define LAPSE_BPF_FIRST_H

#include "bpf/filter.h"
#include "bpf/first_event.h"
#include "bpf/why.h"

#define TCP_LISTENING 10
#define PROTOCOL_TCP  6

/* Threads, peers and samples that found no room. */
__u64 first_lost = 0;
/* The look is over: what programs still find is not counted. */
__u32 first_over = 0;

/* When user space has last looked at the threads; all ones while it does. How a block ends is kept where it
 * has begun before: of a thread that blocks more often than it is looked at no other would be asked for. */
__u64 first_looked_ns = 0;

/* futex(2), and what its arguments say: linux/futex.h. */
const volatile __s32 cfg_futex = -1;
#define FUTEX_OPERATION 0x7f
#define FUTEX_TAKES_PI	6
#define FUTEX_TAKES_PI2 13
#define FUTEX_CONTENDED 2 /* the value of a mutex of glibc, Go or Rust that others wait for */
#define FUTEX_MUSL_WAITERS \
	0x80000000U /* in that of musl, beside the owner; all bits are Rust's parked thread */

/* A thread of which nothing is known; too large for a program's stack. */
const volatile struct lapse_first first_none = {};

/* By thread id: user space looks at them while they wait. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct lapse_first);
} first_threads SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1024);
	__type(key, struct lapse_first_peer);
	__type(value, struct lapse_first_sum);
} first_peers SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 1 << 12);
} first_looks SEC(".maps");

/* Threads whose next wait's stack is wanted: user space was too slow for the last one. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1024);
	__type(key, __u32);
	__type(value, __u8);
} first_wanted SEC(".maps");

static __always_inline struct lapse_first *first_of(__u32 tid)
{
	return tid ? bpf_map_lookup_elem(&first_threads, &tid) : NULL;
}

static __always_inline struct lapse_first *first_add(struct task_struct *task, __u64 now)
{
	__u32 tid = BPF_CORE_READ(task, pid);
	struct lapse_first *first;

	bpf_map_update_elem(&first_threads, &tid, (const void *)&first_none, BPF_NOEXIST);
	first = first_of(tid);
	if (!first) {
		ADD(first_lost, 1);
		return NULL;
	}
	first->begun_ns = now;
	first->pid = BPF_CORE_READ(task, tgid);
	first->tid = tid;
	BPF_CORE_READ_INTO(&first->comm, task, comm);
	return first;
}

static __always_inline void sum_add(struct lapse_first_sum *sum, __u64 ns)
{
	sum->ns += ns;
	sum->count++;
	if (ns > sum->longest_ns)
		sum->longest_ns = ns;
}

/* ---- stacks ------------------------------------------------------------------------------------- */

/* As much as there is of the stack above @sp, page by page. */
static __always_inline __u32 look_copy(struct lapse_look *piece, __u64 sp)
{
	__u32 first = LAPSE_LOOK_PAGE - (sp & (LAPSE_LOOK_PAGE - 1)), at;

	if (bpf_probe_read_user(piece->bytes, first & (2 * LAPSE_LOOK_PAGE - 1), (void *)sp))
		return 0;
	for (__u32 i = 0; i < LAPSE_LOOK_PAGES - 1; i++) {
		at = (first & (2 * LAPSE_LOOK_PAGE - 1)) + i * LAPSE_LOOK_PAGE;
		if (at > (LAPSE_LOOK_PAGES - 1) * LAPSE_LOOK_PAGE ||
		    bpf_probe_read_user(piece->bytes + at, LAPSE_LOOK_PAGE, (void *)(sp + at)))
			return at;
	}
	return first + (LAPSE_LOOK_PAGES - 1) * LAPSE_LOOK_PAGE;
}

/* Sends the current thread's stack, which its program left with @regs. */
static __always_inline void look_send(const struct pt_regs *regs, __u64 off_ns, __u32 condition)
{
	struct lapse_look *piece = bpf_ringbuf_reserve(&first_looks, sizeof(*piece), 0);
	__u64 id = bpf_get_current_pid_tgid();

	if (!piece) {
		ADD(first_lost, 1);
		return;
	}
	piece->pid = id >> 32;
	piece->tid = id;
	piece->off_ns = off_ns;
	piece->condition = condition;
	piece->pad = 0;
	piece->call = BPF_CORE_READ(regs, orig_ax);
	piece->ip = BPF_CORE_READ(regs, ip);
	piece->sp = BPF_CORE_READ(regs, sp);
	piece->bp = BPF_CORE_READ(regs, bp);
	piece->size = look_copy(piece, piece->sp);
	bpf_ringbuf_submit(piece, BPF_RB_NO_WAKEUP);
}

/* ---- switched out ------------------------------------------------------------------------------- */

/* Whether the other end of @sk is a client: it listens, or was accepted. */
static __always_inline bool is_for_clients(const struct sock *sk)
{
	if (!sk || BPF_CORE_READ(sk, sk_protocol) != PROTOCOL_TCP)
		return false;
	return BPF_CORE_READ(sk, __sk_common.skc_state) == TCP_LISTENING || was_accepted(sk);
}

/* The socket that the system call of @task is given. */
static __always_inline const struct sock *socket_of_call(struct task_struct *task, const struct pt_regs *regs)
{
	struct socket *socket = socket_of_file(file_of_fd(task, BPF_CORE_READ(regs, di)));

	return socket ? BPF_CORE_READ(socket, sk) : NULL;
}

/* A turn of an event loop lasts from the end of one poll to the next. */
static __always_inline void turn_close(struct lapse_first *first, __u64 now)
{
	if (first->turn_ns)
		sum_add(&first->turns, now - first->turn_ns);
	first->turn_ns = 0;
}

/* Mutexes are told by the value that they sleep at; all else waits for what another thread has to do. */
static __always_inline bool is_condition(const struct lapse_first *first, const struct pt_regs *regs)
{
	__u32 operation = BPF_CORE_READ(regs, si) & FUTEX_OPERATION, value = BPF_CORE_READ(regs, dx);

	if (first->call != cfg_futex || operation == FUTEX_TAKES_PI || operation == FUTEX_TAKES_PI2)
		return false;
	return value != FUTEX_CONTENDED && (!(value & FUTEX_MUSL_WAITERS) || value == ~0U);
}

static __always_inline void first_block(struct lapse_first *first, struct task_struct *task, __u64 now)
{
	struct pt_regs *regs = task_regs(task);
	struct lapse_block *block = &first->now;

	first->call = BPF_CORE_READ(regs, orig_ax);
	first->ip = BPF_CORE_READ(regs, ip);
	first->sp = BPF_CORE_READ(regs, sp);
	first->bp = BPF_CORE_READ(regs, bp);
	first->argument[0] = BPF_CORE_READ(regs, di);
	first->argument[1] = BPF_CORE_READ(regs, si);
	block->cause = cause_of_block(block, task);
	first->condition = is_condition(first, regs);
	first->clients = block->cause == LAPSE_NET && is_for_clients(socket_of_call(task, regs));
	if (block->cause == LAPSE_POLL)
		turn_close(first, now);
	/* From here on another processor that wakes the thread says what the poll was for, and whom. */
	barrier();
	first->polls = block->cause == LAPSE_POLL;
	if (bpf_map_lookup_elem(&first_wanted, &first->tid) &&
	    !bpf_map_delete_elem(&first_wanted, &first->tid)) {
		look_send(regs, now, first->condition);
		first->sent.off_ns = now;
		first->sent.part = LAPSE_FIRST_PARTS;
	}
}

/* @task leaves the processor. @blocked: it waits for something. */
static __always_inline void first_leave(struct lapse_first *first, struct task_struct *task, bool blocked,
					__u64 now)
{
	struct lapse_block *block = &first->now;

	if (BPF_CORE_READ(task, exit_state)) {
		first->ended_ns = now;
		first->off_ns = 0;
		return;
	}
	__builtin_memset(block, 0, sizeof(*block));
	block->waker.interrupt = LAPSE_INTERRUPT_UNKNOWN;
	first->clients = first->polls = first->condition = 0;
	barrier();
	first->off_ns = now;
	first->woken_ns = blocked ? 0 : now;
	if (blocked)
		first_block(first, task, now);
	else
		block->cause = is_throttled(task) ? LAPSE_THROTTLED : LAPSE_RUNQ;
}

/* ---- switched in ---------------------------------------------------------------------------------- */

static __always_inline void first_peer(const struct lapse_first *first, const struct lapse_block *block)
{
	struct lapse_first_peer key = {.pid = first->pid, .peer = block->peer};
	struct lapse_first_sum one = {block->duration_ns, 1, block->duration_ns};
	struct lapse_first_sum *sum = bpf_map_lookup_elem(&first_peers, &key);

	if (sum)
		sum_add(sum, block->duration_ns);
	else if (bpf_map_update_elem(&first_peers, &key, &one, BPF_NOEXIST))
		ADD(first_lost, 1);
}

/* Credits the block to the thread that has ended it, in place of the one that has the least. */
static __always_inline void first_credit_waker(struct lapse_first *first, __u32 part)
{
	const struct lapse_waker *by = &first->now.waker;
	struct lapse_first_waker *waker;
	__u32 at = 0;

	for (__u32 i = 0; i < LAPSE_FIRST_WAKERS; i++) {
		if (first->waker[i].tid == by->tid && first->waker[i].part == part) {
			at = i;
			break;
		}
		if (first->waker[i].ns < first->waker[at & (LAPSE_FIRST_WAKERS - 1)].ns)
			at = i;
	}
	waker = &first->waker[at & (LAPSE_FIRST_WAKERS - 1)];
	if (waker->tid != by->tid || waker->part != part) {
		waker->ns = 0;
		waker->pid = by->pid;
		waker->tid = by->tid;
		waker->part = part;
		__builtin_memcpy(waker->comm, by->comm, sizeof(waker->comm));
	}
	waker->ns += first->now.duration_ns;
}

static __always_inline void first_keep(struct lapse_first *first, __u32 part)
{
	__u32 at = first->n_kept++ & (LAPSE_FIRST_ENDED - 1);

	first->ended[at].off_ns = first->off_ns;
	first->ended[at].part = part;
}

/* The block @first->now has ended. */
static __always_inline void first_count(struct lapse_first *first, __u32 part)
{
	struct lapse_block *block = &first->now;

	first->n_ended++;
	if (first->off_ns <= *(volatile __u64 *)&first_looked_ns)
		first_keep(first, part);
	if (first->sent.off_ns == first->off_ns)
		first->sent.part = part;
	if (part >= LAPSE_FIRST_PARTS)
		return;
	sum_add(&first->part[part], block->duration_ns);
	if (block->duration_ns > first->longest[part].duration_ns)
		first->longest[part] = *block;
	if (part == LAPSE_NET && block->peer.port)
		first_peer(first, block);
	if (block->waker.interrupt == LAPSE_NO_INTERRUPT)
		first_credit_waker(first, part);
}

/* Credits @ns to the process of @run, in place of the one that has the least. */
static __always_inline void first_rival(struct lapse_first *first, const struct lapse_run *run, __u64 ns)
{
	struct lapse_rival *rival;
	__u32 at = 0;

	for (__u32 i = 0; i < LAPSE_RIVALS; i++) {
		if (first->rival[i].pid == run->pid) {
			at = i;
			break;
		}
		if (first->rival[i].ns < first->rival[at & (LAPSE_RIVALS - 1)].ns)
			at = i;
	}
	rival = &first->rival[at & (LAPSE_RIVALS - 1)];
	if (rival->pid != run->pid) {
		rival->ns = 0;
		rival->pid = run->pid;
		rival->cgroup = run->cgroup;
		__builtin_memcpy(rival->comm, run->comm, sizeof(rival->comm));
	}
	rival->ns += ns;
}

/* Credits who ran on this processor from @woken on, as rivals_credit() does. */
static __always_inline void first_rivals(struct lapse_first *first, const struct lapse_runs *runs,
					 __u64 woken)
{
	__u32 at = runs->last;
	bool older = true;

	for (__u32 i = 1; i < LAPSE_RUNS && older; i++, at--) {
		__u64 ns = run_since(runs, at, woken, &older);

		if (ns)
			first_rival(first, &runs->run[at & (LAPSE_RUNS - 1)], ns);
	}
}

static __always_inline void first_enter(struct lapse_first *first, const struct lapse_runs *runs, __u64 now)
{
	struct lapse_block *block = &first->now;
	__u64 woken = first->woken_ns ?: now, runnable;
	__u32 part = block->cause;

	if (!first->off_ns)
		return;
	runnable = now > woken ? now - woken : 0;
	if (is_waiting_cause(part)) {
		block->end_ns = woken;
		block->duration_ns = woken > first->off_ns ? woken - first->off_ns : 0;
		first_count(first, first->clients ? LAPSE_FIRST_CLIENTS : part);
		part = LAPSE_RUNQ;
		if (first->polls)
			first->turn_ns = now;
	}
	if (runnable && part < LAPSE_FIRST_PARTS)
		sum_add(&first->part[part], runnable);
	if (runnable && part == LAPSE_RUNQ && runs)
		first_rivals(first, runs, woken);
	first->off_ns = 0;
}

/* (preempted, previous, next [, the previous one's state]) */
SEC("tp_btf/sched_switch")
int first_switch(__u64 *ctx)
{
	struct task_struct *prev = (struct task_struct *)ctx[1], *next = (struct task_struct *)ctx[2];
	struct lapse_first *out = first_of(BPF_CORE_READ(prev, pid)),
			   *in = first_of(BPF_CORE_READ(next, pid));
	const struct lapse_runs *runs;
	__u64 now;

	if (first_over)
		return 0;
	now = bpf_ktime_get_ns();
	runs = run_note(now);
	if (in)
		first_enter(in, runs, now);
	if (!out && filter_tgid(BPF_CORE_READ(prev, tgid)))
		out = first_add(prev, now);
	if (out)
		first_leave(out, prev, is_blocked(ctx, prev), now);
	return 0;
}

/* ---- woken ------------------------------------------------------------------------------------------ */

static __always_inline void first_waker(struct lapse_waker *waker)
{
	__u64 id = bpf_get_current_pid_tgid();

	waker->interrupt = LAPSE_NO_INTERRUPT;
	waker->pid = id >> 32;
	waker->tid = id;
	bpf_get_current_comm(waker->comm, sizeof(waker->comm));
}

/* (task) */
SEC("tp_btf/sched_waking")
int first_waking(__u64 *ctx)
{
	struct lapse_first *first = first_of(BPF_CORE_READ((struct task_struct *)ctx[0], pid));
	struct lapse_ready *ready = processor();
	__u64 now = bpf_ktime_get_ns();
	const struct sock *sk;
	__u32 serving;
	bool interrupt;

	if (first_over || !first || !ready || !first->off_ns || first->woken_ns)
		return 0;
	first->woken_ns = now;
	serving = serves(ready);
	interrupt = in_interrupt(ready, serving, first->now.cause, now);
	sk = first->polls ? just_ready(ready, serving, now) : NULL;
	if (sk) {
		first->now.cause = cause_of_socket(&first->now, sk);
		first->clients = first->now.cause == LAPSE_NET && is_for_clients(sk);
	} else if (first->polls && !interrupt) {
		first->now.cause = LAPSE_HANDOFF;
	}
	if (interrupt)
		first->now.waker.interrupt = interrupt_for(first->now.cause);
	else
		first_waker(&first->now.waker);
	return 0;
}

/* ---- the beginning, and threads that run -----------------------------------------------------------------
 */

static __always_inline __u64 state_of(struct task_struct *task)
{
	if (bpf_core_field_exists(task->__state))
		return BPF_CORE_READ(task, __state) & STATE_MASK;
	return BPF_CORE_READ((struct task_struct___state *)task, state) & STATE_MASK;
}

/* What the threads of the traced processes are at as the look begins: some may not move till its end. */
SEC("iter/task")
int first_begin(struct bpf_iter__task *ctx)
{
	struct task_struct *task = ctx->task;
	__u64 now = bpf_ktime_get_ns();
	struct lapse_first *first;

	if (!task || !filter_tgid(task->tgid) || first_of(task->pid))
		return 0;
	first = first_add(task, now);
	if (first && !BPF_CORE_READ(task, on_cpu))
		first_leave(first, task, state_of(task), now);
	return 0;
}

/* A process that the current one starts, where those are followed, as in process.h: (child) */
SEC("raw_tp/sched_wakeup_new")
int first_fork(struct bpf_raw_tracepoint_args *ctx)
{
	__u32 parent = bpf_get_current_pid_tgid() >> 32;
	__u32 child = BPF_CORE_READ((struct task_struct *)ctx->args[0], tgid);
	__u64 one = 1;

	if (child != parent && filter_tgid(parent))
		bpf_map_update_elem(&tgids, &child, &one, BPF_ANY);
	return 0;
}

/* The sampling timer has gone off on this processor. */
SEC("perf_event")
int first_sample(void *ctx)
{
	if (!first_over && filter_tgid(bpf_get_current_pid_tgid() >> 32))
		look_send(task_regs(current_task()), 0, 0);
	return 0;
}

#endif
