// SPDX-License-Identifier: GPL-2.0-or-later
/* The stacks of waits, from addresses to words. */
#include "cli/session_parts.h"

#include <stdlib.h>
#include <string.h>

#include "stack/fold.h"
#include "stack/stack.h"
#include "stack/thread.h"

/* Functions that the one line below a span names. */
#define BRIEF_DEPTH 3

/* What is read of the stack of a thread that hangs: deeper callers are not seen. */
#define PIECE_SIZE (16 * 1024)

/* A wait's frames, innermost first: the kernel's, then the program's. */
struct wait_stack {
	struct stack_frame frames[2 * LAPSE_STACK_DEPTH];
	size_t n_kernel, n;
	char text[2 * LAPSE_STACK_DEPTH][256];
	const char *words[2 * LAPSE_STACK_DEPTH];
	char brief[256];
	char piece[PIECE_SIZE]; /* of the stack of a thread that hangs */
};

int stacks_new(struct session *session)
{
	if (!session->show.why)
		return 0;
	session->symbols = stack_symbols_new();
	session->wait_stack = calloc(1, sizeof(*session->wait_stack));
	return session->symbols && session->wait_stack ? 0 : -1;
}

void stacks_free(struct session *session)
{
	stack_symbols_free(session->symbols);
	free(session->wait_stack);
}

/* Its files are known when it has ended, too. What cannot be read now is said with the stack. */
void stacks_prime(struct session *session, pid_t pid)
{
	if (session->symbols)
		stack_symbols_prime(session->symbols, pid);
}

/* What stands above "schedule" is how the thread came to be looked at. */
static size_t skip_scheduler(struct stack_frame *frames, size_t n)
{
	size_t skip = 0;

	for (size_t i = 0; i < n; i++)
		if (!strcmp(frames[i].name, "schedule"))
			skip = i + 1;
	memmove(frames, frames + skip, (n - skip) * sizeof(*frames));
	return n - skip;
}

/* Without frame pointers the way to the callers leads nowhere: what is not known there is left out. */
static size_t drop_lost(const struct stack_frame *frames, size_t n)
{
	while (n > 1 && !frames[n - 1].named)
		n--;
	return n;
}

static void take_kernel(struct session *session, int32_t number, struct wait_stack *to)
{
	uint64_t addrs[LAPSE_STACK_DEPTH];
	int n = tracer_stack(session->tracer, number, addrs);

	n = (int)stack_symbols_kernel(session->symbols, addrs, (size_t)n, to->frames);
	to->n = to->n_kernel = skip_scheduler(to->frames, (size_t)n);
}

static void take_user(struct session *session, pid_t pid, int32_t number, struct wait_stack *to)
{
	uint64_t addrs[LAPSE_STACK_DEPTH];
	int n = tracer_stack(session->tracer, number, addrs);

	n = (int)stack_symbols_user(session->symbols, pid, addrs, (size_t)n, to->frames + to->n_kernel);
	to->n += drop_lost(to->frames + to->n_kernel, (size_t)n);
}

/* Frames from the @from-th on into words; those before are words already. */
static struct output_stack in_words(struct wait_stack *to, size_t from)
{
	for (size_t i = from; i < to->n; i++)
		stack_frame_text(&to->frames[i], to->text[i], sizeof(to->text[i]));
	for (size_t i = 0; i < to->n; i++)
		to->words[i] = to->text[i];
	stack_brief(to->frames + to->n_kernel, drop_lost(to->frames + to->n_kernel, to->n - to->n_kernel),
		    BRIEF_DEPTH, to->brief, sizeof(to->brief));
	return (struct output_stack){.frames = to->words, .n = to->n, .brief = to->brief};
}

struct output_stack stacks_of(struct session *session, const struct lapse_span *span)
{
	const struct lapse_why *why = &((const struct lapse_why_span *)(const void *)span)->why;
	struct wait_stack *to = session->wait_stack;

	if (!to || !(span->flags & LAPSE_SPAN_WHY) || !why->longest.duration_ns)
		return (struct output_stack){0};
	take_kernel(session, why->longest.kernel_stack, to);
	take_user(session, (pid_t)span->pid, why->longest.user_stack, to);
	return in_words(to, 0);
}

/* ---- threads that hang ------------------------------------------------------------------------------ */

/* As the scheduler saw it leave, or as /proc sees it now. True: in words already. */
static bool take_kernel_now(struct session *session, const struct hung_span *hung, struct wait_stack *to)
{
	take_kernel(session, hung->kernel_stack, to);
	if (to->n)
		return false;
	to->n = to->n_kernel = thread_kernel_stack((pid_t)hung->head.span.pid, (pid_t)hung->head.span.tid,
						   to->text, LAPSE_STACK_DEPTH);
	for (size_t i = 0; i < to->n; i++)
		to->frames[i] = (struct stack_frame){.name = to->text[i], .named = true};
	return true;
}

/* Where no callers can be told from what it left behind there is the stack that the kernel followed. */
static void take_user_now(struct session *session, const struct hung_span *hung, struct wait_stack *to)
{
	pid_t pid = (pid_t)hung->head.span.pid;
	struct stack_piece piece = {hung->ip, hung->sp, hung->bp, to->piece, 0};
	uint64_t ip = 0, sp = 0;
	size_t n = 0;

	if (hung->has_registers)
		piece.size = thread_memory(pid, hung->sp, to->piece, sizeof(to->piece));
	/* It may have gone on meanwhile. */
	if (piece.size && thread_registers(pid, (pid_t)hung->head.span.tid, &ip, &sp) == 1 &&
	    ip == hung->ip && sp == hung->sp)
		n = stack_symbols_unwind(session->symbols, pid, &piece, STACK_BUDGET_NS,
					 to->frames + to->n_kernel, LAPSE_STACK_DEPTH);
	if (n)
		to->n += n;
	else
		take_user(session, pid, hung->user_stack, to);
}

struct output_stack stacks_now(struct session *session, const struct hung_span *hung, size_t *n_kernel)
{
	struct wait_stack *to = session->wait_stack;
	bool worded;

	to->n = to->n_kernel = *n_kernel = 0;
	if (hung->now.state != THREAD_BLOCKED) {
		if (hung->has_registers)
			to->n = stack_symbols_user(session->symbols, (pid_t)hung->head.span.pid, &hung->ip, 1,
						   to->frames);
		return in_words(to, 0);
	}
	worded = take_kernel_now(session, hung, to);
	take_user_now(session, hung, to);
	*n_kernel = to->n_kernel;
	return in_words(to, worded ? to->n_kernel : 0);
}
