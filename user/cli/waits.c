// SPDX-License-Identifier: GPL-2.0-or-later
#include "cli/waits.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/diag.h"

/* Makes room for @n more. */
static int grow(const struct waits_beside *beside, size_t n)
{
	struct probe_spec *specs = reallocarray(*beside->specs, *beside->n_specs + n, sizeof(*specs));
	struct plan_fed *fed;

	if (!specs)
		return -ENOMEM;
	*beside->specs = specs;
	fed = reallocarray(*beside->fed, *beside->n_fed + n, sizeof(*fed));
	if (!fed)
		return -ENOMEM;
	*beside->fed = fed;
	return 0;
}

/* The next @n specifications have been parsed. */
static void appended(const struct waits_beside *beside, size_t n)
{
	for (size_t i = 0; i < n; i++)
		(*beside->fed)[(*beside->n_fed)++] = (struct plan_fed){(*beside->n_specs)++, FEEDS_CAUSES};
}

static int add_option(const struct waits_beside *beside, const char *text)
{
	size_t n = 0;
	int err = grow(beside, spec_count_waits(text));

	if (!err)
		err = spec_parse_waits(text, *beside->specs + *beside->n_specs, &n);
	appended(beside, n);
	return err;
}

static int add_configured(const struct waits_beside *beside, const char *path, const struct config_wait *wait)
{
	int err = grow(beside, 1);

	if (!err)
		err = spec_parse_wait(wait->cause, wait->function.text, *beside->specs + *beside->n_specs);
	if (err == -EINVAL)
		diag_at(path, wait->function.mark.line, wait->function.mark.column,
			"a wait for '%s' cannot be told like this", wait->cause_name);
	if (!err)
		appended(beside, 1);
	return err;
}

/* A function is one wait: nobody could say which of two its blocks are charged to. */
static int check_once(const struct waits_beside *beside, size_t first)
{
	const struct probe_spec *specs = *beside->specs;

	for (size_t i = first; i < *beside->n_specs; i++)
		for (size_t j = first; j < i; j++)
			if (!strcmp(specs[i].text, specs[j].text)) {
				diag_error("'%s' is named as a wait twice: leave one of them out",
					   specs[i].text);
				return -EINVAL;
			}
	return 0;
}

static int add_all(const struct options *options, const struct config *config,
		   const struct waits_beside *beside)
{
	size_t first = *beside->n_specs;
	int err = 0;

	for (size_t i = 0; config && i < config->n_waits && !err; i++)
		err = add_configured(beside, config->path, &config->waits[i]);
	for (size_t i = 0; i < options->n_waits && !err; i++)
		err = add_option(beside, options->waits[i]);
	return err ?: check_once(beside, first);
}

int waits_add(const struct options *options, const struct config *config, const struct waits_beside *beside)
{
	if (options->n_waits && options->why == WHY_OFF) {
		diag_error("--wait says what waits are charged to, and --no-why that nobody asks: leave one "
			   "of them out");
		return -EINVAL;
	}
	if (options->why == WHY_OFF && config && config->n_waits)
		diag_note("the waits of %s have no effect with --no-why", config->path);
	return options->why == WHY_OFF ? 0 : add_all(options, config, beside);
}

bool waits_planned(const struct plan *plan)
{
	for (size_t i = 0; i < plan->n_components; i++)
		if (plan->components[i].wait)
			return true;
	return false;
}

void waits_say(const struct plan *plan)
{
	for (size_t i = 0; i < plan->n_components; i++) {
		const struct plan_component *component = &plan->components[i];

		if (component->wait && component->flags & (LAPSE_COMP_GOROUTINES | LAPSE_COMP_SWITCHES))
			diag_warn("%s runs on stacks that its thread leaves: what blocks inside is told by "
				  "its system calls",
				  component->function);
	}
}
