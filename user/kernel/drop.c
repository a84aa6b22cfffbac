// SPDX-License-Identifier: GPL-2.0-or-later
/* What is too dear, taken away while the rest goes on. */
#include "kernel/tracer_parts.h"

#include <string.h>
#include <time.h>

/* How long the links of globs that others replace stay, for calls that have begun. */
#define DROP_PAUSE_NS 20000000

static bool is_of_globs(const struct kept_link *link, pid_t pid)
{
	(void)pid;
	return link->kind == LINK_GLOBS;
}

static bool is_going(const struct kept_link *link, pid_t pid)
{
	(void)pid;
	return link->goes;
}

/* The links of all globs anew, without what is dropped. Both are there for a while: what the old ones have
 * seen begin only they end (LAPSE_EDGE_GENERATION). */
static int renew_globs(struct tracer *tracer, const struct plan *plan)
{
	const struct timespec pause = {.tv_nsec = DROP_PAUSE_NS};
	size_t before = tracer->n_links, old = before - links_part(tracer, is_of_globs, 0), left;
	int err;

	tracer->generation ^= LAPSE_EDGE_GENERATION;
	tracer->skel->bss->renewing = 1;
	err = attach_all_globs(tracer, plan);
	tracer->skel->bss->generation = tracer->generation;
	nanosleep(&pause, NULL);
	left = tracer->n_links - before;
	links_release(tracer->links + before - old, old);
	tracer->skel->bss->renewing = 0;
	memmove(tracer->links + before - old, tracer->links + before, left * sizeof(*tracer->links));
	tracer->n_links -= old;
	return err;
}

static bool any_tcp_left(const struct tracer *tracer, const struct plan *plan)
{
	for (size_t i = 0; i < plan->n_tcps; i++)
		if (!(plan->tcps[i].rule.component < tracer->n_components &&
		      tracer->memory[plan->tcps[i].rule.component].dropped))
			return true;
	return false;
}

/* Marks what nothing needs any more. */
static void mark_links(struct tracer *tracer, const struct plan *plan)
{
	bool syscalls = syscalls_drop(tracer, plan), tcp = any_tcp_left(tracer, plan);

	for (size_t i = 0; i < tracer->n_links; i++) {
		struct kept_link *link = &tracer->links[i];

		link->goes = (link->component != NO_COMPONENT && tracer->memory[link->component].dropped) ||
			     (link->kind == LINK_SYSCALLS && !syscalls) || (link->kind == LINK_TCP && !tcp);
	}
}

int tracer_drop(struct tracer *tracer, const struct plan *plan, const bool *drop)
{
	bool globs = false;

	for (size_t i = 0; i < tracer->n_components; i++) {
		globs |= drop[i] && !tracer->memory[i].dropped && i < plan->n_components &&
			 plan->components[i].glob;
		tracer->memory[i].dropped |= drop[i];
	}
	mark_links(tracer, plan);
	links_release_from(tracer, links_part(tracer, is_going, 0));
	return globs ? renew_globs(tracer, plan) : 0;
}

bool tracer_has_dropped(const struct tracer *tracer, size_t component)
{
	return tracer->memory[component].dropped;
}
