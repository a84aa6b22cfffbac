// SPDX-License-Identifier: GPL-2.0-or-later
#include "first/sampler.h"

#include <asm/unistd.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>

#include "base/clock.h"
#include "probe/syscalls.h"
#include "stack/fold.h"
#include "stack/polled.h"
#include "stack/sockets.h"
#include "stack/stack.h"

#define MAX_FRAMES  128
#define STACK_BYTES (LAPSE_LOOK_PAGES * LAPSE_LOOK_PAGE)
#define MAX_PEERS   256

/* So long one look reads and unwinds stacks; waits beyond that count without a stack. */
#define LOOK_BUDGET_NS (10 * 1000 * 1000ULL)

/* A poll that lasts so long is asked what for: it may never end. A client has one connection to wait for, and
 * something to be woken by. */
#define LONG_POLL_NS NSEC_PER_SEC
#define POLLED_MAX   4

/* A thread, and the wait in which the last look found it. */
struct pending {
	uint32_t tid;
	uint64_t off_ns;	   /* which one: 0: none */
	bool read;		   /* its stack was */
	bool asked;		   /* what it polls for was looked up ... */
	struct lapse_address peer; /* ... and is this one's answer; port 0: another's, or not known */
	struct first_stack stack;
	/* Waits that were too short for their stacks to be read, by what they were: the next ones, which the
	 * kernel's side copies the stack of, stand for them. */
	uint64_t owed_ns[LAPSE_FIRST_PARTS];
	struct first_stack next;
	uint64_t next_off_ns; /* 0: it has not come */
	UT_hash_handle hh;
};

struct sampler {
	struct first_tracer *tracer;
	struct first_look *look;
	struct stack_symbols *symbols;
	struct stack_frame frames[MAX_FRAMES];
	char bytes[STACK_BYTES];
	uint32_t *tids;		 /* of the present look */
	struct pending *pending; /* by .tid */
	uint64_t last_ns;
	size_t turn; /* where the looks begin, so that all threads have a share of the budget */
	int err;     /* the first -ENOMEM */
};

struct sampler *sampler_new(struct first_tracer *tracer, struct first_look *look)
{
	struct sampler *sampler = calloc(1, sizeof(*sampler));
	size_t room = first_tracer_room(tracer);

	if (!sampler)
		return NULL;
	sampler->tracer = tracer;
	sampler->look = look;
	sampler->symbols = stack_symbols_new();
	sampler->tids = calloc(room, sizeof(*sampler->tids));
	if (sampler->symbols && sampler->tids)
		return sampler;
	sampler_free(sampler);
	return NULL;
}

void sampler_free(struct sampler *sampler)
{
	struct pending *pending, *next;

	if (!sampler)
		return;
	HASH_ITER (hh, sampler->pending, pending, next) {
		HASH_DEL(sampler->pending, pending);
		free(pending);
	}
	stack_symbols_free(sampler->symbols);
	free(sampler->tids);
	free(sampler);
}

int sampler_prime(struct sampler *sampler, pid_t pid)
{
	return stack_symbols_prime(sampler->symbols, pid);
}

static void add(struct sampler *sampler, const struct first_stack *stack)
{
	int err = stack->seen ? look_add(sampler->look, stack) : -ENOMEM;

	sampler->err = sampler->err ?: err;
}

/* What is known of thread @tid from the last look; NULL where memory is out. */
static struct pending *pending_of(struct sampler *sampler, uint32_t tid)
{
	struct pending *pending;

	HASH_FIND(hh, sampler->pending, &tid, sizeof(tid), pending);
	if (pending)
		return pending;
	pending = calloc(1, sizeof(*pending));
	if (!pending) {
		sampler->err = -ENOMEM;
		return NULL;
	}
	pending->tid = tid;
	HASH_ADD(hh, sampler->pending, tid, sizeof(pending->tid), pending);
	return pending;
}

/* ---- stacks ----------------------------------------------------------------------------------------- */

/* "main;serve;read;[read]": the innermost is the system call, in brackets. */
static char *fold(const struct stack_frame *frames, size_t n, int32_t call)
{
	const char *name = syscall_name(call);
	char *user = stack_fold(frames, n, NULL, 0), *folded = NULL;
	int err = -1;

	if (user && call >= 0 && name)
		err = asprintf(&folded, "%s%s[%s]", user, *user ? ";" : "", name);
	else if (user)
		return user;
	free(user);
	return err < 0 ? NULL : folded;
}

/* A run of frames without names says no more than one of them. */
static size_t drop_repeats(struct stack_frame *frames, size_t n)
{
	size_t kept = 0;

	for (size_t i = 0; i < n; i++)
		if (!kept || frames[i].named || strcmp(frames[i].name, frames[kept - 1].name) != 0)
			frames[kept++] = frames[i];
	return kept;
}

static const struct first_seen *name_stack(struct sampler *sampler, pid_t pid,
					   const struct stack_piece *piece, int32_t call, bool waits)
{
	struct first_place place;
	size_t n = 0;
	char *folded;

	if (piece)
		n = stack_symbols_unwind(sampler->symbols, pid, piece, STACK_BUDGET_NS, sampler->frames,
					 MAX_FRAMES);
	n = drop_repeats(sampler->frames, n);
	place_describe(sampler->frames, n, waits, &place);
	folded = fold(sampler->frames, n, call);
	return folded ? look_seen(sampler->look, waits, folded, &place) : NULL;
}

/* What stands for waits that were too short. */
static void take_waiting(struct sampler *sampler, const struct lapse_look *piece,
			 const struct first_seen *seen)
{
	struct pending *pending = pending_of(sampler, piece->tid);

	if (!pending)
		return;
	pending->next_off_ns = piece->off_ns;
	pending->next = (struct first_stack){
		.seen = seen,
		.pid = piece->pid,
		.tid = piece->tid,
		.call = piece->call,
		.condition = piece->condition,
	};
}

static void take_piece(void *context, const struct lapse_look *piece)
{
	struct sampler *sampler = context;
	struct stack_piece stack = {.ip = piece->ip,
				    .sp = piece->sp,
				    .bp = piece->bp,
				    .bytes = piece->bytes,
				    .size = piece->size};
	struct first_stack sample = {
		.pid = piece->pid,
		.tid = piece->tid,
		.part = FIRST_ON_CPU,
		.call = piece->call,
		.weight_ns = first_tracer_period_ns(sampler->tracer),
	};

	sample.seen = name_stack(sampler, (pid_t)piece->pid, &stack, piece->call, piece->off_ns);
	if (piece->off_ns)
		take_waiting(sampler, piece, sample.seen);
	else
		add(sampler, &sample);
}

/* What there is of @thread's stack; the kernel copies page by page. */
static size_t read_stack(struct sampler *sampler, const struct lapse_first *thread)
{
	size_t first = LAPSE_LOOK_PAGE - (thread->sp & (LAPSE_LOOK_PAGE - 1)), at = 0;
	struct iovec local = {sampler->bytes, STACK_BYTES}, remote[LAPSE_LOOK_PAGES];
	ssize_t got;

	for (size_t i = 0; i < LAPSE_LOOK_PAGES; i++) {
		remote[i] = (struct iovec){(void *)(thread->sp + at), i ? LAPSE_LOOK_PAGE : first};
		at += remote[i].iov_len;
	}
	local.iov_len = at;
	got = process_vm_readv((pid_t)thread->pid, &local, 1, remote, LAPSE_LOOK_PAGES, 0);
	return got > 0 ? (size_t)got : 0;
}

/* It waits still, in the wait that @before tells of: what was read meanwhile is of that one. */
static bool waits_still(struct sampler *sampler, const struct lapse_first *before)
{
	struct lapse_first now;

	return first_tracer_thread(sampler->tracer, before->tid, &now) && now.off_ns == before->off_ns &&
	       !now.woken_ns;
}

/* What the stack of @thread says. *read: it could be read, within the budget and while it waited. */
static const struct first_seen *name_wait(struct sampler *sampler, const struct lapse_first *thread,
					  bool in_budget, bool *read)
{
	struct stack_piece piece = {
		.ip = thread->ip, .sp = thread->sp, .bp = thread->bp, .bytes = sampler->bytes};

	if (in_budget)
		piece.size = read_stack(sampler, thread);
	*read = piece.size && waits_still(sampler, thread);
	return name_stack(sampler, (pid_t)thread->pid, *read ? &piece : NULL, thread->call, true);
}

/* ---- waits -------------------------------------------------------------------------------------------- */

/* What the wait that began at @off_ns has turned out to be; @otherwise where that is not known. */
static unsigned part_of(const struct lapse_first *thread, uint64_t off_ns, unsigned otherwise)
{
	for (size_t i = 0; i < LAPSE_FIRST_ENDED; i++)
		if (thread->ended[i].off_ns == off_ns)
			return thread->ended[i].part;
	return thread->sent.off_ns == off_ns ? thread->sent.part : otherwise;
}

/* A poll that is over was for what has ended it: where that is not known it tells nothing. */
static unsigned unless_known(const struct lapse_first *thread, const struct pending *pending)
{
	bool is_over = pending->off_ns != thread->off_ns;

	return is_over && pending->stack.part == LAPSE_POLL ? LAPSE_FIRST_PARTS : pending->stack.part;
}

/* A wait that is over, or as far as it has come. One without a stack is owed one. */
static void settle(struct sampler *sampler, const struct lapse_first *thread, struct pending *pending)
{
	struct first_stack *stack = &pending->stack;

	if (!pending->off_ns)
		return;
	stack->part = part_of(thread, pending->off_ns, unless_known(thread, pending));
	pending->off_ns = 0;
	if (stack->part >= LAPSE_FIRST_PARTS)
		return;
	if (pending->read)
		add(sampler, stack);
	else
		pending->owed_ns[stack->part] += stack->weight_ns;
}

/* The wait that stands for others is over, too: it pays for those of its kind. */
static void pay(struct sampler *sampler, const struct lapse_first *thread, struct pending *pending)
{
	struct first_stack *next = &pending->next;

	next->part = pending->next_off_ns ? part_of(thread, pending->next_off_ns, LAPSE_FIRST_PARTS)
					  : LAPSE_FIRST_PARTS;
	if (next->part >= LAPSE_FIRST_PARTS)
		return;
	pending->next_off_ns = 0;
	next->weight_ns = pending->owed_ns[next->part];
	pending->owed_ns[next->part] = 0;
	if (next->weight_ns)
		add(sampler, next);
}

static bool owes(const struct pending *pending)
{
	for (size_t i = 0; i < LAPSE_FIRST_PARTS; i++)
		if (pending->owed_ns[i])
			return true;
	return false;
}

/* What nobody has paid for has no stack. */
static void give_up(struct sampler *sampler, const struct lapse_first *thread, struct pending *pending)
{
	struct first_stack stack = {.pid = thread->pid, .tid = thread->tid, .call = thread->call};

	for (unsigned part = 0; part < LAPSE_FIRST_PARTS; part++) {
		if (!pending->owed_ns[part])
			continue;
		stack.part = part;
		stack.weight_ns = pending->owed_ns[part];
		stack.seen = name_stack(sampler, (pid_t)thread->pid, NULL, thread->call, true);
		add(sampler, &stack);
	}
}

static bool waits(const struct lapse_first *thread)
{
	return thread->off_ns && !thread->woken_ns && thread->now.cause != LAPSE_RUNQ &&
	       thread->now.cause != LAPSE_THROTTLED;
}

/* Once: what a poll waits for that has not ended for long. */
static void ask_poll(struct pending *pending, const struct lapse_first *thread, uint64_t now_ns)
{
	uint64_t arguments[THREAD_ARGUMENTS] = {thread->argument[0], thread->argument[1]};
	struct socket_peers peers;
	int fds[POLLED_MAX + 1];
	size_t n;

	if (pending->asked || !thread->polls || now_ns - thread->off_ns < LONG_POLL_NS ||
	    (thread->call != __NR_poll && thread->call != __NR_ppoll))
		return;
	pending->asked = true;
	n = polled_by_call((pid_t)thread->pid, thread->call, arguments, fds, POLLED_MAX + 1);
	peers = sockets_peers((pid_t)thread->pid, fds, n > POLLED_MAX ? 0 : n);
	if (!peers.n || !peers.opened)
		return;
	pending->peer = peers.peer;
	pending->stack.part = LAPSE_NET;
}

static void look_at(struct sampler *sampler, struct pending *pending, const struct lapse_first *thread,
		    uint64_t elapsed, bool in_budget)
{
	if (pending->off_ns && pending->off_ns == thread->off_ns) {
		pending->stack.weight_ns += elapsed;
		if (!pending->read)
			pending->stack.seen = name_wait(sampler, thread, in_budget, &pending->read);
		ask_poll(pending, thread, sampler->last_ns);
		return;
	}
	settle(sampler, thread, pending);
	if (!waits(thread))
		return;
	pending->off_ns = thread->off_ns;
	pending->asked = false;
	pending->peer.port = 0;
	pending->stack = (struct first_stack){
		.seen = name_wait(sampler, thread, in_budget, &pending->read),
		.pid = thread->pid,
		.tid = thread->tid,
		.part = thread->clients ? LAPSE_FIRST_CLIENTS : thread->now.cause,
		.call = thread->call,
		.condition = thread->condition,
		.weight_ns = elapsed,
	};
}

int sampler_look(struct sampler *sampler, uint64_t now_ns)
{
	uint64_t elapsed = sampler->last_ns ? now_ns - sampler->last_ns : SAMPLER_PERIOD_NS;
	size_t n = first_tracer_tids(sampler->tracer, sampler->tids, first_tracer_room(sampler->tracer));
	struct lapse_first thread;

	sampler->last_ns = now_ns;
	first_tracer_drain(sampler->tracer, take_piece, sampler);
	first_tracer_look_begins(sampler->tracer);
	for (size_t i = 0; i < n; i++) {
		uint32_t tid = sampler->tids[(sampler->turn + i) % n];
		struct pending *pending = pending_of(sampler, tid);
		bool in_budget = clock_now_ns() - now_ns < LOOK_BUDGET_NS;

		if (!pending || !first_tracer_thread(sampler->tracer, tid, &thread))
			continue;
		pay(sampler, &thread, pending);
		look_at(sampler, pending, &thread, elapsed, in_budget);
		if (owes(pending))
			first_tracer_want(sampler->tracer, tid);
	}
	first_tracer_look_ends(sampler->tracer);
	sampler->turn++;
	return sampler->err;
}

/* ---- the end ----------------------------------------------------------------------------------------------
 */

/* A thread may have been given another name since it was first seen. */
static void refresh_comm(struct lapse_first *thread)
{
	char path[64];
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%u/task/%u/comm", thread->pid, thread->tid);
	file = fopen(path, "re");
	if (!file)
		return;
	if (fgets(thread->comm, sizeof(thread->comm), file))
		thread->comm[strcspn(thread->comm, "\n")] = '\0';
	fclose(file);
}

/* A poll that has not ended is what it was found to wait for. */
static void close_poll(struct lapse_first *seen, const struct pending *pending)
{
	if (!pending->peer.port || !seen->polls || seen->woken_ns || seen->off_ns != pending->off_ns)
		return;
	seen->now.cause = LAPSE_NET;
	seen->now.peer = pending->peer;
}

static int take_peers(struct sampler *sampler)
{
	struct first_look *look = sampler->look;

	look->peers = calloc(MAX_PEERS, sizeof(*look->peers));
	if (!look->peers)
		return -ENOMEM;
	look->n_peers = first_tracer_peers(sampler->tracer, look->peers, MAX_PEERS);
	return 0;
}

int sampler_finish(struct sampler *sampler)
{
	struct first_look *look = sampler->look;
	size_t n = first_tracer_tids(sampler->tracer, sampler->tids, first_tracer_room(sampler->tracer));

	first_tracer_drain(sampler->tracer, take_piece, sampler);
	look->threads = calloc(n + 1, sizeof(*look->threads));
	if (!look->threads)
		return -ENOMEM;
	for (size_t i = 0; i < n; i++) {
		struct lapse_first *seen = &look->threads[look->n_threads].seen;
		struct pending *pending = pending_of(sampler, sampler->tids[i]);

		if (!first_tracer_thread(sampler->tracer, sampler->tids[i], seen))
			continue;
		if (pending) {
			close_poll(seen, pending);
			settle(sampler, seen, pending);
			pay(sampler, seen, pending);
			give_up(sampler, seen, pending);
		}
		refresh_comm(seen);
		look->n_threads++;
	}
	look->lost = first_tracer_lost(sampler->tracer);
	return sampler->err ?: take_peers(sampler);
}
