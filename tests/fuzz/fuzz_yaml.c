// SPDX-License-Identifier: GPL-2.0-or-later
/* Any bytes as a contract file: no crash, no leak, and what is accepted can be explained. */
#include <stdint.h>
#include <stdio.h>

#include "base/diag.h"
#include "config/config.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static FILE *nowhere;
	static const struct config_fed fed = {.has_durations = true};
	struct config config;

	if (!nowhere)
		nowhere = fopen("/dev/null", "w");
	diag_set_stream(nowhere);
	if (config_parse("fuzz.yaml", (const char *)data, size, &config))
		return 0;
	config_explain(&config, nowhere);
	for (size_t i = 0; i < config.n_components; i++)
		config_check_fed(&config, i, &fed);
	config_free(&config);
	return 0;
}
