// SPDX-License-Identifier: GPL-2.0-or-later
/* System calls, seen at the two tracepoints that all of them pass. */
#include "kernel/tracer_parts.h"

#include <errno.h>

#include "bpf/config.h"

int syscalls_set(struct tracer *tracer, uint32_t nr, uint32_t span_component, uint32_t loop_component)
{
	struct lapse_syscall known = {0};
	struct bpf_map *map = tracer->skel->maps.syscalls;
	int err = bpf_map__lookup_elem(map, &nr, sizeof(nr), &known, sizeof(known), 0);

	if (err)
		return err;
	if (span_component != NO_COMPONENT)
		known.span = span_component + 1;
	if (loop_component != NO_COMPONENT)
		known.loop = loop_component + 1;
	if (span_component == NO_COMPONENT && loop_component == NO_COMPONENT)
		known = (struct lapse_syscall){0};
	return bpf_map__update_elem(map, &nr, sizeof(nr), &known, sizeof(known), BPF_ANY);
}

/* That which has been loaded of both. */
static int attach_either(struct tracer *tracer, const struct bpf_program *raw,
			 const struct bpf_program *event)
{
	return tracer_keep_link(tracer, events_attach(tracer->tracefs, tracer->events ? event : raw, NULL),
				-1);
}

int syscalls_attach(struct tracer *tracer)
{
	struct lapse_bpf *skel = tracer->skel;
	size_t from = tracer->n_links;
	int err;

	if (!tracer->options.syscalls || tracer->syscalls_attached)
		return 0;
	err = attach_either(tracer, skel->progs.syscall_exit, skel->progs.syscall_exit_event);
	if (!err)
		err = attach_either(tracer, skel->progs.syscall_enter, skel->progs.syscall_enter_event);
	links_mark(tracer, from, LINK_SYSCALLS, NO_COMPONENT);
	tracer->syscalls_attached = !err;
	return err;
}

static void forget_call(struct tracer *tracer, const struct plan_syscall *syscall)
{
	struct lapse_syscall known = {0};
	struct bpf_map *map = tracer->skel->maps.syscalls;
	uint32_t nr = syscall->nr;

	if (bpf_map__lookup_elem(map, &nr, sizeof(nr), &known, sizeof(known), 0))
		return;
	if (syscall->loop)
		known.loop = 0;
	else
		known.span = 0;
	bpf_map__update_elem(map, &nr, sizeof(nr), &known, sizeof(known), BPF_ANY);
}

bool syscalls_drop(struct tracer *tracer, const struct plan *plan)
{
	bool left = false;

	for (size_t i = 0; i < plan->n_syscalls; i++)
		if (tracer->memory[plan->syscalls[i].component].dropped)
			forget_call(tracer, &plan->syscalls[i]);
		else
			left = true;
	return left;
}
