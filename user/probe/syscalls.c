// SPDX-License-Identifier: GPL-2.0-or-later
#include "probe/syscalls.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/diag.h"
#include "base/text.h"

struct syscall_name {
	const char *name;
	uint32_t nr;
};

/* Made from the kernel's own header when lapse is built. */
static const struct syscall_name names[] = {
#include "syscall_names.h"
};
#define N_NAMES (sizeof(names) / sizeof(*names))

/* Where the event loops of libuv, nginx, redis, asyncio and others wait. */
static const char *const waits[] = {
	"epoll_wait", "epoll_pwait", "epoll_pwait2", "poll", "ppoll", "select", "pselect6",
};

static const struct syscall_name *find(const char *name)
{
	for (size_t i = 0; i < N_NAMES; i++)
		if (strcmp(names[i].name, name) == 0)
			return &names[i];
	return NULL;
}

const char *syscall_name(long nr)
{
	for (size_t i = 0; i < N_NAMES; i++)
		if (nr >= 0 && names[i].nr == (uint32_t)nr)
			return names[i].name;
	return NULL;
}

static int unknown(const struct probe_spec *spec)
{
	struct text_nearest nearest = {.wanted = spec->function};

	for (size_t i = 0; i < N_NAMES; i++)
		text_nearest_offer(&nearest, names[i].name);
	diag_caret(spec->text, spec->function_at, strlen(spec->function), nearest.best,
		   "unknown system call '%s'%s", spec->function, nearest.best ? "; nearest is" : "");
	return -ENOENT;
}

static int add(struct plan *plan, uint32_t nr, uint32_t component, bool loop)
{
	struct plan_syscall *grown = reallocarray(plan->syscalls, plan->n_syscalls + 1, sizeof(*grown));

	if (!grown)
		return -ENOMEM;
	plan->syscalls = grown;
	grown[plan->n_syscalls++] = (struct plan_syscall){.nr = nr, .component = component, .loop = loop};
	return 0;
}

static bool same_turns(const struct probe_spec *a, const struct probe_spec *b)
{
	if (a->kind != b->kind)
		return false;
	return a->kind == SPEC_LOOP || (a->kind == SPEC_SYSCALL && strcmp(a->function, b->function) == 0);
}

/* A thread has one turn of each kind at a time, which is one component's. */
int syscalls_check(const struct probe_spec *specs, size_t n)
{
	for (size_t i = 0; i < n; i++)
		for (size_t j = 0; j < i; j++) {
			if (!same_turns(&specs[i], &specs[j]))
				continue;
			diag_error("'%s' cannot be measured twice, as '%s' and as '%s': give one of them",
				   specs[i].kind == SPEC_LOOP ? "loop" : specs[i].function,
				   specs[j].name ?: specs[j].text, specs[i].name ?: specs[i].text);
			return -EINVAL;
		}
	return 0;
}

static int plan_loop(struct build *build, size_t spec)
{
	size_t component;
	int err;

	err = build_whole(build, spec, "kernel", &component);
	for (size_t i = 0; i < sizeof(waits) / sizeof(*waits) && !err; i++) {
		const struct syscall_name *wait = find(waits[i]);

		if (wait)
			err = add(build->plan, wait->nr, component, true);
	}
	return err;
}

int syscalls_plan(struct build *build, size_t spec)
{
	const struct syscall_name *name;
	size_t component;
	int err;

	if (build->specs[spec].kind == SPEC_LOOP)
		return plan_loop(build, spec);
	name = find(build->specs[spec].function);
	if (!name)
		return unknown(&build->specs[spec]);
	err = build_whole(build, spec, "kernel", &component);
	return err ?: add(build->plan, name->nr, component, false);
}
