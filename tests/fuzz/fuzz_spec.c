// SPDX-License-Identifier: GPL-2.0-or-later
/* Probe specifications as anyone may type them. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/diag.h"
#include "probe/names.h"
#include "probe/spec.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void parse(const char *text)
{
	struct probe_spec spec;
	struct piece pieces[4];
	char *readable;

	if (spec_parse(text, &spec))
		return;
	/* What was cut out must stand in the text where it is said to. */
	if (strncmp(text + spec.function_at, spec.function, strlen(spec.function)) != 0 ||
	    (spec.object && strncmp(text + spec.object_at, spec.object, strlen(spec.object)) != 0))
		abort();
	name_pieces(spec.function, pieces, 4);
	readable = name_readable(spec.function, true);
	free(readable);
	spec_free(&spec);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static FILE *null;
	char *text = malloc(size + 1);

	if (!null) {
		null = fopen("/dev/null", "w");
		diag_set_stream(null);
	}
	if (!text)
		return 0;
	memcpy(text, data, size);
	text[size] = '\0';
	parse(text);
	free(text);
	return 0;
}
