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

/* @err: of parsing. */
static int take_duration(const char *option, const char *value, int err, uint64_t parsed, uint64_t min,
			 const char *remedy, uint64_t *ns)
{
	char low[32], high[32];

	if (!err && parsed >= min && parsed <= DURATION_MAX_NS) {
		*ns = parsed;
		return 0;
	}
	diag_error("--%s: '%s' is out of bounds: it takes %s to %s; write %s", option, value,
		   units_format_duration(min, low, sizeof(low)),
		   units_format_duration(DURATION_MAX_NS, high, sizeof(high)), remedy);
	return -EINVAL;
}

int option_seconds(const char *option, const char *value, uint64_t min, uint64_t *ns)
{
	uint64_t parsed = 0;
	int err = units_parse_seconds(value, &parsed);

	if (err == -EINVAL)
		return option_bad(option, value, "a duration; write 10 or 10s, 500ms, 2min");
	return take_duration(option, value, err, parsed, min, "10 or 10s, 500ms, 2min", ns);
}

int option_duration(const char *option, const char *value, const char *remedy, uint64_t *ns)
{
	uint64_t parsed = 0;
	int err = units_parse_duration(value, &parsed);

	/* Without a unit it is nothing in each of them. */
	if (err == -EINVAL && units_parse_seconds(value, &parsed) == 0 && !parsed)
		err = 0;
	if (err == -EINVAL)
		return option_bad(option, value, "a duration with a unit; write 30ms, 250us, 1s");
	return take_duration(option, value, err, parsed, 0, remedy, ns);
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
