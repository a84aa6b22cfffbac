// SPDX-License-Identifier: GPL-2.0-or-later
#include "cli/command.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/diag.h"

#define BREAKPOINT 0xcc

static int wait_stopped(pid_t pid)
{
	int status;

	if (waitpid(pid, &status, 0) != pid)
		return -errno;
	return WIFSTOPPED(status) ? 0 : -ECHILD;
}

/* Where the program itself begins, as the kernel has told it. */
static int entry_address(pid_t pid, uint64_t *entry)
{
	Elf64_auxv_t pair;
	char path[32];
	int fd, err = -ENOENT;

	snprintf(path, sizeof(path), "/proc/%d/auxv", pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	while (read(fd, &pair, sizeof(pair)) == sizeof(pair)) {
		if (pair.a_type == AT_ENTRY) {
			*entry = pair.a_un.a_val;
			err = 0;
		}
	}
	close(fd);
	return err;
}

/* Runs the stopped child to @address, by a breakpoint that is taken away again. */
static int run_to(pid_t pid, uint64_t address)
{
	struct user_regs_struct registers;
	long word;
	int err;

	errno = 0;
	word = ptrace(PTRACE_PEEKTEXT, pid, address, 0);
	if (errno)
		return -errno;
	if (ptrace(PTRACE_POKETEXT, pid, address, (word & ~0xffL) | BREAKPOINT) ||
	    ptrace(PTRACE_CONT, pid, 0, 0))
		return -errno;
	err = wait_stopped(pid);
	if (err)
		return err;
	if (ptrace(PTRACE_POKETEXT, pid, address, word) || ptrace(PTRACE_GETREGS, pid, 0, &registers))
		return -errno;
	registers.rip = address;
	return ptrace(PTRACE_SETREGS, pid, 0, &registers) ? -errno : 0;
}

static void run_child(char **argv, int failure)
{
	sigset_t none;
	int err;

	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	signal(SIGPIPE, SIG_DFL);
	if (!ptrace(PTRACE_TRACEME, 0, 0, 0))
		execvp(argv[0], argv);
	err = errno;
	if (write(failure, &err, sizeof(err)) != sizeof(err))
		_exit(126);
	_exit(127);
}

static int hold(struct command *command, int failure)
{
	uint64_t entry = 0;
	int err, exec_error;

	if (read(failure, &exec_error, sizeof(exec_error)) == sizeof(exec_error)) {
		waitpid(command->pid, NULL, 0);
		command->pid = 0;
		return -exec_error;
	}
	err = wait_stopped(command->pid);
	if (!err)
		err = entry_address(command->pid, &entry);
	if (!err)
		err = run_to(command->pid, entry);
	command->held = !err;
	if (err) {
		kill(command->pid, SIGKILL);
		waitpid(command->pid, NULL, 0);
		command->pid = 0;
	}
	return err;
}

int command_start(struct command *command, char **argv)
{
	int failure[2], err;

	if (pipe2(failure, O_CLOEXEC))
		return -errno;
	command->pid = fork();
	if (!command->pid)
		run_child(argv, failure[1]);
	close(failure[1]);
	err = command->pid < 0 ? -EAGAIN : hold(command, failure[0]);
	close(failure[0]);
	if (err)
		diag_error("cannot start '%s': %s", argv[0], strerror(-err));
	return err;
}

int command_release(struct command *command)
{
	if (!command->held)
		return 0;
	command->held = false;
	return ptrace(PTRACE_DETACH, command->pid, 0, 0) ? -errno : 0;
}

int command_status(struct command *command)
{
	int status;

	if (!command->pid || waitpid(command->pid, &status, WNOHANG) != command->pid)
		return -ECHILD;
	command->pid = 0;
	return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

void command_abandon(struct command *command)
{
	if (!command->held)
		return;
	kill(command->pid, SIGKILL);
	waitpid(command->pid, NULL, 0);
	command->held = false;
}
