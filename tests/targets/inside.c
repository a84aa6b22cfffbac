// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Things that programs do inside a function that someone may probe:
 *
 *     inside WHAT [ROUNDS]
 *
 * fork      the child returns from the function too, calls it once more and ends
 * spawn     posix_spawn() of another program, which shares the memory for a while
 * exec      the program executes itself, ROUNDS times over
 * exit      pthread_exit() instead of a return
 * sigjump   a signal handler leaves it by siglongjmp()
 * altstack  a signal handler on a stack above the thread's calls it again
 */
#include "common.h"

#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <spawn.h>
#include <sys/mman.h>
#include <sys/wait.h>

#define STACK_SIZE (256 * 1024)
#define CHILD_CODE 7

static long entered, returned, good;
static sigjmp_buf way_out;
static char **arguments;

typedef void (*act)(void);

PROBED long inside(act act, long i)
{
	entered++;
	if (act)
		act();
	returned++;
	return i + 1;
}

static void wait_for(pid_t pid, int code)
{
	int status;

	if (waitpid(pid, &status, 0) == pid && WIFEXITED(status) && WEXITSTATUS(status) == code)
		good++;
}

/* ---- fork, spawn, exec ---------------------------------------------------------------------- */

static pid_t forked;

static void do_fork(void)
{
	forked = fork();
}

static void fork_round(long i)
{
	if (inside(do_fork, i) != i + 1)
		exit(1);
	if (!forked)
		_exit(inside(NULL, i) == i + 1 ? CHILD_CODE : 1);
	wait_for(forked, CHILD_CODE);
}

static void do_spawn(void)
{
	char *argv[] = {"true", NULL}, *environment[] = {NULL};
	pid_t pid;

	if (!posix_spawnp(&pid, "true", NULL, NULL, argv, environment))
		wait_for(pid, 0);
}

static void spawn_round(long i)
{
	inside(do_spawn, i);
}

static void do_exec(void)
{
	execv("/proc/self/exe", arguments);
	_exit(127);
}

/* The rounds that are left go to the next image as its argument; the last one reports. */
static void exec_rounds(long rounds)
{
	static char left[24];
	static char *argv[] = {"inside", "exec", left, "again", NULL};

	inside(NULL, 0);
	if (rounds <= 0)
		return;
	snprintf(left, sizeof(left), "%ld", rounds - 1);
	arguments = argv;
	inside(do_exec, 0);
}

/* ---- threads and signals ---------------------------------------------------------------------- */

static void do_exit(void)
{
	pthread_exit(&good);
}

static void *exit_thread(void *arg)
{
	inside(NULL, 0);
	inside(do_exit, 0);
	return arg;
}

static void exit_round(long i)
{
	pthread_t thread;
	void *result;

	(void)i;
	if (pthread_create(&thread, NULL, exit_thread, NULL))
		exit(2);
	pthread_join(thread, &result);
	good += result == &good;
}

static void do_raise(void)
{
	pthread_kill(pthread_self(), SIGUSR1);
}

static void jump(int number)
{
	(void)number;
	siglongjmp(way_out, 1);
}

static void sigjump_round(long i)
{
	if (!sigsetjmp(way_out, 1))
		inside(do_raise, i);
	else
		good++;
	inside(NULL, i);
}

static void call_again(int number)
{
	(void)number;
	good += inside(NULL, 1) == 2;
}

static void handle(void (*handler)(int), int flags)
{
	struct sigaction action = {.sa_handler = handler, .sa_flags = flags};

	sigaction(SIGUSR1, &action, NULL);
}

static void *altstack_thread(void *above)
{
	stack_t stack = {.ss_sp = above, .ss_size = STACK_SIZE};

	if (sigaltstack(&stack, NULL))
		exit(2);
	good += inside(do_raise, 1) == 2;
	return NULL;
}

/* The thread's stack is the lower half of one mapping, the handler's the upper one. */
static void altstack_round(long i)
{
	char *room = mmap(NULL, 2 * STACK_SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	pthread_attr_t attributes;
	pthread_t thread;

	(void)i;
	pthread_attr_init(&attributes);
	if (room == MAP_FAILED || pthread_attr_setstack(&attributes, room, STACK_SIZE) ||
	    pthread_create(&thread, &attributes, altstack_thread, room + STACK_SIZE))
		exit(2);
	pthread_join(thread, NULL);
	munmap(room, 2 * STACK_SIZE);
}

/* ---- what there is ------------------------------------------------------------------------------ */

static const struct what {
	const char *name;
	void (*round)(long i);
	void (*handler)(int);
	int flags;
} whats[] = {
	{"fork", fork_round, NULL, 0},
	{"spawn", spawn_round, NULL, 0},
	{"exec", NULL, NULL, 0},
	{"exit", exit_round, NULL, 0},
	{"sigjump", sigjump_round, jump, 0},
	{"altstack", altstack_round, call_again, SA_ONSTACK},
};

static const struct what *find(const char *name)
{
	size_t i;

	for (i = 0; i < sizeof(whats) / sizeof(*whats); i++)
		if (!strcmp(whats[i].name, name))
			return &whats[i];
	fprintf(stderr, "inside: no %s\n", name);
	exit(2);
}

int main(int argc, char **argv)
{
	const struct what *what = find(argc > 1 ? argv[1] : "");
	long rounds = argc > 2 ? atol(argv[2]) : 50, i;

	if (what->handler)
		handle(what->handler, what->flags);
	if (argc < 4)
		target_ready();
	if (!what->round)
		exec_rounds(rounds);
	for (i = 0; what->round && i < rounds; i++)
		what->round(i);
	target_done("entered=%ld returned=%ld good=%ld", entered, returned, good);
	return 0;
}
