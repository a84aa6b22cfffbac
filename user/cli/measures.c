// SPDX-License-Identifier: GPL-2.0-or-later
#include "cli/measures.h"

#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/diag.h"
#include "base/exit_code.h"
#include "probe/rules.h"

static int append(char **text, const char *more)
{
	char *longer;

	if (asprintf(&longer, "%s %s", *text, more) < 0)
		return -ENOMEM;
	free(*text);
	*text = longer;
	return 0;
}

static int parse_at(const struct config *config, const struct config_component *component,
		    const struct config_mark *mark, const char *text, struct probe_spec *spec)
{
	int err = spec_parse(text, spec);

	if (err == -EINVAL)
		diag_at(config->path, mark->line, mark->column, "component '%s' cannot be measured like this",
			component->name);
	return err;
}

/* Piece by piece, so that the message names the place of the one that is wrong. */
static int parse_pieces(const struct config *config, const struct config_component *component, char **text,
			const struct config_text *modifiers, size_t n, struct probe_spec *spec)
{
	int err = 0;

	for (size_t i = 0; i < n && !err; i++) {
		spec_free(spec);
		err = append(text, modifiers[i].text);
		if (!err)
			err = parse_at(config, component, &modifiers[i].mark, *text, spec);
	}
	return err;
}

/* @probe with its modifiers, under @name, which it takes over. */
static int parse_one(const struct config *config, const struct config_component *component,
		     const struct config_text *probe, const struct config_text *modifiers, size_t n,
		     char *name, struct probe_spec *spec)
{
	char *text = strdup(probe->text);
	int err = text && name ? parse_at(config, component, &probe->mark, text, spec) : -ENOMEM;

	if (!err)
		err = parse_pieces(config, component, &text, modifiers, n, spec);
	free(text);
	if (err) {
		free(name);
		return err;
	}
	free(spec->name);
	spec->name = name;
	spec->place.path = strdup(config->path);
	spec->place.line = probe->mark.line;
	spec->place.column = probe->mark.column;
	return 0;
}

int measures_parse(const struct config *config, struct probe_spec *specs)
{
	int worst = 0;

	for (size_t i = 0; i < config->n_components; i++) {
		const struct config_component *component = &config->components[i];
		const struct config_text measure = {component->measure, component->measure_mark};
		int err = parse_one(config, component, &measure, component->modifiers, component->n_modifiers,
				    strdup(component->name), &specs[i]);

		worst = err ? err : worst;
	}
	return worst;
}

static char *feeder_name(const struct config_component *component, const char *what)
{
	char *name;

	return asprintf(&name, "%s %s", component->name, what) < 0 ? NULL : name;
}

static int parse_cache(const struct config *config, const struct config_component *component,
		       struct probe_spec *spec)
{
	return parse_one(config, component, &component->cache, &component->cache_hit, 1,
			 feeder_name(component, "cache"), spec);
}

static int parse_connections(const struct config *config, const struct config_component *component,
			     struct probe_spec *spec)
{
	const struct config_text *text = &component->connections;
	int err = parse_one(config, component, text, NULL, 0, feeder_name(component, "connections"), spec);

	if (err || spec->kind != SPEC_USDT)
		return err;
	diag_at(config->path, text->mark.line, text->mark.column,
		"'connections' needs a probe whose spans have durations, such as \"tcp:connect "
		"peer=10.0.0.5\"");
	return -EINVAL;
}

/* What a component's key names beside its own probe. */
static const struct feeder {
	enum plan_feeds feeds;
	size_t text; /* offset of its struct config_text */
	int (*parse)(const struct config *config, const struct config_component *component,
		     struct probe_spec *spec);
} feeders[MEASURES_FEEDERS] = {
	{FEEDS_CACHE, offsetof(struct config_component, cache), parse_cache},
	{FEEDS_CONNECTS, offsetof(struct config_component, connections), parse_connections},
};

static bool has_feeder(const struct config_component *component, const struct feeder *feeder)
{
	return ((const struct config_text *)((const char *)component + feeder->text))->text;
}

int measures_parse_feeders(const struct config *config, struct probe_spec *specs, struct plan_fed *fed,
			   size_t *n)
{
	int worst = 0;

	*n = 0;
	for (size_t i = 0; i < MEASURES_FEEDERS * config->n_components; i++) {
		size_t component = i / MEASURES_FEEDERS;
		const struct feeder *feeder = &feeders[i % MEASURES_FEEDERS];
		int err;

		if (!has_feeder(&config->components[component], feeder))
			continue;
		err = feeder->parse(config, &config->components[component], &specs[*n]);
		fed[(*n)++] = (struct plan_fed){component, feeder->feeds};
		worst = err ? err : worst;
	}
	return worst;
}

/* What the probe of a component tells, those that feed it aside. */
static struct config_fed fed_by(const struct probe_spec *spec, struct plan_component *rules,
				const char *names[LAPSE_VALUES])
{
	struct config_fed fed = {.values = names};

	rules_of_spec(spec, rules);
	for (size_t i = 0; i < spec->modifiers.n_values; i++)
		names[fed.n_values++] = rules->value_name[i];
	fed.has_durations = !rules->untimed;
	fed.has_errors = rules->has_errors;
	fed.has_cache = rules->has_cache;
	fed.any_value = spec->kind == SPEC_MARKER;
	fed.timeout_ns = spec->kind == SPEC_SPAN ? spec->modifiers.timeout_ns : 0;
	return fed;
}

int measures_check_fed(const struct config *config, const struct probe_spec *specs,
		       const struct plan_fed *fed, size_t n_fed)
{
	bool any_errors = false;
	int worst = 0;

	for (size_t i = 0; i < config->n_components; i++) {
		struct plan_component rules = {0};
		const char *names[LAPSE_VALUES];
		struct config_fed by = fed_by(&specs[i], &rules, names);
		int err;

		for (size_t j = 0; j < n_fed; j++) {
			by.has_cache |= fed[j].spec == i && fed[j].feeds == FEEDS_CACHE;
			by.has_connects |= fed[j].spec == i && fed[j].feeds == FEEDS_CONNECTS;
		}
		any_errors |= by.has_errors;
		err = config_check_fed(config, i, &by);
		worst = err ? err : worst;
	}
	return worst ? worst : config_check_system_fed(config, any_errors);
}

int measures_exit_code(int err)
{
	return err == -EINVAL || err == -E2BIG ? EXIT_USAGE : EXIT_NOT_ATTACHED;
}
