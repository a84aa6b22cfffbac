// SPDX-License-Identifier: GPL-2.0-or-later
/* Which alerts handlers are told of, what is counted of it, and how they take the place of others. */
#include "tests/unit/handler.h"

static void filters(void **state)
{
	struct fixture *f = *state;
	struct alert alert = an_alert();
	char *only[] = {"more", "endToEnd", NULL};

	use_file(f);
	f->handler[0].when = config_violation_kinds("PERCENTILE_VIOLATION");
	f->handler[0].components = only;
	f->handler[0].min_severity = SEV_WARNING;
	start(f);
	tell(f, &alert, "other type");
	alert.kind = OBJ_MAX_P99;
	tell(f, &alert, "percentile");
	handlers_tell(f->handlers, &alert, "other", "other component", "");
	alert.severity = SEV_NOTICE;
	tell(f, &alert, "mild");
	alert.severity = SEV_WARNING;
	alert.event = ALERT_EVENT_ESCALATED;
	tell(f, &alert, "escalated");
	alert.event = ALERT_EVENT_RESOLVED;
	tell(f, &alert, "resolved");
	assert_string_equal(contents(f->out), "percentile\nescalated\n");
}

static void resolutions(void **state)
{
	struct fixture *f = *state;
	struct alert alert = an_alert();

	use_file(f);
	f->handler[0].resolved = true;
	start(f);
	alert.event = ALERT_EVENT_RESOLVED;
	tell(f, &alert, "resolved");
	assert_string_equal(contents(f->out), "resolved\n");
}

/* A critical alert that is announced as a warning later ends for whom it was told to. */
static void ends_for_whom_it_began(void **state)
{
	struct fixture *f = *state;
	struct alert alert = an_alert();

	use_file(f);
	f->handler[0].resolved = true;
	f->handler[0].min_severity = SEV_CRITICAL;
	start(f);
	tell(f, &alert, "critical");
	alert.severity = SEV_WARNING;
	tell(f, &alert, "warning");
	alert.component = 1;
	alert.event = ALERT_EVENT_RESOLVED;
	tell(f, &alert, "another's end");
	alert.component = 0;
	tell(f, &alert, "end");
	tell(f, &alert, "end of a warning");
	assert_string_equal(contents(f->out), "critical\nend\n");
}

/* Of two handlers each gets its own, in the order of the file; what they did is counted. */
static void counted(void **state)
{
	struct fixture *f = *state;
	struct alert alert = an_alert();
	const struct handler_stats *all;
	size_t n;

	use_file(f);
	f->handler[1] = f->handler[0];
	f->handler[1].path = "/dev/full";
	f->handler[1].min_severity = SEV_CRITICAL;
	f->config.n_handlers = 2;
	start(f);
	tell(f, &alert, "1");
	alert.severity = SEV_WARNING;
	tell(f, &alert, "2");
	all = handlers_stats(f->handlers, &n);
	assert_int_equal(n, 2);
	assert_string_equal(all[0].kind, "file");
	assert_string_equal(all[0].target, f->out);
	assert_int_equal(all[0].runs, 2);
	assert_int_equal(all[0].failures, 0);
	assert_int_equal(all[1].runs, 1);
	assert_int_equal(all[1].failures, 1);
}

/* One that cannot start keeps those that are to be replaced as they are. */
static void replaced_whole_or_not(void **state)
{
	struct fixture *f = *state;
	struct alert alert = an_alert();
	struct config_handler others[2];
	struct config other = {.path = "u.yaml", .handlers = others, .n_handlers = 2};
	struct handlers *made;

	use_file(f);
	start(f);
	others[0] = others[1] = f->handler[0];
	others[1].path = "/nonexistent/x";
	assert_int_equal(handlers_start(&other, NULL, f->handlers, &made), -ENOENT);
	assert_null(made);
	tell(f, &alert, "old");
	other.n_handlers = 1;
	assert_int_equal(handlers_start(&other, NULL, f->handlers, &made), 0);
	handlers_take_over(made);
	handlers_stop(f->handlers);
	f->handlers = NULL;
	handlers_tell(made, &alert, "endToEnd", "new", "");
	handlers_stop(made);
	assert_string_equal(contents(f->out), "old\nnew\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(filters), TEST(resolutions),	    TEST(ends_for_whom_it_began),
		TEST(counted), TEST(replaced_whole_or_not),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
