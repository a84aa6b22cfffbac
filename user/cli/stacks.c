// SPDX-License-Identifier: GPL-2.0-or-later
/* The stacks of waits, from addresses to words. */
#include "cli/session_parts.h"

#include <stdlib.h>
#include <string.h>

#include "stack/fold.h"
#include "stack/stack.h"

/* Functions that the one line below a span names. */
#define BRIEF_DEPTH 3

/* A wait's frames, innermost first: the kernel's, then the program's. */
struct wait_stack {
	struct stack_frame frames[2 * LAPSE_STACK_DEPTH];
	size_t n_kernel, n;
	char text[2 * LAPSE_STACK_DEPTH][256];
	const char *words[2 * LAPSE_STACK_DEPTH];
	char brief[256];
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

static void name_frames(struct session *session, const struct lapse_span *span,
			const struct lapse_block *block, struct wait_stack *to)
{
	uint64_t addrs[LAPSE_STACK_DEPTH];
	int n = tracer_stack(session->tracer, block->kernel_stack, addrs);

	n = (int)stack_symbols_kernel(session->symbols, addrs, (size_t)n, to->frames);
	to->n = to->n_kernel = skip_scheduler(to->frames, (size_t)n);
	n = tracer_stack(session->tracer, block->user_stack, addrs);
	n = (int)stack_symbols_user(session->symbols, (pid_t)span->pid, addrs, (size_t)n,
				    to->frames + to->n_kernel);
	to->n += drop_lost(to->frames + to->n_kernel, (size_t)n);
	for (size_t i = 0; i < to->n; i++) {
		stack_frame_text(&to->frames[i], to->text[i], sizeof(to->text[i]));
		to->words[i] = to->text[i];
	}
	stack_brief(to->frames + to->n_kernel, to->n - to->n_kernel, BRIEF_DEPTH, to->brief,
		    sizeof(to->brief));
}

struct output_stack stacks_of(struct session *session, const struct lapse_span *span)
{
	const struct lapse_why *why = &((const struct lapse_why_span *)(const void *)span)->why;
	struct wait_stack *to = session->wait_stack;

	if (!to || !(span->flags & LAPSE_SPAN_WHY) || !why->longest.duration_ns)
		return (struct output_stack){0};
	name_frames(session, span, &why->longest, to);
	return (struct output_stack){.frames = to->words, .n = to->n, .brief = to->brief};
}
