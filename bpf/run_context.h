/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the kernel notes of the call of a program that stands in a multi or a session link: the probe, with
 * its cookie, and whether the function is entered or returns (struct bpf_uprobe_multi_run_ctx of
 * kernel/trace/bpf_trace.c). It has a helper and a function that read the two from there, but a call takes
 * some 7 ns where a processor guards returns against speculation (measured). So they are read in place, as
 * memory that only the kernel writes (bpf_rdonly_cast(), 6.2), where the kernel describes it; else the two
 * are called.
 */
#ifndef LAPSE_BPF_RUN_CONTEXT_H
#define LAPSE_BPF_RUN_CONTEXT_H

#include "bpf/compat.h"
#include "bpf/thread.h"

static bool (*const kfunc_session_is_return)(void) = (void *)(LAPSE_KFUNC_CALL +
							      LAPSE_KFUNC_SESSION_IS_RETURN);
static bool (*const kfunc_session_is_return_of)(void *ctx) = (void *)(LAPSE_KFUNC_CALL +
								      LAPSE_KFUNC_SESSION_IS_RETURN_OF);

/* What a session's program is called for. */
struct session {
	__u64 cookie;
	bool returns; /* the function does; else it is entered */
};

#ifndef LAPSE_OLD

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)

struct task_struct___run {
	void *bpf_ctx;
};

struct bpf_session_run_ctx {
	bool is_return;
};

struct bpf_uprobe {
	__u64 cookie;
};

struct bpf_uprobe_multi_run_ctx {
	struct bpf_session_run_ctx session_ctx; /* 6.14 */
	struct bpf_uprobe *uprobe;
};

#pragma clang attribute pop

/* Whether the kernel describes what is read here. */
static __always_inline bool notes_cookie(void)
{
	return cfg_run_context && cfg_task &&
	       bpf_core_field_exists(((struct task_struct___run *)0)->bpf_ctx) &&
	       bpf_core_field_exists(((struct bpf_uprobe_multi_run_ctx *)0)->uprobe) &&
	       bpf_core_field_exists(((struct bpf_uprobe *)0)->cookie);
}

static __always_inline bool notes_session(void)
{
	return notes_cookie() && bpf_core_field_exists(((struct bpf_uprobe_multi_run_ctx *)0)->session_ctx) &&
	       bpf_core_field_exists(((struct bpf_session_run_ctx *)0)->is_return);
}

/* Only where it does; of @task, the current one. */
static __always_inline const struct bpf_uprobe_multi_run_ctx *run_context(struct task_struct *task)
{
	const struct task_struct___run *current = (const void *)task_read(task);

	return kfunc_rdonly_cast(current->bpf_ctx, cfg_run_context);
}

static __always_inline __u64 cookie_of_multi(void *ctx)
{
	return notes_cookie() ? run_context(current_task())->uprobe->cookie : cookie_of_probe(ctx);
}

static __always_inline struct session session_noted(struct task_struct *task)
{
	const struct bpf_uprobe_multi_run_ctx *run = run_context(task);

	return (struct session){.cookie = run->uprobe->cookie, .returns = run->session_ctx.is_return};
}

#else

#define cookie_of_multi(ctx) cookie_of_probe(ctx)
#define notes_session()	     false
#define session_noted(task)  ((struct session){})

#endif

static __always_inline struct session session_called(void *ctx)
{
	struct session session = {.cookie = cookie_of_probe(ctx)};

	if (cfg_kfuncs & 1U << LAPSE_KFUNC_SESSION_IS_RETURN_OF)
		session.returns = kfunc_session_is_return_of(ctx);
	else
		session.returns = kfunc_session_is_return();
	return session;
}

/* @task: the current one. */
static __always_inline struct session session_of(struct task_struct *task, void *ctx)
{
	return notes_session() ? session_noted(task) : session_called(ctx);
}

#endif
