// SPDX-License-Identifier: GPL-2.0-or-later
/* `mode: budget` of an objective: what it needs, and what does not go with it. */
#include <errno.h>
#include <math.h>
#include <string.h>

#include "base/diag.h"
#include "config/config_schema.h"

#define PERIOD_NS (30 * 86400 * 1000000000ULL)

int config_apply_mode(const struct config_walk *walk, const struct config_row *row,
		      const struct tree_entry *entry, void *into)
{
	int err = config_want_scalar(walk, row, entry);

	(void)into;
	if (err)
		return err;
	return strcmp(entry->value.text, "budget") != 0 ? config_wrong(walk, row, entry) : 0;
}

/* Of single spans a target says how many may be bad; of a rate its limit says so already. */
static int take_target(const struct config_walk *walk, const struct tree_entry *entry,
		       struct objective *objective)
{
	const struct tree_entry *target = tree_find(&entry->value, "target");
	bool is_rate = objective_info(objective->kind)->quantity == QUANTITY_RATE;
	double budget = is_rate ? objective->limit : 1 - objective->target;

	if (!target && !is_rate)
		return config_bad(walk, entry->mark,
				  "'mode: budget' of '%s' needs such as 'target: 99.9%%': the share of spans "
				  "that are to be within the limit",
				  entry->key);
	if (target && is_rate && fabs(1 - objective->target - budget) > 1e-9)
		return config_bad(
			walk, target->value.mark,
			"the target '%s' and the limit do not add up to 100%%: of a rate the limit is "
			"what may fail; leave the target out",
			target->value.text);
	if (budget < 1e-9 || budget > 1 - 1e-9)
		return config_bad(walk, target ? target->value.mark : entry->mark,
				  "the target of '%s' leaves no budget: it is above 0%% and below 100%%",
				  entry->key);
	objective->budget = budget;
	return 0;
}

/* Windows, samples and counts of breaches are the rule's own. */
static int refuse_others(const struct config_walk *walk, const struct tree_entry *entry)
{
	static const char *const others[] = {"over", "min_samples", "breaches"};

	for (size_t i = 0; i < sizeof(others) / sizeof(*others); i++) {
		const struct tree_entry *found = tree_find(&entry->value, others[i]);

		if (found)
			return config_bad(
				walk, found->mark,
				"'%s' does not go with 'mode: budget', whose windows are those of its "
				"period",
				found->key);
	}
	return 0;
}

static int want_mode(const struct config_walk *walk, const struct tree_entry *entry)
{
	static const char *const own[] = {"target", "period"};

	for (size_t i = 0; i < sizeof(own) / sizeof(*own); i++) {
		const struct tree_entry *found = tree_find(&entry->value, own[i]);

		if (found)
			return config_bad(walk, found->mark,
					  "'%s' belongs to 'mode: budget': add that, or leave "
					  "it out",
					  found->key);
	}
	return 0;
}

int config_finish_budget(const struct config_walk *walk, const struct tree_entry *entry,
			 struct objective *objective)
{
	const struct tree_entry *mode = tree_find(&entry->value, "mode");
	const struct objective_kind_info *info = objective_by_budget(objective->kind);
	int err;

	if (!mode)
		return want_mode(walk, entry);
	if (!info || objective_info(objective->kind)->of_system)
		return config_bad(
			walk, mode->mark,
			"'mode' belongs to max_latency, max_error_rate and max_failure_rate, not to '%s'",
			entry->key);
	err = refuse_others(walk, entry);
	if (!err)
		err = take_target(walk, entry, objective);
	if (err)
		return err;
	objective->period_ns = objective->period_ns ? objective->period_ns : PERIOD_NS;
	objective->span_limit = objective->limit;
	objective->kind = info->kind;
	objective->limit = 1;
	return 0;
}
