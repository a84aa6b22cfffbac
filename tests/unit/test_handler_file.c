// SPDX-License-Identifier: GPL-2.0-or-later
/* Alerts that are appended to files. */
#include <sys/resource.h>

#include "tests/unit/handler.h"

static void file_is_private_and_appended(void **state)
{
	struct fixture *f = *state;
	struct alert alert = an_alert();
	struct stat st;

	use_file(f);
	start(f);
	tell(f, &alert, "{1}");
	handlers_stop(f->handlers);
	start(f);
	tell(f, &alert, "{2}");
	assert_string_equal(contents(f->out), "{1}\n{2}\n");
	assert_int_equal(stat(f->out, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
}

static void file_unwritable(void **state)
{
	struct fixture *f = *state;

	use_file(f);
	f->handler[0].path = "/nonexistent/alerts";
	assert_int_equal(handlers_start(&f->config, &f->targets, NULL, &f->handlers), -ENOENT);
	assert_null(f->handlers);
	assert_string_equal(
		said(f), "lapse: t.yaml:7:5: handler file /nonexistent/alerts: No such file or directory\n");
}

static void file_symlink(void **state)
{
	struct fixture *f = *state;

	use_file(f);
	assert_int_equal(symlink("/tmp/elsewhere", f->out), 0);
	assert_int_equal(handlers_start(&f->config, &f->targets, NULL, &f->handlers), -ELOOP);
	assert_non_null(strstr(said(f), "is a symbolic link, which is not followed"));
}

static void file_full(void **state)
{
	struct fixture *f = *state;
	struct alert alert = an_alert();

	use_file(f);
	f->handler[0].path = "/dev/full";
	start(f);
	tell(f, &alert, "{1}");
	tell(f, &alert, "{2}");
	assert_string_equal(said(f), "lapse: warning: handler file /dev/full: No space left on device\n");
}

/* A limit on the size of files cuts the write; the next line still begins a line. */
static void file_short_write(void **state)
{
	struct fixture *f = *state;
	struct alert alert = an_alert();
	struct rlimit before, limit;

	use_file(f);
	start(f);
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
	limit = (struct rlimit){3, before.rlim_max};
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
	tell(f, &alert, "{12345}");
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
	tell(f, &alert, "{2}");
	assert_string_equal(contents(f->out), "{12\n{2}\n");
	assert_non_null(strstr(said(f), "an alert was written in part"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(file_is_private_and_appended),
		TEST(file_unwritable),
		TEST(file_symlink),
		TEST(file_full),
		TEST(file_short_write),
	};

	signal(SIGXFSZ, SIG_IGN); /* a short write instead */
	return cmocka_run_group_tests(tests, NULL, NULL);
}
