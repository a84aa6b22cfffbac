// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Starts a handler's program with nothing of lapse's: no descriptor, no privilege, no terminal, no
 * signal setting. Between fork and exec only system calls are made, because the threads of lapse
 * may hold any lock at that moment.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "handler/handler_kind.h"

/* The user and group that own nothing, by the kernel's own numbering. */
#define NOBODY 65534

/* As shells have them. */
#define STATUS_SETUP   126
#define STATUS_NO_EXEC 127

/* Raw calls: the C library's would tell all threads, of which the child has but one. */
static int become_nobody(void)
{
	return syscall(SYS_setgroups, 0, NULL) || syscall(SYS_setresgid, NOBODY, NOBODY, NOBODY) ||
	       syscall(SYS_setresuid, NOBODY, NOBODY, NOBODY);
}

/* A capability that the kernel does not know ends the list. */
static void clear_bounding_set(void)
{
	for (unsigned long capability = 0; prctl(PR_CAPBSET_READ, capability, 0, 0, 0) >= 0; capability++)
		prctl(PR_CAPBSET_DROP, capability, 0, 0, 0);
}

static int drop_privilege(void)
{
	struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct none[_LINUX_CAPABILITY_U32S_3];

	memset(none, 0, sizeof(none));
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) ||
	    prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0))
		return -1;
	if (geteuid() == 0) {
		clear_bounding_set();
		if (become_nobody())
			return -1;
	}
	return syscall(SYS_capset, &header, none) ? -1 : 0;
}

/* Puts @fd at @number, kept over exec; it is there already where lapse was started with @number closed. */
static int place(int fd, int number)
{
	return fd == number ? fcntl(fd, F_SETFD, 0) : dup2(fd, number);
}

/*
 * Another user must not get lapse's standard error: it may be root's terminal, open for reading.
 * Otherwise the program may complain there; its standard output never mixes with lapse's data.
 */
static int set_descriptors(int input)
{
	int nothing = open("/dev/null", O_WRONLY | O_CLOEXEC);

	if (nothing < 0 || place(input, STDIN_FILENO) < 0 || place(nothing, STDOUT_FILENO) < 0)
		return -1;
	if (geteuid() == 0 && place(nothing, STDERR_FILENO) < 0)
		return -1;
	return (int)syscall(SYS_close_range, STDERR_FILENO + 1, ~0U, 0);
}

static void reset_signals(void)
{
	struct sigaction action = {.sa_handler = SIG_DFL};
	sigset_t none;

	for (int number = 1; number < _NSIG; number++)
		sigaction(number, &action, NULL);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
}

/* The bound on what lapse's own realtime thread may run at a stretch. */
static void reset_limits(void)
{
	struct rlimit limit;

	if (!getrlimit(RLIMIT_RTTIME, &limit)) {
		limit.rlim_cur = limit.rlim_max;
		setrlimit(RLIMIT_RTTIME, &limit);
	}
}

/*
 * A session of its own is also a process group of its own, and has no terminal. If lapse is killed nobody
 * would be left to see to the time limit: the program goes with it. Changing the user would clear that.
 */
static _Noreturn void child(char *const argv[], char *const environment[], int input)
{
	reset_limits();
	if (setsid() < 0 || chdir("/") || set_descriptors(input) || drop_privilege() ||
	    prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0))
		_exit(STATUS_SETUP);
	reset_signals();
	execve(argv[0], argv, environment);
	_exit(errno == EACCES ? STATUS_SETUP : STATUS_NO_EXEC);
}

/* A pipe that holds @text and a newline, all of it, before anyone reads. Returns the end to read. */
static int pipe_of(const char *text)
{
	struct iovec parts[] = {{(void *)text, strlen(text)}, {"\n", 1}};
	size_t length = strlen(text) + 1;
	int ends[2], err = 0;

	if (pipe2(ends, O_CLOEXEC | O_NONBLOCK))
		return -errno;
	if (writev(ends[1], parts, 2) != (ssize_t)length)
		err = -EMSGSIZE;
	close(ends[1]);
	/* The flag belongs to lapse's end only; a program does not expect it. */
	if (!err && fcntl(ends[0], F_SETFL, 0))
		err = -errno;
	if (!err)
		return ends[0];
	close(ends[0]);
	return err;
}

/* Signals wait until the child has lapse's handlers for them no more. */
static pid_t fork_quiet(sigset_t *before)
{
	sigset_t all;
	pid_t pid;
	int err;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, before);
	pid = fork();
	err = errno;
	if (pid)
		pthread_sigmask(SIG_SETMASK, before, NULL);
	return pid < 0 ? -err : pid;
}

pid_t handler_spawn(char *const argv[], char *const environment[], const char *input)
{
	int end = pipe_of(input);
	sigset_t before;
	pid_t pid;

	if (end < 0)
		return end;
	pid = fork_quiet(&before);
	if (pid == 0)
		child(argv, environment, end);
	close(end);
	return pid;
}

/* As the user that programs run as. Where it cannot be asked for, nothing is known to be amiss. */
static int may_nobody_execute(const char *path)
{
	sigset_t before;
	int status = 0;
	pid_t pid = fork_quiet(&before);

	if (pid == 0)
		_exit(!drop_privilege() && access(path, X_OK) ? errno : 0);
	while (pid > 0 && waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	return pid > 0 && WIFEXITED(status) ? -WEXITSTATUS(status) : 0;
}

int handler_may_execute(const char *path)
{
	struct stat is;

	if (stat(path, &is) || access(path, X_OK))
		return -errno;
	if (!S_ISREG(is.st_mode))
		return -EISDIR;
	return geteuid() == 0 ? may_nobody_execute(path) : 0;
}
