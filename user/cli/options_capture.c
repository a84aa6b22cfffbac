// SPDX-License-Identifier: GPL-2.0-or-later
/* Options of recordings. */
#include "cli/options_parts.h"

#include <errno.h>
#include <stdlib.h>

#include "base/units.h"

int option_set_capture(struct options *options, const char *value)
{
	options->capture_path = value;
	return *value ? 0 : option_bad("capture", value, "a path");
}

int option_set_contracts(struct options *options, const char *value)
{
	options->contracts_path = value;
	return 0;
}

int option_set_keep(struct options *options, const char *value)
{
	return option_seconds("keep", value, 1, &options->keep_ns);
}

int option_set_after(struct options *options, const char *value)
{
	options->of_keep = "after";
	return option_seconds("after", value, 1, &options->after_ns);
}

int option_set_max_time(struct options *options, const char *value)
{
	return option_seconds("max-time", value, 1, &options->max_time_ns);
}

static int size(const char *option, const char *value, uint64_t *bytes)
{
	if (units_parse_size(value, bytes) || *bytes < CAPTURE_SIZE_MIN)
		return option_bad(option, value, "a size of at least 1MiB; write 64MiB or 2GB");
	return 0;
}

int option_set_max_size(struct options *options, const char *value)
{
	return size("max-size", value, &options->max_bytes);
}

int option_set_keep_size(struct options *options, const char *value)
{
	options->of_keep = "keep-size";
	return size("keep-size", value, &options->keep_bytes);
}

int option_set_max_incidents(struct options *options, const char *value)
{
	char *end;
	long n = strtol(value, &end, 10);

	options->of_keep = "max-incidents";
	options->max_incidents = (size_t)n;
	return *value && !*end && n > 0
		       ? 0
		       : option_bad("max-incidents", value, "a number of files from 1 on; write 20");
}

int option_set_max_rate(struct options *options, const char *value)
{
	double rate;

	if (units_parse_throughput(value, &rate) || rate < 10)
		return option_bad("max-rate", value, "a rate of at least 10/s; write 300000/s");
	options->stream_rate = (uint64_t)rate;
	return 0;
}

int option_set_keep_on(struct options *options, const char *value)
{
	options->of_keep = "on";
	return option_severity("on", value, &options->keep_on);
}
