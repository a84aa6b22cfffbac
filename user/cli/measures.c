// SPDX-License-Identifier: GPL-2.0-or-later
#include "cli/measures.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/diag.h"

static int parse_one(const struct config *config, const struct config_component *component,
		     struct probe_spec *spec)
{
	int err = spec_parse(component->measure, spec);

	if (err) {
		diag_at(config->path, component->measure_mark.line, component->measure_mark.column,
			"component '%s' has no usable measure", component->name);
		return err;
	}
	free(spec->name);
	spec->name = strdup(component->name);
	return spec->name ? 0 : -ENOMEM;
}

int measures_parse(const struct config *config, struct probe_spec *specs)
{
	int worst = 0;

	for (size_t i = 0; i < config->n_components; i++) {
		int err = parse_one(config, &config->components[i], &specs[i]);

		if (err)
			worst = err;
	}
	return worst;
}
