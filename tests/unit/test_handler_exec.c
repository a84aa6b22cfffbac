// SPDX-License-Identifier: GPL-2.0-or-later
/* Programs that alerts run. */
#include "tests/unit/handler.h"

static void exec_gets_the_alert(void **state)
{
	struct fixture *f = *state;
	struct alert alert = an_alert();

	setenv("SECRET", "1", 1);
	script(f, "{ cat; env; pwd; echo \"arg $2\"; echo done; } > $1");
	f->argv[2] = "a b;c";
	start(f);
	tell(f, &alert, "{\"v\":1}");
	wait_for(f, f->out, "done\n", 0);
	assert_memory_equal(contents(f->out), "{\"v\":1}\n", 8);
	assert_non_null(strstr(contents(f->out), "PATH=/usr/local/sbin:"));
	assert_non_null(strstr(contents(f->out), "LAPSE_COMPONENT=endToEnd\n"));
	assert_non_null(strstr(contents(f->out), "LAPSE_VIOLATION=LATENCY_VIOLATION\n"));
	assert_non_null(strstr(contents(f->out), "LAPSE_SEVERITY=critical\n"));
	assert_non_null(strstr(contents(f->out), "LAPSE_STATE=firing\n"));
	assert_null(strstr(contents(f->out), "SECRET"));
	assert_non_null(strstr(contents(f->out), "\n/\narg a b;c\n"));
}

static void exec_has_no_privilege(void **state)
{
	struct fixture *f = *state;
	struct alert alert = an_alert();
	int leak = open("/etc/passwd", O_RDONLY); /* without O_CLOEXEC */

	script(f, "{ id -u; cat /proc/self/status; ls /proc/$$/fd; echo "
		  "done; } > $1.tmp; mv $1.tmp $1");
	start(f);
	tell(f, &alert, "{}");
	wait_for(f, f->out, "done\n", 0);
	if (geteuid() == 0) {
		assert_memory_equal(contents(f->out), "65534\n", 6);
		assert_non_null(strstr(contents(f->out), "CapBnd:\t0000000000000000"));
		assert_non_null(strstr(contents(f->out), "Groups:\t \n"));
	}
	assert_non_null(strstr(contents(f->out), "CapEff:\t0000000000000000"));
	assert_non_null(strstr(contents(f->out), "CapPrm:\t0000000000000000"));
	assert_non_null(strstr(contents(f->out), "CapInh:\t0000000000000000"));
	assert_non_null(strstr(contents(f->out), "CapAmb:\t0000000000000000"));
	assert_non_null(strstr(contents(f->out), "NoNewPrivs:\t1"));
	assert_non_null(strstr(contents(f->out), "SigBlk:\t0000000000000000"));
	/* Signals 32 and 33 are the C library's own. */
	assert_int_equal(strtoull(strstr(contents(f->out), "SigIgn:") + 8, NULL, 16) & 0x7fffffff, 0);
	if (leak < 10)
		assert_null(strstr(contents(f->out), (char[]){'\n', (char)('0' + leak), '\n', 0}));
	close(leak);
}

/* lapse itself may have been started without a standard input. */
static void exec_without_stdin(void **state)
{
	struct fixture *f = *state;
	struct alert alert = an_alert();
	int before = fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 3);

	script(f, "cat > $1");
	start(f);
	close(STDIN_FILENO);
	tell(f, &alert, "{1}");
	dup2(before, STDIN_FILENO);
	close(before);
	wait_for(f, f->out, "{1}\n", 0);
}

static void exec_session(void **state)
{
	struct fixture *f = *state;
	struct alert alert = an_alert();
	int session = 0, pid = 1;

	script(f, "echo $(cut -d' ' -f6 /proc/$$/stat) $$ done > $1");
	start(f);
	tell(f, &alert, "{}");
	wait_for(f, f->out, "done\n", 0);
	assert_int_equal(sscanf(contents(f->out), "%d %d", &session, &pid), 2);
	assert_int_equal(session, pid);
}

static void exec_missing(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(handlers_start(&f->config, &f->targets, NULL, &f->handlers), -ENOENT);
	assert_non_null(strstr(said(f), "lapse: t.yaml:7:5: handler program /tmp/lapse-handler-"));
}

/* Waits until two runs have ended, and looks at what was said of them. */
static void said_once(struct fixture *f, const char *text)
{
	struct alert alert = an_alert();
	char *first;

	start(f);
	tell(f, &alert, "{}");
	wait_for(f, NULL, text, 0);
	first = strdup(said(f));
	tell(f, &alert, "{}");
	handlers_stop(f->handlers);
	f->handlers = NULL;
	assert_string_equal(said(f), first);
	free(first);
}

static void exec_status(void **state)
{
	struct fixture *f = *state;

	script(f, "exit 3");
	said_once(f, "ended with status 3\n");
}

static void exec_signal(void **state)
{
	struct fixture *f = *state;

	script(f, "kill -9 $$");
	said_once(f, "was killed by signal 9 (Killed)\n");
}

static void exec_no_interpreter(void **state)
{
	struct fixture *f = *state;
	FILE *file = fopen(f->program, "we");

	fputs("#!/nonexistent/interpreter\n", file);
	fclose(file);
	assert_int_equal(chmod(f->program, 0755), 0);
	said_once(f, "ended with status 127 (could it not be executed?)\n");
}

static void exec_ended_by_term(void **state)
{
	struct fixture *f = *state;
	struct alert alert = an_alert();

	script(f, "trap 'echo term >> $1; exit 0' TERM; echo ready > $1; while :; do sleep 0.01; done");
	start(f);
	tell(f, &alert, "{}");
	wait_for(f, f->out, "ready\n", 0);
	wait_for(f, NULL, "was ended: it ran longer than", 3601 * SEC);
	wait_for(f, f->out, "ready\nterm\n", 0);
}

/* Neither the program nor its child heeds TERM: both are gone in the end. */
static void exec_ended_by_kill(void **state)
{
	struct fixture *f = *state;
	struct alert alert = an_alert();
	uint64_t end = now() + PATIENCE;
	int pids[2];

	script(f, "trap '' TERM; (while :; do sleep 1; done) & echo $$ $! ready > $1; wait");
	start(f);
	tell(f, &alert, "{}");
	wait_for(f, f->out, "ready\n", 0);
	assert_int_equal(sscanf(contents(f->out), "%d %d", &pids[0], &pids[1]), 2);
	wait_for(f, NULL, "was ended", 3601 * SEC);
	while (now() < end) {
		char path[64];

		/* A killed orphan may wait for init as a zombie, which runs no more. */
		snprintf(path, sizeof(path), "/proc/%d/cmdline", pids[1]);
		if (kill(pids[0], 0) && !*contents(path))
			return;
		handlers_tick(f->handlers, now() + 7300 * SEC);
	}
	fail_msg("the program was not killed");
}

/* Eight run, 64 wait, the rest is dropped; those that wait run later. */
static void exec_bounded(void **state)
{
	struct fixture *f = *state;
	struct alert alert = an_alert();
	char go[128], text[512];

	snprintf(go, sizeof(go), "%s/go", f->folder);
	snprintf(text, sizeof(text),
		 "echo x >> $1.runs; until [ -e %s ]; do sleep 0.01; done; echo x >> $1.ends", go);
	script(f, text);
	start(f);
	for (int i = 0; i < 72; i++)
		tell(f, &alert, "{}");
	assert_string_equal(said(f), "");
	tell(f, &alert, "{}");
	tell(f, &alert, "{}");
	assert_non_null(strstr(said(f), "too many alerts at once, some were dropped\n"));
	assert_ptr_equal(strchr(said(f), '\n'), said(f) + strlen(said(f)) - 1);
	snprintf(text, sizeof(text), "%s.runs", f->out);
	wait_for(f, text, "x\nx\nx\nx\nx\nx\nx\nx\n", 0);
	assert_int_equal(strlen(contents(text)), 16);
	close(open(go, O_CREAT | O_WRONLY | O_CLOEXEC, 0644));
	handlers_stop(f->handlers);
	f->handlers = NULL;
	snprintf(text, sizeof(text), "%s.ends", f->out);
	assert_int_equal(strlen(contents(text)), 72 * 2);
}

static void stop_ends_what_runs(void **state)
{
	struct fixture *f = *state;
	struct alert alert = an_alert();
	uint64_t begin = now();

	f->handler[0].timeout_ns = SEC / 10;
	script(f, "exec sleep 1000");
	start(f);
	for (int i = 0; i < 20; i++)
		tell(f, &alert, "{}");
	handlers_stop(f->handlers);
	f->handlers = NULL;
	assert_true(now() - begin < PATIENCE);
	assert_non_null(strstr(said(f), "was ended: it ran longer than 100 ms\n"));
}

/* An alert that no pipe holds is refused, not waited for. */
static void exec_too_large(void **state)
{
	struct fixture *f = *state;
	struct alert alert = an_alert();
	char *json = calloc(1, 2000000);

	memset(json, 'x', 1999999);
	script(f, "cat > $1");
	start(f);
	tell(f, &alert, json);
	assert_non_null(strstr(said(f), "could not be started: Message too long\n"));
	free(json);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(exec_gets_the_alert), TEST(exec_has_no_privilege), TEST(exec_without_stdin),
		TEST(exec_session),	   TEST(exec_missing),		TEST(exec_status),
		TEST(exec_signal),	   TEST(exec_no_interpreter),	TEST(exec_ended_by_term),
		TEST(exec_ended_by_kill),  TEST(exec_bounded),		TEST(stop_ends_what_runs),
		TEST(exec_too_large),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
