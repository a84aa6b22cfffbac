/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A child that waits at the end of a known chain of calls (tests/targets/chain.c), and what the kernel would
 * send of its stack. */
#ifndef TESTS_BLOCKED_H
#define TESTS_BLOCKED_H

#include "fixture.h"

#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/user.h>
#include <sys/wait.h>

#include "stack/stack.h"

#define PIECE_SIZE (16 * 1024)

struct blocked {
	pid_t pid, tid;
	int input; /* its end ends the child */
	struct stack_piece piece;
	char bytes[PIECE_SIZE];
};

/* Runs before the child's program, in the child; non-zero: it is not to be. */
typedef int (*blocked_setup)(void);

static inline pid_t blocked_start(struct blocked *child, const char *path, const char *mode, int *output,
				  blocked_setup setup)
{
	int in[2], out[2];
	pid_t pid;

	assert_int_equal(pipe(in) | pipe(out), 0);
	pid = fork();
	if (pid == 0) {
		dup2(in[0], 0);
		dup2(out[1], 1);
		close(in[1]);
		if (!setup || setup() == 0)
			execl(path, path, mode, NULL);
		_exit(127);
	}
	close(in[0]);
	close(out[1]);
	child->input = in[1];
	*output = out[0];
	return pid;
}

/* Stops the thread where it waits for its input, and copies. It may not have got there yet. */
static inline void blocked_copy(struct blocked *child)
{
	struct user_regs_struct regs = {0};
	struct iovec local = {child->bytes, PIECE_SIZE}, remote;
	ssize_t n;

	for (;;) {
		assert_int_equal(ptrace(PTRACE_ATTACH, child->tid, NULL, NULL), 0);
		assert_int_equal(waitpid(child->tid, NULL, __WALL), child->tid);
		assert_int_equal(ptrace(PTRACE_GETREGS, child->tid, NULL, &regs), 0);
		if (regs.orig_rax == SYS_read && regs.rdi == 0)
			break;
		ptrace(PTRACE_DETACH, child->tid, NULL, NULL);
		sched_yield();
	}
	remote = (struct iovec){(void *)regs.rsp, PIECE_SIZE};
	/* The stack may end within the piece, and only whole pages are given. */
	while ((n = process_vm_readv(child->pid, &local, 1, &remote, 1, 0)) < 0 && errno == EFAULT)
		remote.iov_len -= 8;
	assert_true(n > 0);
	child->piece = (struct stack_piece){regs.rip, regs.rsp, regs.rbp, child->bytes, (size_t)n, 0};
	ptrace(PTRACE_DETACH, child->tid, NULL, NULL);
}

static inline void blocked_run(struct blocked *child, const char *path, const char *mode, blocked_setup setup)
{
	char line[64] = "";
	FILE *said;
	int output;

	child->pid = blocked_start(child, path, mode, &output, setup);
	said = fdopen(output, "r");
	assert_non_null(said);
	assert_non_null(fgets(line, sizeof(line), said));
	assert_int_equal(sscanf(line, "ready %d", &child->tid), 1);
	fclose(said);
	blocked_copy(child);
}

static inline void blocked_open(struct blocked *child, const char *name, const char *mode)
{
	char path[PATH_MAX];

	fixture_path(name, path);
	blocked_run(child, path, mode, NULL);
}

static inline void blocked_end(struct blocked *child)
{
	close(child->input);
	assert_int_equal(waitpid(child->pid, NULL, 0), child->pid);
}

#endif
