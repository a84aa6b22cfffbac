/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Goroutines change threads, and their stacks move when they grow. So their frames are kept by g, which
 * Go's internal calling convention has in r14, and a frame is known by its distance from the stack's
 * upper end, which a move leaves as it is. Distances are turned into addresses of an imaginary stack
 * that ends at IMAGINARY_TOP, so that the rules of stack.h hold as they are.
 */
#ifndef LAPSE_BPF_GOROUTINE_H
#define LAPSE_BPF_GOROUTINE_H

#include "bpf/stack.h"

#define IMAGINARY_TOP (1ULL << 47)

/* runtime.g begins with its stack: lo, hi (src/runtime/runtime2.go, unchanged since Go 1.4). */
#define G_STACK_HI 8

/* The carry and zero flags: what the jump of the stack check, "jbe", goes by. */
#define FLAGS_BELOW_OR_EQUAL 0x41

/* Where the stack pointer of @g would be on the imaginary stack. */
static __always_inline __u64 goroutine_sp(__u64 g, __u64 sp)
{
	return IMAGINARY_TOP - (user_word(g + G_STACK_HI) - sp);
}

/* The stack has no room: the function is entered again when it has been moved to a larger one. */
static __always_inline bool goroutine_grows(struct pt_regs *ctx, __u64 cookie)
{
	return (LAPSE_COOKIE_EDGE(cookie) & LAPSE_EDGE_STACK_CHECK) && (ctx->flags & FLAGS_BELOW_OR_EQUAL);
}

static __always_inline struct lapse_goroutine goroutine_of(struct pt_regs *ctx)
{
	return (struct lapse_goroutine){.pid = bpf_get_current_pid_tgid() >> 32, .g = ctx->r14};
}

static __always_inline struct lapse_stack *goroutine_stack(const struct lapse_goroutine *key, bool create)
{
	struct lapse_stack *stack = bpf_map_lookup_elem(&goroutines, key);

	if (stack || !create)
		return stack;
	bpf_map_update_elem(&goroutines, key, &empty_stack, BPF_NOEXIST);
	return bpf_map_lookup_elem(&goroutines, key);
}

/* Memory is held by those alone that are inside a probed function. */
static __always_inline void goroutine_leave(const struct lapse_goroutine *key,
					    const struct lapse_stack *stack)
{
	if (!stack->depth)
		bpf_map_delete_elem(&goroutines, key);
}

#endif
