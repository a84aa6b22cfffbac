// SPDX-License-Identifier: GPL-2.0-or-later
/* The stacks of waits, from addresses to words. */
#include "cli/session_parts.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/units.h"
#include "stack/fold.h"
#include "stack/stack.h"
#include "stack/thread.h"

/* Functions that the one line below a span names. */
#define BRIEF_DEPTH 3

/* Of the program's frames, with what is to be said of them; all together. */
#define USER_FRAMES_MAX 128
#define FRAMES_MAX	(LAPSE_STACK_DEPTH + USER_FRAMES_MAX)

/* What is read of the stack of a thread that hangs: deeper callers are not seen. */
#define PIECE_SIZE (16 * 1024)

/* What unwinding may take of a second: it keeps records waiting. */
#define UNWIND_BUDGET_MS 100

#define STRING_OF(word) #word
#define STRING(word)	STRING_OF(word)

/* A wait's frames, innermost first: the kernel's, then the program's. */
struct wait_stack {
	struct stack_frame frames[FRAMES_MAX];
	size_t n_kernel, n;
	char text[FRAMES_MAX][256];
	struct output_frame words[FRAMES_MAX];
	char now[LAPSE_STACK_DEPTH][THREAD_NAME]; /* functions of the kernel, as /proc has them */
	char brief[256];
	char piece[PIECE_SIZE];		  /* of the stack of a thread that hangs */
	uint64_t second, spent_before_ns; /* what unwinding had taken when that second began */
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

/* ---- by frame pointers ------------------------------------------------------------------------ */

/* Where threads begin, of C and of Go. */
static bool begins_thread(const struct stack_frame *frame)
{
	static const char *const names[] = {
		"_start",	  "main",	   "clone",    "clone3",
		"start_thread",	  "__clone",	   "__clone3", "__libc_start_main",
		"runtime.goexit", "runtime.mstart"};

	for (size_t i = 0; frame->named && i < sizeof(names) / sizeof(*names); i++) {
		size_t length = strlen(names[i]);

		/* "__libc_start_main_impl", "runtime.goexit.abi0" */
		if (!strncmp(frame->name, names[i], length) && !isalnum((unsigned char)frame->name[length]))
			return true;
	}
	return false;
}

/* Without frame pointers the way to the callers leads nowhere: what is not known there is left out. */
static size_t drop_lost(const struct stack_frame *frames, size_t n)
{
	while (n > 1 && !frames[n - 1].named)
		n--;
	return n;
}

/* Of the stack that the kernel followed, by its @number. */
static size_t by_frame_pointers(struct session *session, pid_t pid, int32_t number,
				struct stack_frame *frames)
{
	uint64_t addrs[LAPSE_STACK_DEPTH];
	int n = tracer_stack(session->tracer, number, addrs);

	return drop_lost(frames, stack_symbols_user(session->symbols, pid, addrs, (size_t)n, frames));
}

/* ---- by what was copied of the stack ------------------------------------------------------------ */

static struct stack_frame remark(const char *text)
{
	return (struct stack_frame){.name = text, .file = "", .build_id = ""};
}

/* Why there is no copy of the stack. */
static const char *why_no_piece(const struct session *session, const struct lapse_block *block)
{
	switch ((enum lapse_piece_state)block->piece) {
	case LAPSE_PIECE_SENT:
		return "[unknown: the copied stack was let go, too many came since]";
	case LAPSE_PIECE_OVER_BUDGET:
		return "[unknown: over the budget of " STRING(TRACER_PIECES_A_SECOND) " stacks a second]";
	case LAPSE_PIECE_NO_ROOM:
		return "[unknown: no room for a copy of the stack]";
	case LAPSE_PIECE_MISSED:
		return "[unknown: the thread went on before its stack was looked at]";
	case LAPSE_PIECE_UNREADABLE:
		return "[unknown: the stack is not in memory]";
	case LAPSE_PIECE_UNSEEN:
		return "[unknown: over the budget of " STRING(TRACER_STACKS_A_SECOND) " waits a second]";
	case LAPSE_PIECE_NONE:
		break;
	}
	if (block->user_stack < 0 && block->kernel_stack < 0)
		return "[unknown: the wait was too short for its stack to be looked at]";
	return tracer_copies_stacks(session->tracer)
		       ? "[unknown: no frame pointers, and the wait was too short for its stack to be copied]"
		       : "[unknown: no frame pointers, and stacks are not copied]";
}

/* Whether this second has time left for another stack. */
static bool has_time(struct session *session, struct wait_stack *to)
{
	uint64_t second = clock_now_ns() / NSEC_PER_SEC, spent = stack_symbols_unwind_ns(session->symbols);

	if (second != to->second) {
		to->second = second;
		to->spent_before_ns = spent;
	}
	return spent - to->spent_before_ns < UNWIND_BUDGET_MS * NSEC_PER_MSEC;
}

/* How many frames; the last is a remark where callers are missing. */
static size_t by_rules(struct session *session, const struct lapse_span *span,
		       const struct lapse_block *block, struct stack_frame *frames)
{
	const struct lapse_piece *piece =
		block->piece == LAPSE_PIECE_SENT
			? tracer_piece(session->tracer, span->tid, block->end_ns - block->duration_ns)
			: NULL;

	if (!piece) {
		*frames = remark(why_no_piece(session, block));
		return 1;
	}
	if (!has_time(session, session->wait_stack)) {
		*frames = remark("[unknown: over the budget of " STRING(
			UNWIND_BUDGET_MS) " ms of unwinding a second]");
		return 1;
	}
	return stack_symbols_unwind(session->symbols, (pid_t)span->pid,
				    &(struct stack_piece){piece->ip, piece->sp, piece->bp, piece->bytes,
							  piece->size, LAPSE_PIECE_BELOW},
				    STACK_BUDGET_NS, frames, USER_FRAMES_MAX);
}

/* ---- both --------------------------------------------------------------------------------------- */

/*
 * The program's frames. Rules know every caller; frame pointers pass over those that keep none, even where
 * they come to the thread's beginning. So these are for when the rules do not get there.
 */
static size_t name_user(struct session *session, const struct lapse_span *span,
			const struct lapse_block *block, struct stack_frame *frames)
{
	struct stack_frame chain[LAPSE_STACK_DEPTH];
	size_t n = by_rules(session, span, block, frames), n_chain;
	struct stack_frame missing = frames[n - 1];

	if (missing.addr)
		return n;
	n_chain = by_frame_pointers(session, (pid_t)span->pid, block->user_stack, chain);
	if (n_chain && begins_thread(&chain[n_chain - 1]))
		missing.name = NULL;
	else if (n_chain < n)
		return n;
	memcpy(frames, chain, n_chain * sizeof(*chain));
	if (missing.name)
		frames[n_chain++] = missing;
	return n_chain;
}

static void take_kernel(struct session *session, int32_t number, struct wait_stack *to)
{
	uint64_t addrs[LAPSE_STACK_DEPTH];
	int n = tracer_stack(session->tracer, number, addrs);

	n = (int)stack_symbols_kernel(session->symbols, addrs, (size_t)n, to->frames);
	to->n = to->n_kernel = skip_scheduler(to->frames, (size_t)n);
}

static struct output_stack in_words(struct wait_stack *to)
{
	for (size_t i = 0; i < to->n; i++) {
		const struct stack_frame *frame = &to->frames[i];

		to->words[i] = (struct output_frame){
			.text = stack_frame_text(frame, to->text[i], sizeof(to->text[i])),
			.name = frame->named ? frame->name : "",
			.file = frame->file,
			.build_id = frame->build_id,
			.offset = frame->offset,
			.address = frame->linked,
		};
	}
	stack_brief(to->frames + to->n_kernel, drop_lost(to->frames + to->n_kernel, to->n - to->n_kernel),
		    BRIEF_DEPTH, to->brief, sizeof(to->brief));
	return (struct output_stack){.frames = to->words, .n = to->n, .brief = to->brief};
}

void stacks_say(const struct session *session)
{
	uint64_t n = session->symbols ? tracer_stacks_over_budget(session->tracer) : 0;

	if (n)
		diag_note("the stacks of %" PRIu64 " long waits were not copied: %d are in a second", n,
			  TRACER_PIECES_A_SECOND);
}

struct output_stack stacks_of(struct session *session, const struct lapse_span *span)
{
	const struct lapse_why *why = &((const struct lapse_why_span *)(const void *)span)->why;
	struct wait_stack *to = session->wait_stack;

	if (!to || !(span->flags & LAPSE_SPAN_WHY) || !why->longest.duration_ns)
		return (struct output_stack){0};
	take_kernel(session, why->longest.kernel_stack, to);
	to->n += name_user(session, span, &why->longest, to->frames + to->n_kernel);
	return in_words(to);
}

/* ---- threads that hang ------------------------------------------------------------------------------ */

/* "function+0x1f" of the kernel's, taken apart in its place. */
static struct stack_frame parse_kernel(char *text)
{
	char *plus = strrchr(text, '+');
	struct stack_frame frame = {.name = text, .named = true, .file = "[kernel]", .build_id = ""};

	if (plus) {
		frame.offset = strtoull(plus + 1, NULL, 16);
		*plus = '\0';
	}
	return frame;
}

/* As the scheduler saw it leave, or as /proc sees it now. */
static void take_kernel_now(struct session *session, const struct hung_span *hung, struct wait_stack *to)
{
	take_kernel(session, hung->kernel_stack, to);
	if (to->n)
		return;
	to->n = to->n_kernel = thread_kernel_stack((pid_t)hung->head.span.pid, (pid_t)hung->head.span.tid,
						   to->now, LAPSE_STACK_DEPTH);
	for (size_t i = 0; i < to->n; i++)
		to->frames[i] = parse_kernel(to->now[i]);
}

/* Where no callers can be told from what it left behind there is the stack that the kernel followed. */
static void take_user_now(struct session *session, const struct hung_span *hung, struct wait_stack *to)
{
	pid_t pid = (pid_t)hung->head.span.pid;
	struct stack_piece piece = {.ip = hung->ip, .sp = hung->sp, .bp = hung->bp, .bytes = to->piece};
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
		to->n += by_frame_pointers(session, pid, hung->user_stack, to->frames + to->n_kernel);
}

struct output_stack stacks_now(struct session *session, const struct hung_span *hung, size_t *n_kernel)
{
	struct wait_stack *to = session->wait_stack;

	to->n = to->n_kernel = *n_kernel = 0;
	if (hung->now.state != THREAD_BLOCKED) {
		if (hung->has_registers)
			to->n = stack_symbols_user(session->symbols, (pid_t)hung->head.span.pid, &hung->ip, 1,
						   to->frames);
		return in_words(to);
	}
	take_kernel_now(session, hung, to);
	take_user_now(session, hung, to);
	*n_kernel = to->n_kernel;
	return in_words(to);
}
