// SPDX-License-Identifier: GPL-2.0-or-later
/* The manual of contract files against the schema: every key is described, the example is valid. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config/config_schema.h"

#define MANUAL "docs/lapse-contracts.5"

static int setup(void **state)
{
	FILE *file = fopen(MANUAL, "re");
	char *text = calloc(1, 65536);

	if (!file || !text || !fread(text, 1, 65535, file))
		return -1;
	fclose(file);
	*state = text;
	return 0;
}

static int teardown(void **state)
{
	free(*state);
	return 0;
}

/* Whether an item of a list is headed by @key, alone or among others. */
static bool describes(const char *manual, const char *key)
{
	const char *item = manual;

	while ((item = strstr(item, "\n.It Cm "))) {
		char heading[256] = " ";

		sscanf(item + strlen("\n.It Cm "), "%250[^\n]", heading + 1);
		strcat(heading, " ");
		for (const char *at = heading; (at = strstr(at, key)); at++)
			if (at[-1] == ' ' && at[strlen(key)] == ' ')
				return true;
		item++;
	}
	return false;
}

static void every_key_is_described(void **state)
{
	for (size_t i = 0; i < config_n_rows; i++) {
		const char *key = config_rows[i].key;

		/* The two levels stand in the text of their section. */
		if (config_rows[i].in == IN_THRESHOLDS)
			continue;
		if (!describes(*state, key))
			fail_msg("%s does not describe '%s'", MANUAL, key);
	}
	for (int kind = 0; kind < OBJ_KINDS; kind++)
		if (!describes(*state, objective_info((enum objective_kind)kind)->key))
			fail_msg("%s does not describe '%s'", MANUAL,
				 objective_info((enum objective_kind)kind)->key);
}

static void the_example_is_valid(void **state)
{
	const char *begin = strstr(*state, "\n.Bd -literal\n") + strlen("\n.Bd -literal\n");
	const char *end = strstr(begin, "\n.Ed\n");
	struct config config;

	assert_int_equal(config_parse(MANUAL, begin, (size_t)(end - begin), &config), 0);
	assert_int_equal(config.n_components, 4);
	assert_int_equal(config.n_handlers, 7);
	config_free(&config);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_key_is_described),
		cmocka_unit_test(the_example_is_valid),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
