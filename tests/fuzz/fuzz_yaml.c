// SPDX-License-Identifier: GPL-2.0-or-later
/* Any bytes as a contract file: no crash, no leak, and what is accepted can be explained. */
#include <stdint.h>
#include <stdio.h>

#include "base/diag.h"
#include "config/config.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static FILE *nowhere;
	struct config config;

	if (!nowhere)
		nowhere = fopen("/dev/null", "w");
	diag_set_stream(nowhere);
	if (config_parse("fuzz.yaml", (const char *)data, size, &config))
		return 0;
	config_explain(&config, nowhere);
	config_free(&config);
	return 0;
}
