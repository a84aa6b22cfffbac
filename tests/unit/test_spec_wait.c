// SPDX-License-Identifier: GPL-2.0-or-later
/* Functions that are waits, as --wait names them, and what is said of wrong ones. */
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

#define MOST 8

static void parses(const char *text, enum lapse_cause cause, size_t n, const char *const *functions)
{
	struct probe_spec specs[MOST];
	size_t parsed;

	assert_int_equal(spec_count_waits(text), n);
	assert_int_equal(spec_parse_waits(text, specs, &parsed), 0);
	assert_int_equal(parsed, n);
	for (size_t i = 0; i < n; i++) {
		char name[64];

		snprintf(name, sizeof(name), "wait %s", functions[i]);
		assert_string_equal(specs[i].text, functions[i]);
		assert_string_equal(specs[i].name, name);
		assert_int_equal(specs[i].wait, cause);
		assert_int_equal(specs[i].kind, SPEC_FUNCTION);
		spec_free(&specs[i]);
	}
}

static void waits(void **state)
{
	(void)state;
	parses("lock=ProcSleep", LAPSE_LOCK, 1, (const char *[]){"ProcSleep"});
	parses("disk=a,b,c", LAPSE_DISK, 3, (const char *[]){"a", "b", "c"});
	parses("net=libpq:PQgetResult,:own", LAPSE_NET, 2, (const char *[]){"libpq:PQgetResult", ":own"});
	parses("handoff=ns::f(int, long),g", LAPSE_HANDOFF, 2, (const char *[]){"ns::f(int, long)", "g"});
	parses("sleep=map<int, long>::wait,g", LAPSE_SLEEP, 2, (const char *[]){"map<int, long>::wait", "g"});
	parses("other=/lib/x.so:f", LAPSE_OTHER, 1, (const char *[]){"/lib/x.so:f"});
}

/* So many are parsed before what is wrong. */
static void fails(const char *text, size_t before, const char *message, const char *caret)
{
	struct probe_spec specs[MOST];
	char *said = NULL;
	size_t size = 0, parsed;
	FILE *stream = open_memstream(&said, &size);

	diag_set_stream(stream);
	assert_true(spec_count_waits(text) <= MOST);
	assert_int_equal(spec_parse_waits(text, specs, &parsed), -EINVAL);
	diag_set_stream(NULL);
	fclose(stream);
	assert_int_equal(parsed, before);
	if (!strstr(said, message) || !strstr(said, caret))
		fail_msg("%s says '%s', not '%s' and '%s'", text, said, message, caret);
	for (size_t i = 0; i < parsed; i++)
		spec_free(&specs[i]);
	free(said);
}

static void wrong(void **state)
{
	(void)state;
	fails("lok=f", 0, "unknown cause 'lok' of a wait", "    ^~~ nearest is 'lock'");
	fails("poll=f", 0, "unknown cause 'poll'", "    ^~~~ one of lock, disk, net, handoff, sleep, other");
	fails("=f", 0, "unknown cause ''", "    ^ one of");
	fails("f", 0, "a wait without its cause", "    ^ write lock=FUNCTION");
	fails("", 0, "a wait without its cause", "    ^ write lock=FUNCTION");
	fails("lock=", 0, "a wait without its function", "         ^ write lock=FUNCTION");
	fails("lock=f,", 1, "a wait without its function", "           ^ write lock=FUNCTION");
	fails("lock=f,,g", 1, "a wait without its function", "           ^ write lock=FUNCTION");
	fails("lock=f,loop", 1, "a wait is a function and nothing else", "    ^~~~ write FUNCTION");
	fails("lock=x=f", 0, "a wait is a function and nothing else", "    ^~~ write FUNCTION");
	fails("lock=f err(ret < 0)", 0, "a wait is a function and nothing else", "    ^~~~~~~~");
	fails("lock=libx:", 0, "the function's name is missing", "^");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(waits),
		cmocka_unit_test(wrong),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
