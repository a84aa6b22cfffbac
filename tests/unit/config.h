/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Contract files under test: good ones, and what is said of bad ones. */
#ifndef LAPSE_TEST_CONFIG_H
#define LAPSE_TEST_CONFIG_H

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/diag.h"
#include "config/config.h"

#define MS  1000000ULL
#define SEC 1000000000ULL

/* Parses @text; *said gets the messages, to be freed. */
static inline int parse(const char *text, struct config *config, char **said)
{
	size_t length;
	FILE *stream = open_memstream(said, &length);
	int err;

	diag_set_stream(stream);
	err = config_parse("t.yaml", text, strlen(text), config);
	diag_set_stream(NULL);
	fclose(stream);
	return err;
}

static inline void parse_good(const char *text, struct config *config)
{
	char *said;
	int err = parse(text, config, &said);

	if (err)
		fail_msg("%s", said);
	assert_string_equal(said, "");
	free(said);
}

#define HEAD "lapse: 1\ncomponents:\n  a:\n    measure: f\n"
#define FLOW "lapse: 1\ncomponents: {a: {measure: f}}\n"

#define HANDLERS                                                                                           \
	FLOW "handlers:\n"                                                                                 \
	     "  - {when: LATENCY_VIOLATION, component: a, min_severity: critical, exec: [/bin/x, --fast, " \
	     "'1'],\n"                                                                                     \
	     "     timeout: 2500ms, resolved: true}\n"                                                     \
	     "  - {when: '*', file: alerts.jsonl}\n"

struct bad_file {
	const char *text, *said;
};

/* Each is refused with its message, which is one line. */
static inline void check_bad(const struct bad_file *bad, size_t n)
{
	unsigned wrong = 0;

	for (size_t i = 0; i < n; i++) {
		struct config config;
		char *said, expected[512];
		int err = parse(bad[i].text, &config, &said);

		snprintf(expected, sizeof(expected), "%s%s",
			 *bad[i].said >= '0' && *bad[i].said <= '9' ? "t.yaml:" : "", bad[i].said);
		if (err != -EINVAL || !strstr(said, expected)) {
			print_error("%d for\n%s\nexpected: %s\nsaid:     %s\n", err, bad[i].text, expected,
				    said);
			wrong++;
		}
		assert_ptr_equal(strchr(said, '\n'), said + strlen(said) - 1);
		assert_null(config.components);
		free(said);
	}
	assert_int_equal(wrong, 0);
}

#endif
