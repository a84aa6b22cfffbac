// SPDX-License-Identifier: GPL-2.0-or-later
#include "probe/safety.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "probe/traits.h"

static const char *base_name(const char *name)
{
	const char *slash = strrchr(name, '/');

	return slash ? slash + 1 : name;
}

/* The first file that has one of @wanted and none of @unwanted, or NULL. */
static const struct safety_file *find(const struct safety_file *mapped, size_t n, uint32_t wanted,
				      uint32_t unwanted)
{
	for (size_t i = 0; i < n; i++) {
		if ((mapped[i].traits & wanted) && !(mapped[i].traits & unwanted))
			return &mapped[i];
	}
	return NULL;
}

static struct safety by_insns(const char *format, ...)
{
	struct safety safety = {.verdict = SAFETY_RETURN_INSNS};
	va_list args;

	va_start(args, format);
	vsnprintf(safety.why, sizeof(safety.why), format, args);
	va_end(args);
	return safety;
}

/* What the function's own file does. */
static bool judge_own(const struct safety_file *file, struct safety *safety)
{
	const char *name = base_name(file->name);

	if (file->traits & TRAIT_LIBC)
		return false;
	if (file->traits & TRAIT_CATCHES)
		*safety = by_insns("exceptions can unwind past it (%s itself catches them)", name);
	else if (file->traits & TRAIT_RUNTIME)
		*safety = by_insns("exceptions can unwind past it (%s is part of what unwinds)", name);
	else if (file->traits & TRAIT_CLEANUPS)
		*safety = by_insns("exceptions can unwind past it (%s has code for that)", name);
	else if (file->traits & TRAIT_WALKS)
		*safety = by_insns("%s reads return addresses off the stack when it collects garbage", name);
	else
		return false;
	return true;
}

/* Who switches stacks, or NULL. */
static const struct safety_file *stack_switcher(const struct safety_file *mapped, size_t n)
{
	const struct safety_file *found = find(mapped, n, TRAIT_SWITCHES, TRAIT_RUNTIME);

	if (!found && find(mapped, n, TRAIT_ASYNC_OWNER, 0))
		found = find(mapped, n, TRAIT_ASYNC_USER, TRAIT_RUNTIME);
	return found;
}

/* What others in the process do. */
static struct safety judge_others(const struct safety_file *mapped, size_t n)
{
	const struct safety_file *found, *handler;

	found = find(mapped, n, TRAIT_GO, 0);
	if (found)
		return by_insns("goroutines move their stacks (%s is written in Go)", base_name(found->name));
	found = find(mapped, n, TRAIT_ALTSTACK, TRAIT_RUNTIME);
	if (found)
		return by_insns("signal handlers may run on a stack of their own (%s sets one)",
				base_name(found->name));
	found = stack_switcher(mapped, n);
	if (found)
		return by_insns("fibers may switch stacks inside it (%s has them)", base_name(found->name));
	found = find(mapped, n, TRAIT_CATCHES, TRAIT_RUNTIME);
	if (found)
		return by_insns("exceptions can unwind past it (%s catches them)", base_name(found->name));
	found = find(mapped, n, TRAIT_CANCELS, TRAIT_LIBC);
	handler = find(mapped, n, TRAIT_HANDLERS, TRAIT_RUNTIME);
	if (found && handler)
		return by_insns(
			"a cancelled thread would skip clean-up handlers (%s ends threads, %s has handlers)",
			base_name(found->name), base_name(handler->name));
	return (struct safety){.verdict = SAFETY_RETURN_PROBE};
}

struct safety safety_decide(const struct safety_file *file, const struct safety_file *mapped, size_t n,
			    bool force, bool seccomp_kills)
{
	struct safety safety = {.verdict = SAFETY_RETURN_PROBE, .haskell = file->traits & TRAIT_HASKELL};

	if (force)
		return safety;
	if (seccomp_kills)
		safety = by_insns("the seccomp filter would kill the process at a return probe");
	else if (!judge_own(file, &safety))
		safety = judge_others(mapped, n);
	safety.haskell = file->traits & TRAIT_HASKELL;
	safety.switches = stack_switcher(mapped, n) || find(mapped, n, TRAIT_ALTSTACK, TRAIT_RUNTIME);
	return safety;
}
