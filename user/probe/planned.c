// SPDX-License-Identifier: GPL-2.0-or-later
/* What a plan holds, asked and released. */
#include <stdlib.h>
#include <string.h>

#include "bpf/event.h"
#include "probe/plan.h"

bool plan_looks_in(const struct plan_options *options, size_t spec, const struct process *process)
{
	return !options->targets || (options->targets[spec] & process->targets);
}

bool plan_awaits(const struct plan *plan, size_t component)
{
	for (size_t i = 0; i < plan->n_places; i++)
		if (plan->places[i].component == component)
			return false;
	for (size_t i = 0; i < plan->n_usdts; i++)
		if (plan->usdts[i].component == component)
			return false;
	for (size_t i = 0; i < plan->n_syscalls; i++)
		if (plan->syscalls[i].component == component)
			return false;
	for (size_t i = 0; i < plan->n_tcps; i++)
		if (plan->tcps[i].rule.component == component)
			return false;
	return true;
}

unsigned plan_edges(const struct plan *plan, size_t component)
{
	unsigned edges = 0;

	for (size_t i = 0; i < plan->n_places; i++)
		if (plan->places[i].component == component)
			edges |= plan->places[i].edge & LAPSE_EDGE_MASK;
	for (size_t i = 0; i < plan->n_usdts; i++)
		if (plan->usdts[i].component == component)
			edges |= plan->usdts[i].edge;
	return edges;
}

void plan_component_free(struct plan_component *component)
{
	free(component->name);
	free(component->function);
	free(component->object);
	free(component->why);
	free(component->marker);
}

void plan_free(struct plan *plan)
{
	for (size_t i = 0; i < plan->n_components; i++)
		plan_component_free(&plan->components[i]);
	for (size_t i = 0; i < plan->n_files; i++) {
		free(plan->files[i].name);
		free(plan->files[i].access);
		free(plan->files[i].pids);
	}
	for (size_t i = 0; i < plan->n_usdts; i++) {
		free(plan->usdts[i].provider);
		free(plan->usdts[i].name);
	}
	free(plan->components);
	free(plan->files);
	free(plan->places);
	free(plan->usdts);
	free(plan->syscalls);
	free(plan->tcps);
	memset(plan, 0, sizeof(*plan));
}
