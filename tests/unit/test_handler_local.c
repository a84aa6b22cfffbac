// SPDX-License-Identifier: GPL-2.0-or-later
/* Sockets, signals and the log: real ones, the log in a mount namespace of the test's own. */
#include <poll.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <syslog.h>

#include "tests/unit/handler.h"

/* ---- socket ------------------------------------------------------------------------------------------ */

static void use_socket(struct fixture *f)
{
	f->handler[0].kind = HANDLER_SOCKET;
	f->handler[0].argv = NULL;
	f->handler[0].path = f->out;
}

static struct sockaddr_un address_of(const char *path)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};

	strcpy(address.sun_path, path);
	return address;
}

static int reader(const char *path)
{
	struct sockaddr_un address = address_of(path);
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	return fd;
}

/* All that has come so far. */
static const char *read_all(int fd)
{
	static char text[TEXT_SIZE];
	size_t length = 0;
	ssize_t n;

	while ((n = recv(fd, text + length, sizeof(text) - 1 - length, MSG_DONTWAIT)) > 0)
		length += (size_t)n;
	text[length] = '\0';
	return text;
}

static bool is_at_end(int fd)
{
	struct pollfd ended = {.fd = fd, .events = POLLIN};
	char c;

	return poll(&ended, 1, 0) > 0 && recv(fd, &c, 1, MSG_DONTWAIT) == 0;
}

static void socket_readers(void **state)
{
	struct fixture *f = *state;
	struct alert alert = an_alert();
	int first, second;
	struct stat st;

	use_socket(f);
	start(f);
	assert_int_equal(stat(f->out, &st), 0);
	assert_int_equal(st.st_mode, S_IFSOCK | 0600);
	first = reader(f->out);
	tell(f, &alert, "{1}");
	second = reader(f->out);
	alert.event = ALERT_EVENT_RESOLVED;
	f->handler[0].resolved = true;
	tell(f, &alert, "{2}");
	assert_string_equal(read_all(first), "{1}\n{2}\n");
	assert_string_equal(read_all(second), "{2}\n");
	close(first);
	handlers_tick(f->handlers, now());
	tell(f, &alert, "{3}");
	assert_string_equal(read_all(second), "{3}\n");
	assert_int_equal(stats(f).runs, 3);
	assert_int_equal(stats(f).drops, 0);
	handlers_stop(f->handlers);
	f->handlers = NULL;
	assert_true(is_at_end(second));
	assert_int_equal(stat(f->out, &st), -1);
	close(second);
}

/* One that does not read is dropped, and the other gets every line. */
static void socket_slow_reader(void **state)
{
	struct fixture *f = *state;
	struct alert alert = an_alert();
	char line[4001];
	int slow, quick, n;

	memset(line, 'x', sizeof(line) - 1);
	line[sizeof(line) - 1] = '\0';
	use_socket(f);
	start(f);
	slow = reader(f->out);
	quick = reader(f->out);
	for (n = 0; n < 10000 && !stats(f).drops; n++) {
		tell(f, &alert, line);
		assert_int_equal(strlen(read_all(quick)), sizeof(line));
	}
	assert_int_equal(stats(f).drops, 1);
	assert_non_null(strstr(said(f), "a reader that did not read was dropped\n"));
	tell(f, &alert, line);
	assert_int_equal(strlen(read_all(quick)), sizeof(line));
	while (*read_all(slow))
		;
	assert_true(is_at_end(slow));
	close(slow);
	close(quick);
}

static void socket_bounded(void **state)
{
	struct fixture *f = *state;
	int readers[65];

	use_socket(f);
	start(f);
	for (int i = 0; i < 65; i++) {
		readers[i] = reader(f->out);
		handlers_tick(f->handlers, now());
	}
	assert_true(is_at_end(readers[64]));
	assert_false(is_at_end(readers[63]));
	assert_int_equal(stats(f).drops, 1);
	assert_non_null(strstr(said(f), "64 readers are the most there can be\n"));
	for (int i = 0; i < 65; i++)
		close(readers[i]);
}

static void socket_mode(void **state)
{
	struct fixture *f = *state;
	struct stat st;

	use_socket(f);
	f->handler[0].mode = 0660;
	f->handler[0].group = geteuid() ? NULL : "65534";
	start(f);
	assert_int_equal(stat(f->out, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0660);
	assert_int_equal(st.st_gid, geteuid() ? getegid() : 65534);
}

/* What is no socket, or another's, is left alone; what a dead one left behind is not. */
static void socket_path_taken(void **state)
{
	struct fixture *f = *state;
	struct sockaddr_un address = address_of(f->out);
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	use_socket(f);
	close(open(f->out, O_CREAT | O_WRONLY | O_CLOEXEC, 0600));
	assert_int_equal(handlers_start(&f->config, NULL, NULL, &f->handlers), -EADDRINUSE);
	assert_non_null(strstr(said(f), "lapse: t.yaml:7:5: socket "));
	assert_non_null(strstr(said(f), "somebody listens there, or it is no socket\n"));
	assert_int_equal(access(f->out, F_OK), 0);
	unlink(f->out);
	assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	assert_int_equal(listen(fd, 1), 0);
	assert_int_equal(handlers_start(&f->config, NULL, NULL, &f->handlers), -EADDRINUSE);
	close(fd);
	start(f);
}

static void socket_no_group(void **state)
{
	struct fixture *f = *state;

	use_socket(f);
	f->handler[0].group = "no-such-group";
	assert_int_equal(handlers_start(&f->config, NULL, NULL, &f->handlers), -ENOENT);
	assert_non_null(strstr(said(f), "there is no such group"));
	assert_int_equal(access(f->out, F_OK), -1);
}

/* Readers stay when handlers are replaced. */
static void socket_handed_over(void **state)
{
	struct fixture *f = *state;
	struct alert alert = an_alert();
	struct handlers *old;
	int fd;

	use_socket(f);
	start(f);
	fd = reader(f->out);
	tell(f, &alert, "{1}");
	old = f->handlers;
	assert_int_equal(handlers_start(&f->config, NULL, old, &f->handlers), 0);
	handlers_take_over(f->handlers);
	handlers_tick(old, now());
	handlers_stop(old);
	tell(f, &alert, "{2}");
	assert_string_equal(read_all(fd), "{1}\n{2}\n");
	assert_int_equal(stats(f).runs, 2);
	close(fd);
}

/* ---- signal ------------------------------------------------------------------------------------------- */

static pid_t target_pid;

static int one_target(void *context, struct handler_target **list, size_t *n)
{
	(void)context;
	*list = calloc(1, sizeof(**list));
	(*list)->pid = target_pid;
	(*list)->pidfd = (int)syscall(SYS_pidfd_open, target_pid, 0);
	*n = 1;
	return 0;
}

/* A shell that says which signals it got, once it is ready for them. */
static void start_target(struct fixture *f, const char *text, const char *ready)
{
	const struct timespec pause = {.tv_nsec = 2000000};
	uint64_t end = now() + PATIENCE;

	script(f, text);
	target_pid = fork();
	if (!target_pid) {
		execl(f->program, f->program, f->out, NULL);
		_exit(127);
	}
	while (!strstr(contents(f->out), ready) && now() < end)
		nanosleep(&pause, NULL);
	f->targets.open = one_target;
	f->handler[0].kind = HANDLER_SIGNAL;
	f->handler[0].argv = NULL;
	f->handler[0].signal = SIGUSR2;
}

static void end_target(void)
{
	kill(target_pid, SIGKILL);
	waitpid(target_pid, NULL, 0);
}

static void signal_caught(void **state)
{
	struct fixture *f = *state;
	struct alert alert = an_alert();

	start_target(f, "trap 'echo got >> $1' USR2; echo ready > $1; while :; do sleep 0.01; done",
		     "ready\n");
	start(f);
	tell(f, &alert, "{}");
	wait_for(f, f->out, "ready\ngot\n", 0);
	assert_string_equal(stats(f).target, "USR2");
	assert_int_equal(stats(f).runs, 1);
	assert_int_equal(stats(f).failures, 0);
	assert_string_equal(said(f), "");
	end_target();
}

/* It would be its end. */
static void signal_not_caught(void **state)
{
	struct fixture *f = *state;
	struct alert alert = an_alert();

	start_target(f, "echo ready > $1; while :; do sleep 0.01; done", "ready\n");
	start(f);
	tell(f, &alert, "{}");
	tell(f, &alert, "{}");
	assert_int_equal(stats(f).runs, 2);
	assert_int_equal(stats(f).failures, 2);
	assert_non_null(strstr(said(f), "is not sent SIGUSR2: it does not catch it\n"));
	assert_int_equal(waitpid(target_pid, NULL, WNOHANG), 0);
	end_target();
}

static void signal_to_nobody(void **state)
{
	struct fixture *f = *state;
	struct alert alert = an_alert();

	f->handler[0].kind = HANDLER_SIGNAL;
	f->handler[0].argv = NULL;
	f->handler[0].signal = SIGUSR2;
	start(f);
	tell(f, &alert, "{}");
	assert_int_equal(stats(f).failures, 1);
}

/* By its name; that it is none does not matter here. */
static void signal_to_node(void **state)
{
	struct fixture *f = *state;
	char node[128], command[512];

	snprintf(node, sizeof(node), "%s/node", f->folder);
	snprintf(command, sizeof(command), "cp /bin/sleep %s", node);
	assert_int_equal(system(command), 0);
	snprintf(command, sizeof(command), "echo ready > $1; exec %s 1000", node);
	start_target(f, command, "ready\n");
	for (uint64_t end = now() + PATIENCE; now() < end;) {
		char path[64], exe[128] = "";

		snprintf(path, sizeof(path), "/proc/%d/exe", target_pid);
		if (readlink(path, exe, sizeof(exe) - 1) > 0 && !strcmp(exe, node))
			break;
	}
	start(f);
	handlers_stop(f->handlers);
	f->handler[0].signal = SIGUSR1;
	assert_int_equal(handlers_start(&f->config, &f->targets, NULL, &f->handlers), -EPERM);
	assert_non_null(strstr(said(f), "is Node, whose debugger USR1 opens: choose USR2\n"));
	end_target();
}

/* ---- syslog ------------------------------------------------------------------------------------------ */

static int listen_on(const char *path)
{
	struct sockaddr_un address = address_of(path);
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	return fd;
}

/* From here on /run and /dev are empty for this process alone. */
static void hide_log(void)
{
	if (geteuid() || unshare(CLONE_NEWNS) || mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) ||
	    mount("none", "/run", "tmpfs", 0, NULL) || mount("none", "/dev", "tmpfs", 0, NULL))
		skip();
}

static void use_syslog(struct fixture *f)
{
	f->handler[0].kind = HANDLER_SYSLOG;
	f->handler[0].argv = NULL;
	f->handler[0].facility = LOG_LOCAL3;
	f->handler[0].resolved = true;
}

static void logged(void **state)
{
	struct fixture *f = *state;
	struct alert alert = an_alert();
	int log, journal;

	hide_log();
	use_syslog(f);
	assert_int_equal(handlers_start(&f->config, NULL, NULL, &f->handlers), -ENOENT);
	assert_non_null(strstr(said(f), "syslog: neither "));
	log = listen_on("/dev/log");
	start(f);
	tell(f, &alert, "{}");
	assert_memory_equal(read_all(log), "<154>", 5); /* local3, critical */
	tell(f, &alert, "{}");
	assert_non_null(strstr(read_all(log), " lapse["));
	tell(f, &alert, "{}");
	assert_non_null(strstr(read_all(log), "]: ALERT words for people"));
	mkdir("/run/systemd", 0755);
	mkdir("/run/systemd/journal", 0755);
	journal = listen_on("/run/systemd/journal/socket");
	alert.severity = SEV_WARNING;
	tell(f, &alert, "{\"v\":1}");
	assert_string_equal(read_all(log), "");
	assert_string_equal(
		read_all(journal),
		"MESSAGE=ALERT words for people\nPRIORITY=4\nSYSLOG_FACILITY=19\n"
		"SYSLOG_IDENTIFIER=lapse\nLAPSE_STATE=firing\nLAPSE_COMPONENT=endToEnd\n"
		"LAPSE_VIOLATION=LATENCY_VIOLATION\nLAPSE_SEVERITY=warning\nLAPSE_ALERT={\"v\":1}\n");
	alert.event = ALERT_EVENT_RESOLVED;
	tell(f, &alert, "{}");
	assert_non_null(strstr(read_all(journal), "PRIORITY=5\n"));
	assert_int_equal(stats(f).runs, 5);
	assert_int_equal(stats(f).failures, 0);
	/* Full, and nobody waits for it. */
	for (int i = 0; i < 100000 && !stats(f).drops; i++)
		tell(f, &alert, "{}");
	assert_true(stats(f).drops > 0);
	close(log);
	close(journal);
	tell(f, &alert, "{}");
	assert_true(stats(f).failures > 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(socket_readers),	  TEST(socket_slow_reader), TEST(socket_bounded),
		TEST(socket_mode),	  TEST(socket_path_taken),  TEST(socket_no_group),
		TEST(socket_handed_over), TEST(signal_caught),	    TEST(signal_not_caught),
		TEST(signal_to_nobody),	  TEST(signal_to_node),	    TEST(logged),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
