// SPDX-License-Identifier: GPL-2.0-or-later
#include "probe/arrange.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* Where a component went that was dropped. */
#define NOWHERE UINT32_MAX

struct arranged {
	struct plan_component *components;
	size_t n;
	uint32_t *now; /* by the component's number before */
};

/* The component of a specification; there is one. */
static size_t component_of(const struct plan *plan, size_t spec)
{
	size_t i = 0;

	while (i + 1 < plan->n_components && plan->components[i].spec != spec)
		i++;
	return i;
}

static void choose_order(const struct plan *plan, const struct arranging *how, struct arranged *arranged)
{
	for (int feeders = 0; feeders <= 1; feeders++)
		for (size_t i = 0; i < plan->n_components; i++) {
			if ((plan->components[i].spec >= how->first_fed) != feeders)
				continue;
			arranged->now[i] = how->dropped[i] ? NOWHERE : (uint32_t)arranged->n;
			if (!how->dropped[i])
				arranged->components[arranged->n++] = plan->components[i];
		}
}

static void note_feeders(const struct plan *plan, const struct arranging *how, struct arranged *arranged)
{
	for (size_t i = 0; i < arranged->n; i++) {
		struct plan_component *component = &arranged->components[i];
		const struct plan_fed *fed;

		if (component->spec < how->first_fed)
			continue;
		fed = &how->fed[component->spec - how->first_fed];
		component->feeds = fed->feeds;
		component->fed = arranged->now[component_of(plan, fed->spec)];
	}
}

static void move_places(struct plan *plan, const uint32_t *now)
{
	size_t kept = 0;

	for (size_t i = 0; i < plan->n_places; i++) {
		plan->places[kept] = plan->places[i];
		plan->places[kept].component = now[plan->places[i].component];
		kept += plan->places[kept].component != NOWHERE;
	}
	plan->n_places = kept;
	kept = 0;
	for (size_t i = 0; i < plan->n_syscalls; i++) {
		plan->syscalls[kept] = plan->syscalls[i];
		plan->syscalls[kept].component = now[plan->syscalls[i].component];
		kept += plan->syscalls[kept].component != NOWHERE;
	}
	plan->n_syscalls = kept;
}

static void move_tcps(struct plan *plan, const uint32_t *now)
{
	size_t kept = 0;

	for (size_t i = 0; i < plan->n_tcps; i++) {
		plan->tcps[kept] = plan->tcps[i];
		plan->tcps[kept].rule.component = now[plan->tcps[i].rule.component];
		kept += plan->tcps[kept].rule.component != NOWHERE;
	}
	plan->n_tcps = kept;
}

static void move_usdts(struct plan *plan, const uint32_t *now)
{
	size_t kept = 0;

	for (size_t i = 0; i < plan->n_usdts; i++) {
		struct plan_usdt usdt = plan->usdts[i];

		usdt.component = now[usdt.component];
		if (usdt.component != NOWHERE) {
			plan->usdts[kept++] = usdt;
			continue;
		}
		free(usdt.provider);
		free(usdt.name);
	}
	plan->n_usdts = kept;
}

int arrange_components(struct plan *plan, const struct arranging *how)
{
	size_t n = plan->n_components;
	struct arranged arranged = {
		.components = calloc(n + 1, sizeof(*arranged.components)),
		.now = calloc(n + 1, sizeof(*arranged.now)),
	};
	int err = arranged.components && arranged.now ? 0 : -ENOMEM;

	if (!err) {
		choose_order(plan, how, &arranged);
		note_feeders(plan, how, &arranged);
		move_places(plan, arranged.now);
		move_tcps(plan, arranged.now);
		move_usdts(plan, arranged.now);
		for (size_t i = 0; i < n; i++)
			if (how->dropped[i])
				plan_component_free(&plan->components[i]);
		/* In place: whoever adds to the plan later expects room up to a power of two. */
		if (arranged.n)
			memcpy(plan->components, arranged.components,
			       arranged.n * sizeof(*arranged.components));
		plan->n_components = arranged.n;
	}
	free(arranged.components);
	free(arranged.now);
	return err;
}
