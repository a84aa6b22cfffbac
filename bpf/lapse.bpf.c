// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The programs. A span has three ways into the kernel's uprobes, and user space loads the ones that
 * the running kernel has:
 *
 *   session   one program at entry and return; the entry can leave the return alone   (6.14)
 *   multi     an entry and a return program, any number of places a link              (6.6)
 *   perf      the same two, one perf event a place
 *
 * Return instructions and entries whose return they end are plain entries in each of them.
 */
#include "vmlinux.h"
#include "bpf/constant.h"
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>
#include <bpf/bpf_core_read.h>
#include <bpf/usdt.bpf.h>

#include "bpf/private_stack.h"
#include "bpf/marker.h"
#include "bpf/run_context.h"
#include "bpf/span.h"
#include "bpf/process.h"
#include "bpf/tcp.h"
#include "bpf/first.h"

char LICENSE[] SEC("license") = "GPL";

OWN_STACK(span_session);
OWN_STACK(place_multi);
OWN_STACK(return_multi);
OWN_STACK(place_perf);
OWN_STACK(return_perf);
OWN_STACK(marker_multi);
OWN_STACK(marker_perf);
OWN_STACK(usdt_edge);

/* What the rules want of the marker's arguments. */
static __always_inline void usdt_capture(struct pt_regs *ctx, __u32 edge, struct lapse_facts *facts)
{
	struct lapse_rules *r = rules_of(facts->component);
	__u32 end = (edge & LAPSE_EDGE_MASK) == LAPSE_EDGE_END ? LAPSE_END_END : LAPSE_END_START;

	for (__u32 i = 0; r && i < LAPSE_CAPTURES; i++) {
		__u32 arg = r->capture[end][i];
		long value = 0;

		if (arg < LAPSE_MAX_ARGS && !bpf_usdt_arg(ctx, arg, &value))
			facts->capture[i] = value;
	}
}

/* All places have this one program, so that only one is verified: what is no entry with a return probe leaves
 * its return alone. */
SEC("uprobe.session")
int span_session(struct pt_regs *ctx)
{
	struct session session = session_of(current_task(), ctx);
	bool returns = LAPSE_COOKIE_ROLE(session.cookie) == LAPSE_ROLE_ENTRY;

	USE_OWN_STACK(ctx, span_session);
	if (session.returns)
		return span_return(ctx, session.cookie);
	switch (LAPSE_COOKIE_ROLE(session.cookie)) {
	case LAPSE_ROLE_RETINS:
		span_retins(ctx, session.cookie);
		return 1;
	case LAPSE_ROLE_HERE:
		span_edge(ctx, session.cookie);
		return 1;
	default:
		return span_enter(ctx, session.cookie, returns) || !returns;
	}
}

/* Whatever needs no return probe of its own, and the entry of those that have one. A multi or perf
 * program must give 0: 1 would take the breakpoint away. */
static __always_inline int place(struct pt_regs *ctx, __u64 cookie)
{
	switch (LAPSE_COOKIE_ROLE(cookie)) {
	case LAPSE_ROLE_RETINS:
		span_retins(ctx, cookie);
		break;
	case LAPSE_ROLE_HERE:
		span_edge(ctx, cookie);
		break;
	default:
		span_enter(ctx, cookie, false);
	}
	return 0;
}

static __always_inline int marker(struct pt_regs *ctx, __u64 cookie)
{
	if (stopped)
		return 0;
	if (LAPSE_COOKIE_ROLE(cookie) == LAPSE_ROLE_MARKER_NAMED)
		return marker_named(ctx);
	return marker_take(ctx, LAPSE_COOKIE_COMPONENT(cookie));
}

SEC("uprobe.multi")
int place_multi(struct pt_regs *ctx)
{
	USE_OWN_STACK(ctx, place_multi);
	return place(ctx, cookie_of_multi(ctx));
}

SEC("uretprobe.multi")
int return_multi(struct pt_regs *ctx)
{
	USE_OWN_STACK(ctx, return_multi);
	return span_return(ctx, cookie_of_multi(ctx));
}

SEC("uprobe.multi")
int marker_multi(struct pt_regs *ctx)
{
	USE_OWN_STACK(ctx, marker_multi);
	return marker(ctx, cookie_of_multi(ctx));
}

SEC("uprobe")
int marker_perf(struct pt_regs *ctx)
{
	USE_OWN_STACK(ctx, marker_perf);
	return marker(ctx, cookie_of_probe(ctx));
}

/* A statically defined marker of the program's own: an edge. */
SEC("usdt")
int usdt_edge(struct pt_regs *ctx)
{
	__u64 cookie = bpf_usdt_cookie(ctx), now = bpf_ktime_get_ns();
	struct lapse_stack *stack;
	struct lapse_facts *facts;

	USE_OWN_STACK(ctx, usdt_edge);
	if (stopped || !wanted_for((void *)bpf_get_current_task(), LAPSE_COOKIE_COMPONENT(cookie)))
		return 0;
	stack = stack_get(true);
	if (!stack) {
		edge_lost(cookie);
		return 0;
	}
	facts = facts_new(stack, LAPSE_COOKIE_COMPONENT(cookie), now);
	facts->cost_ns = cost_of(LAPSE_CLASS_EMULATED)->enter_ns;
	stack->cost_ns += facts->cost_ns;
	usdt_capture(ctx, LAPSE_COOKIE_EDGE(cookie), facts);
	edge_take(LAPSE_COOKIE_EDGE(cookie), facts);
	return 0;
}

/* The dynamic linker's hook, entered when the list of libraries changes. */
SEC("uprobe.multi")
int libraries_multi(struct pt_regs *ctx)
{
	libraries_change();
	return 0;
}

SEC("uprobe")
int libraries_perf(struct pt_regs *ctx)
{
	libraries_change();
	return 0;
}

SEC("uprobe")
int place_perf(struct pt_regs *ctx)
{
	USE_OWN_STACK(ctx, place_perf);
	return place(ctx, cookie_of_probe(ctx));
}

SEC("uretprobe")
int return_perf(struct pt_regs *ctx)
{
	USE_OWN_STACK(ctx, return_perf);
	return span_return(ctx, cookie_of_probe(ctx));
}
