/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the tests of probe specifications share: what one is parsed into, and what is said of a wrong one. */
#ifndef LAPSE_TEST_SPECS_H
#define LAPSE_TEST_SPECS_H

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/diag.h"
#include "probe/spec.h"

static inline void parses(const char *text, enum spec_object kind, const char *object, const char *function,
			  const char *name, bool glob)
{
	struct probe_spec spec;

	assert_int_equal(spec_parse(text, &spec), 0);
	assert_string_equal(spec.text, text);
	assert_int_equal(spec.object_kind, kind);
	assert_string_equal(spec.function, function);
	assert_int_equal(strncmp(text + spec.function_at, function, strlen(function)), 0);
	if (object) {
		assert_string_equal(spec.object, object);
		assert_int_equal(strncmp(text + spec.object_at, object, strlen(object)), 0);
	} else {
		assert_null(spec.object);
	}
	if (name)
		assert_string_equal(spec.name, name);
	else
		assert_null(spec.name);
	assert_int_equal(spec.glob, glob);
	spec_free(&spec);
}

/* Whether @said holds @caret; blanks in front of it are all that the line begins with. */
static inline bool has_caret(const char *said, const char *caret)
{
	const char *found = strstr(said, caret);

	return found && (*caret != ' ' || found[-1] == '\n');
}

/* Parsing fails, and the message holds @message and the beginning or a part of the line with the caret. */
static inline void fails(const char *text, const char *message, const char *caret)
{
	struct probe_spec spec;
	char *said = NULL;
	size_t size = 0;
	FILE *stream = open_memstream(&said, &size);

	diag_set_stream(stream);
	assert_int_equal(spec_parse(text, &spec), -EINVAL);
	diag_set_stream(NULL);
	fclose(stream);
	if (!strstr(said, message) || !has_caret(said, caret))
		fail_msg("'%s' gave:\n%s", text, said);
	free(said);
}

static inline struct probe_spec parsed(const char *text)
{
	struct probe_spec spec;

	if (spec_parse(text, &spec))
		fail_msg("'%s' was refused", text);
	assert_string_equal(spec.text, text);
	return spec;
}

#endif
