// SPDX-License-Identifier: GPL-2.0-or-later
/* Quantities, globs and escapes from foreign bytes: nothing may crash, failures leave *out alone. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "base/units.h"

static void parse_all(const char *text)
{
	uint64_t whole = 77;
	double real = -1;

	if (units_parse_duration(text, &whole) && whole != 77)
		abort();
	whole = 77;
	if (units_parse_seconds(text, &whole) && whole != 77)
		abort();
	whole = 77;
	if (units_parse_size(text, &whole) && whole != 77)
		abort();
	if (units_parse_rate(text, &real) ? real != -1 : real < 0 || real > 1)
		abort();
	real = -1;
	if (units_parse_throughput(text, &real) ? real != -1 : real < 0)
		abort();
}

static void handle_text(const char *text)
{
	struct text_nearest nearest = {.wanted = text};
	char small[7], large[512];

	if (strlen(text_escape(text, small, sizeof(small))) >= sizeof(small))
		abort();
	text_escape(text, large, sizeof(large));
	if (strpbrk(large, "\x1b\n\r\a\b\x7f"))
		abort();
	text_nearest_offer(&nearest, "handle_order");
	text_glob_match(text, "handle_order");
	text_glob_match("*a?*b", text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = strndup((const char *)data, size);

	if (!text)
		return 0;
	parse_all(text);
	handle_text(text);
	free(text);
	return 0;
}
