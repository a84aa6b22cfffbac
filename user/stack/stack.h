/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * From raw stacks to names. What the kernel sends are addresses, or registers and a piece of a stack;
 * what comes out are frames with functions, innermost first, and where there is none, the reason. Files,
 * mappings and names are kept from one stack to the next.
 */
#ifndef LAPSE_STACK_STACK_H
#define LAPSE_STACK_STACK_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "stack/frame.h"

struct stack_symbols;

/* The registers of a thread and what lay around its stack pointer at that moment. What a function has taken
 * off its stack still lies below, and that is where compilers' rules look for it. */
struct stack_piece {
	uint64_t ip, sp, bp;
	const void *bytes; /* of memory from sp - below on */
	size_t size, below;
};

/* What the unwinding of one piece may take of CPU time, files that are read for the first time apart. */
#define STACK_BUDGET_NS	    (10 * 1000 * 1000ULL)
/* Processes that are remembered; beyond them those forgotten longest are let go. */
#define STACK_PROCESSES_MAX 512

/* NULL where memory is out. Release with stack_symbols_free(), NULL too. */
struct stack_symbols *stack_symbols_new(void);
void stack_symbols_free(struct stack_symbols *symbols);

/*
 * Reads what @pid has mapped, so that its stacks can be named when it has ended; again after an exec.
 * Returns 0, -ESRCH (gone, a kernel thread), -EACCES or -ENOMEM; no message.
 */
int stack_symbols_prime(struct stack_symbols *symbols, pid_t pid);
/* Lets go what is known of @pid, whose number may come again. */
void stack_symbols_forget(struct stack_symbols *symbols, pid_t pid);

/*
 * Names @n addresses of the kernel in as many @frames; where none can be named, one frame says why.
 * Returns the number of frames.
 */
size_t stack_symbols_kernel(struct stack_symbols *symbols, const uint64_t *addrs, size_t n,
			    struct stack_frame *frames);

/*
 * The same with addresses of @pid: the first where the thread was, the others return addresses.
 */
size_t stack_symbols_user(struct stack_symbols *symbols, pid_t pid, const uint64_t *addrs, size_t n,
			  struct stack_frame *frames);

/*
 * Unwinds @piece of a thread of @pid without need of frame pointers and fills up to @max frames, at least
 * 3. The last is a remark with .addr 0 where callers are missing or doubtful. Returns how many.
 */
size_t stack_symbols_unwind(struct stack_symbols *symbols, pid_t pid, const struct stack_piece *piece,
			    uint64_t budget_ns, struct stack_frame *frames, size_t max);
/* What all that has taken of CPU time so far, as budgets count it. */
uint64_t stack_symbols_unwind_ns(const struct stack_symbols *symbols);

#endif
