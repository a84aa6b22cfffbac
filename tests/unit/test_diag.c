// SPDX-License-Identifier: GPL-2.0-or-later
/* Messages, byte for byte. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>

#include "base/diag.h"

static char *text;
static size_t length;
static FILE *stream;

static int begin(void **state)
{
	(void)state;
	stream = open_memstream(&text, &length);
	diag_set_stream(stream);
	diag_set_verbose(false);
	return stream ? 0 : -1;
}

static int finish(void **state)
{
	(void)state;
	diag_set_stream(NULL);
	fclose(stream);
	free(text);
	return 0;
}

static void plain(void **state)
{
	(void)state;
	diag_error("no process %d", 4242);
	diag_warn("slow %s", "disk");
	diag_note("tracing");
	assert_string_equal(text, "lapse: no process 4242\nlapse: warning: slow disk\nlapse: tracing\n");
}

static void debug_only_when_verbose(void **state)
{
	(void)state;
	diag_debug("hidden");
	assert_int_equal(ftell(stream), 0);
	diag_set_verbose(true);
	assert_true(diag_verbose());
	diag_debug("shown");
	assert_string_equal(text, "lapse: debug: shown\n");
}

static void hostile_names_are_escaped(void **state)
{
	(void)state;
	diag_error("unknown '%s'", "\x1b]0;owned\a\n");
	assert_string_equal(text, "lapse: unknown '\\x1b]0;owned\\x07\\x0a'\n");
}

static void place(void **state)
{
	(void)state;
	diag_at("contracts.yaml", 7, 5, "unknown key '%s'", "max_latancy");
	assert_string_equal(text, "lapse: contracts.yaml:7:5: unknown key 'max_latancy'\n");
}

static void caret(void **state)
{
	(void)state;
	diag_caret("handle_odrer --slower", 0, 12, "nearest is 'handle_order'", "unknown function");
	assert_string_equal(text, "lapse: unknown function\n"
				  "    handle_odrer --slower\n"
				  "    ^~~~~~~~~~~~ nearest is 'handle_order'\n");
}

static void caret_columns(void **state)
{
	(void)state;
	diag_caret("ö\x01 x", 4, 1, NULL, "bad");
	assert_string_equal(text, "lapse: bad\n    ö\\x01 x\n          ^\n");
}

static void caret_past_the_end(void **state)
{
	(void)state;
	diag_caret("ab", 9, 9, NULL, "missing");
	assert_string_equal(text, "lapse: missing\n    ab\n      ^\n");
}

#define EACH(test) cmocka_unit_test_setup_teardown(test, begin, finish)

int main(void)
{
	const struct CMUnitTest tests[] = {
		EACH(plain), EACH(debug_only_when_verbose), EACH(hostile_names_are_escaped), EACH(place),
		EACH(caret), EACH(caret_columns),	    EACH(caret_past_the_end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
