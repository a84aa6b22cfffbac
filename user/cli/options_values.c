// SPDX-License-Identifier: GPL-2.0-or-later
#include "cli/options_parts.h"

#include <errno.h>
#include <string.h>

#include "base/diag.h"
#include "base/units.h"

int option_bad(const char *option, const char *value, const char *wanted)
{
	diag_error("--%s: '%s' is not %s", option, value, wanted);
	return -EINVAL;
}

int option_seconds(const char *option, const char *value, uint64_t *ns)
{
	uint64_t parsed;

	if (units_parse_seconds(value, &parsed) || !parsed)
		return option_bad(option, value, "a duration; write 10 or 10s, 500ms, 2min");
	*ns = parsed;
	return 0;
}

int option_severity(const char *option, const char *value, enum severity *to)
{
	for (int severity = SEV_NOTICE; severity <= SEV_CRITICAL; severity++) {
		if (!strcmp(value, output_severity_name(severity))) {
			*to = severity;
			return 0;
		}
	}
	return option_bad(option, value, "notice, warning or critical");
}
