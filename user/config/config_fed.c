// SPDX-License-Identifier: GPL-2.0-or-later
/* Whether probes can feed what is promised: known only when they have been looked up. */
#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include "base/diag.h"
#include "base/text.h"
#include "base/units.h"
#include "config/config.h"

static bool told_durations(const struct config_fed *fed, const struct objective *objective)
{
	(void)objective;
	return fed->has_durations;
}

static bool told_errors(const struct config_fed *fed, const struct objective *objective)
{
	(void)objective;
	return fed->has_errors;
}

static bool told_cache(const struct config_fed *fed, const struct objective *objective)
{
	(void)objective;
	return fed->has_cache;
}

static bool told_spans(const struct config_fed *fed, const struct objective *objective)
{
	(void)fed;
	(void)objective;
	return true;
}

static bool told_connects(const struct config_fed *fed, const struct objective *objective)
{
	(void)objective;
	return fed->has_connects;
}

static bool told_value(const struct config_fed *fed, const struct objective *objective)
{
	for (size_t i = 0; i < fed->n_values; i++)
		if (strcmp(fed->values[i], objective_value(objective)) == 0)
			return true;
	return fed->any_value;
}

#define ADD_CONNECTIONS "add such as connections: \"tcp:connect peer=10.0.0.5:5432\" to the component"

/* What each source needs, and what to write where it is not there. */
static const struct {
	bool (*told)(const struct config_fed *fed, const struct objective *objective);
	const char *otherwise;
} sources[] = {
	[SOURCE_DURATIONS] = {told_durations, "its probe counts events, which have no durations; measure a "
					      "function, or a span from one place to another"},
	[SOURCE_OUTCOMES] = {told_errors,
			     "nothing tells which spans have failed; add such as err: \"int ret < 0\" "
			     "or ok: \"int ret == 0\" to the component"},
	[SOURCE_CACHE] = {told_cache,
			  "nothing tells hits from misses; add such as cache: {measure: LOOKUP, hit: "
			  "\"ret != 0\"} to the component"},
	[SOURCE_VALUE] = {told_value, NULL},
	[SOURCE_SPANS] = {told_spans, NULL},
	[SOURCE_MEMORY] = {told_spans, NULL},
	[SOURCE_CONNECTS] = {told_connects, "nothing tells of the connections that it opens; " ADD_CONNECTIONS
					    " (where its own spans are connections, max_latency judges "
					    "them)"},
	[SOURCE_REUSE] = {told_connects, "nothing tells of the connections that it opens; " ADD_CONNECTIONS},
	[SOURCE_OPEN] = {told_durations,
			 "its probe counts events, which are never in flight; measure a function, "
			 "or a span from one place to another"},
};

static void say_value(const struct config *config, const struct config_component *component, size_t i,
		      const struct config_fed *fed)
{
	const struct objective *objective = &component->contract.objectives[i];
	const struct config_mark *mark = &component->objective_marks[i];
	const char *value = objective_value(objective), *key = objective_info(objective->kind)->key;
	struct text_nearest nearest = {.wanted = value};

	for (size_t v = 0; v < fed->n_values; v++)
		text_nearest_offer(&nearest, fed->values[v]);
	if (nearest.best)
		diag_at(config->path, mark->line, mark->column,
			"'%s' cannot be judged for '%s': no value '%s' is captured, nearest is '%s'", key,
			component->name, value, nearest.best);
	else
		diag_at(config->path, mark->line, mark->column,
			"'%s' cannot be judged for '%s': no value '%s' is captured; add such as values: {%s: "
			"\"int arg1\"} to the component",
			key, component->name, value, value);
}

/* What is given up before it is too long cannot be told from what was long enough. */
static int check_timeout(const struct config *config, const struct config_component *component, size_t i,
			 const struct config_fed *fed)
{
	const struct objective *objective = &component->contract.objectives[i];
	const struct config_mark *mark = &component->objective_marks[i];
	char timeout[32], limit[32];

	if (!fed->timeout_ns || objective_info(objective->kind)->source != SOURCE_DURATIONS ||
	    objective_duration(objective) < (double)fed->timeout_ns)
		return 0;
	units_format_duration(fed->timeout_ns, timeout, sizeof(timeout));
	units_format_duration((uint64_t)objective_duration(objective), limit, sizeof(limit));
	diag_at(config->path, mark->line, mark->column,
		"'%s' cannot be judged for '%s': its spans are given up when they are open for more than %s; "
		"add a timeout above %s to the component",
		objective_info(objective->kind)->key, component->name, timeout, limit);
	return -EINVAL;
}

static int check_one(const struct config *config, const struct config_component *component, size_t i,
		     const struct config_fed *fed)
{
	const struct objective *objective = &component->contract.objectives[i];
	const struct objective_kind_info *info = objective_info(objective->kind);
	const struct config_mark *mark = &component->objective_marks[i];

	if (sources[info->source].told(fed, objective))
		return check_timeout(config, component, i, fed);
	if (info->source == SOURCE_VALUE)
		say_value(config, component, i, fed);
	else
		diag_at(config->path, mark->line, mark->column, "'%s' cannot be judged for '%s': %s",
			info->key, component->name, sources[info->source].otherwise);
	return -EINVAL;
}

/* A program names what it likes, but the kernel keeps so many values of a component. */
static int check_room(const struct config *config, const struct config_component *component)
{
	const char *names[LAPSE_VALUES];

	if (contract_values(&component->contract, names, LAPSE_VALUES) <= LAPSE_VALUES)
		return 0;
	diag_at(config->path, component->name_mark.line, component->name_mark.column,
		"'%s' promises something of more than %d captured values; so many are kept of a component: "
		"split it",
		component->name, LAPSE_VALUES);
	return -EINVAL;
}

int config_check_fed(const struct config *config, size_t component, const struct config_fed *fed)
{
	const struct config_component *checked = &config->components[component];
	int worst = fed->any_value ? check_room(config, checked) : 0;

	for (size_t i = 0; i < checked->contract.n_objectives; i++) {
		int err = check_one(config, checked, i, fed);

		worst = err ? err : worst;
	}
	return worst;
}

int config_check_system_fed(const struct config *config, bool any_errors)
{
	if (any_errors || !config->system_promised)
		return 0;
	diag_at(config->path, config->system_mark.line, config->system_mark.column,
		"'system' cannot be judged: %s", sources[SOURCE_OUTCOMES].otherwise);
	return -EINVAL;
}
