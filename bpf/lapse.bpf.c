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
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>
#include <bpf/bpf_core_read.h>

#include "bpf/private_stack.h"
#include "bpf/span.h"
#include "bpf/process.h"

char LICENSE[] SEC("license") = "GPL";

/* Both forms that the kernel function has had: without an argument (6.14), with the context (7.1). */
bool bpf_session_is_return___noctx(void) __weak __ksym;
bool bpf_session_is_return___ctx(void *ctx) __weak __ksym;

static __always_inline bool session_is_return(void *ctx)
{
	if (bpf_ksym_exists(bpf_session_is_return___ctx))
		return bpf_session_is_return___ctx(ctx);
	return bpf_session_is_return___noctx();
}

OWN_STACK(span_session);
OWN_STACK(place_multi);
OWN_STACK(return_multi);
OWN_STACK(place_perf);
OWN_STACK(return_perf);

SEC("uprobe.session")
int span_session(struct pt_regs *ctx)
{
	__u64 cookie = bpf_get_attach_cookie(ctx);

	USE_OWN_STACK(ctx, span_session);
	if (session_is_return(ctx))
		return span_return(ctx, cookie);
	return span_enter(ctx, cookie, true);
}

/* Whatever needs no return probe of its own, and the entry of those that have one. A multi or perf
 * program must give 0: 1 would take the breakpoint away. */
static __always_inline int place(struct pt_regs *ctx)
{
	__u64 cookie = bpf_get_attach_cookie(ctx);

	if (LAPSE_COOKIE_ROLE(cookie) == LAPSE_ROLE_RETINS)
		span_retins(ctx, cookie);
	else
		span_enter(ctx, cookie, false);
	return 0;
}

SEC("uprobe.multi")
int place_multi(struct pt_regs *ctx)
{
	USE_OWN_STACK(ctx, place_multi);
	return place(ctx);
}

SEC("uretprobe.multi")
int return_multi(struct pt_regs *ctx)
{
	USE_OWN_STACK(ctx, return_multi);
	return span_return(ctx, bpf_get_attach_cookie(ctx));
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
	return place(ctx);
}

SEC("uretprobe")
int return_perf(struct pt_regs *ctx)
{
	USE_OWN_STACK(ctx, return_perf);
	return span_return(ctx, bpf_get_attach_cookie(ctx));
}
