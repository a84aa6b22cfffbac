// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Starts children that run the same file and call child_work() a known number of times:
 *
 *     spawner [--children N] [--calls N] [--own N] [--exec] [--early] [--orphans STATUS] [--thread]
 *
 * With --exec each child executes the file anew instead of only being forked. With --early the children
 * are there before it is ready; they begin when it goes. With --orphans it ends with STATUS while its
 * children go on, which begin when their standard input ends.
 */
#include "common.h"

#include <getopt.h>
#include <pthread.h>
#include <sys/wait.h>

static long children = 4, calls = 250, own, orphans = -1;
static int do_exec, is_child, early, from_thread;

PROBED long child_work(long i)
{
	__asm__ volatile("" : "+r"(i) : : "memory");
	return i + 1;
}

static long call_it(long n)
{
	long sum = 0, i;

	for (i = 0; i < n; i++)
		sum += child_work(i) == i + 1;
	return sum;
}

static void wait_for_end(int fd)
{
	char c;

	while (read(fd, &c, 1) > 0)
		;
}

static void run_child(const char *self)
{
	char count[24];

	if (orphans >= 0)
		wait_for_end(STDIN_FILENO);

	if (!do_exec)
		_exit(call_it(calls) != calls);
	snprintf(count, sizeof(count), "%ld", calls);
	execl("/proc/self/exe", self, "--child", "--calls", count, (char *)NULL);
	_exit(127);
}

static void parse_options(int argc, char **argv)
{
	static const struct option longs[] = {
		{"children", 1, NULL, 'n'},	{"calls", 1, NULL, 'c'},    {"own", 1, NULL, 'o'},
		{"exec", 0, &do_exec, 1},	{"child", 0, &is_child, 1}, {"early", 0, &early, 1},
		{"thread", 0, &from_thread, 1}, {"orphans", 1, NULL, 's'},  {NULL, 0, NULL, 0},
	};
	int c;

	while ((c = getopt_long(argc, argv, "", longs, NULL)) != -1) {
		if (c == 'n')
			children = atol(optarg);
		else if (c == 'c')
			calls = atol(optarg);
		else if (c == 'o')
			own = atol(optarg);
		else if (c == 's')
			orphans = atol(optarg);
		else if (c)
			exit(2);
	}
}

static void *execute(void *argument)
{
	char count[24];

	snprintf(count, sizeof(count), "%ld", own);
	execl("/proc/self/exe", argument, "--children", "0", "--own", count, (char *)NULL);
	_exit(127);
}

static void execute_in_thread(char *self)
{
	pthread_t thread;

	if (pthread_create(&thread, NULL, execute, self))
		_exit(2);
	pthread_join(thread, NULL);
}

/* Children that begin when the other end of @go is closed; 0: at once. */
static int spawn(const char *self, const int go[2])
{
	for (long i = 0; i < children; i++) {
		pid_t pid = fork();

		if (pid < 0)
			return 2;
		if (pid)
			continue;
		if (go) {
			close(go[1]);
			wait_for_end(go[0]);
		}
		run_child(self);
	}
	return 0;
}

int main(int argc, char **argv)
{
	int status, go[2];
	long good = 0;

	parse_options(argc, argv);
	if (is_child)
		return call_it(calls) != calls;
	if (pipe(go) || (early && spawn(argv[0], go)))
		return 2;
	target_ready();
	call_it(own);
	if (from_thread)
		execute_in_thread(argv[0]);
	close(go[1]);
	if (!early && spawn(argv[0], NULL))
		return 2;
	if (orphans >= 0)
		return (int)orphans;
	while (wait(&status) > 0)
		good += status == 0;
	target_done("calls=%ld children=%ld good=%ld", children * calls + own, children, good);
	return good == children ? 0 : 1;
}
