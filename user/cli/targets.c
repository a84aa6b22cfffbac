// SPDX-License-Identifier: GPL-2.0-or-later
#include "cli/targets.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/diag.h"
#include "bpf/config.h"

static struct target_selection selection_of(const struct config_target *target)
{
	return (struct target_selection){
		.pids = target->pids,
		.n_pids = target->n_pids,
		.exe = target->exe,
		.comm = target->comm,
		.cgroup = target->cgroup,
	};
}

static bool same_text(const char *a, const char *b)
{
	return a == b || (a && b && !strcmp(a, b));
}

static bool same_target(const struct target_selection *a, const struct target_selection *b)
{
	return same_text(a->exe, b->exe) && same_text(a->comm, b->comm) && a->cgroup.by == b->cgroup.by &&
	       !strcmp(a->cgroup.name, b->cgroup.name) && a->n_pids == b->n_pids &&
	       (!a->n_pids || !memcmp(a->pids, b->pids, a->n_pids * sizeof(*a->pids)));
}

/* The number of @part among @selection's, which gains it if it is new; -1: there are too many. */
static int number_of(struct target_selection *selection, const struct target_selection *part)
{
	size_t i = 0;

	while (i < selection->n_parts && !same_target(&selection->parts[i], part))
		i++;
	if (i == LAPSE_TARGETS)
		return -1;
	if (i == selection->n_parts)
		selection->parts[selection->n_parts++] = *part;
	return (int)i;
}

/* A component's own target, or the file's. */
static int take_one(const struct config *config, const struct config_component *component,
		    const struct target_selection *common, struct target_selection *selection,
		    uint64_t *numbers)
{
	struct target_selection part =
		config_names_target(&component->target) ? selection_of(&component->target) : *common;
	int number;

	if (!target_ways(&part)) {
		diag_at(config->path, component->name_mark.line, component->name_mark.column,
			"component '%s' has no target, and neither has the file", component->name);
		return -EINVAL;
	}
	number = number_of(selection, &part);
	if (number < 0) {
		diag_at(config->path, component->name_mark.line, component->name_mark.column,
			"there can be %d different targets at most", LAPSE_TARGETS);
		return -EINVAL;
	}
	*numbers = 1ULL << number;
	return 0;
}

static int add_pids(struct target_selection *selection, const struct target_selection *part)
{
	pid_t *pids;

	if (!part->n_pids)
		return 0;
	pids = reallocarray(selection->pids, selection->n_pids + part->n_pids, sizeof(*pids));
	if (!pids)
		return -ENOMEM;
	memcpy(pids + selection->n_pids, part->pids, part->n_pids * sizeof(*pids));
	selection->pids = pids;
	selection->n_pids += part->n_pids;
	return 0;
}

static int take_all(const struct config *config, size_t n, const struct plan_fed *fed, size_t n_fed,
		    const struct target_selection *common, struct target_selection *selection,
		    uint64_t *numbers)
{
	int err = 0;

	for (size_t i = 0; i < config->n_components && !err; i++)
		err = take_one(config, &config->components[i], common, selection, &numbers[i]);
	for (size_t i = n - n_fed; i < n && !err; i++, fed++)
		numbers[i] = fed->feeds == FEEDS_CAUSES ? LAPSE_ALL_TARGETS : numbers[fed->spec];
	for (size_t i = 0; i < selection->n_parts && !err; i++)
		err = add_pids(selection, &selection->parts[i]);
	return err;
}

static bool any_own(const struct config *config)
{
	for (size_t i = 0; i < config->n_components; i++)
		if (config_names_target(&config->components[i].target))
			return true;
	return false;
}

int targets_take(const struct config *config, size_t n, const struct plan_fed *fed, size_t n_fed,
		 struct target_selection *selection, uint64_t **numbers)
{
	struct target_selection common = *selection;
	int err;

	*numbers = NULL;
	if (!target_ways(&common))
		common = selection_of(&config->target);
	common.follow = selection->follow;
	if (!any_own(config)) {
		*selection = common;
		return 0;
	}
	*selection = (struct target_selection){.parts = calloc(LAPSE_TARGETS, sizeof(common))};
	*numbers = calloc(n + 1, sizeof(**numbers));
	err = selection->parts && *numbers ? take_all(config, n, fed, n_fed, &common, selection, *numbers)
					   : -ENOMEM;
	if (err == -ENOMEM)
		diag_error("out of memory");
	return err;
}

void targets_free(struct target_selection *selection)
{
	if (!selection->parts)
		return;
	free(selection->pids);
	free(selection->parts);
	*selection = (struct target_selection){0};
}
