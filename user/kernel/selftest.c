// SPDX-License-Identifier: GPL-2.0-or-later
#include "kernel/selftest.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "base/diag.h"
#include "kernel/empty_program.h"
#include "kernel/self_offset.h"

bool selftest_has_seccomp(pid_t pid)
{
	char path[32], line[128];
	int mode = 0;
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%d/status", pid);
	file = fopen(path, "re");
	if (!file)
		return false;
	while (fgets(line, sizeof(line), file))
		if (sscanf(line, "Seccomp: %d", &mode) == 1)
			break;
	fclose(file);
	return mode != SECCOMP_MODE_DISABLED;
}

static __attribute__((noinline)) int probed(int value)
{
	__asm__ volatile("" : "+r"(value));
	return value + 1;
}

#define ALLOW(number) \
	BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, number, 0, 1), BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW)

static int filter_own_calls(void)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		ALLOW(SYS_read),
		ALLOW(SYS_write),
		ALLOW(SYS_exit_group),
		ALLOW(SYS_rt_sigreturn),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS),
	};
	struct sock_fprog program = {.len = sizeof(code) / sizeof(code[0]), .filter = code};

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
		return -errno;
	return prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) ? -errno : 0;
}

/* Waits for a byte, calls the probed function under the filter, and ends with 0 if it lives. */
static void run_child(int start)
{
	char byte;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (read(start, &byte, 1) != 1 || filter_own_calls())
		_exit(2);
	syscall(SYS_exit_group, probed(1) == 2 ? 0 : 3);
	__builtin_unreachable();
}

/* A return probe on @pid's copy of the function, of the kind that would be used; a link or -errno. */
static int attach_return(enum attach_kind kind, pid_t pid, unsigned long offset)
{
	enum bpf_attach_type type =
		kind == ATTACH_SESSION ? BPF_TRACE_UPROBE_SESSION : BPF_TRACE_UPROBE_MULTI;
	LIBBPF_OPTS(bpf_link_create_opts, link, .uprobe_multi.path = "/proc/self/exe",
		    .uprobe_multi.offsets = &offset, .uprobe_multi.cnt = 1, .uprobe_multi.pid = pid,
		    .uprobe_multi.flags = kind == ATTACH_MULTI ? BPF_F_UPROBE_MULTI_RETURN : 0);
	int program = empty_program_load(type);
	int fd;

	if (program < 0)
		return program;
	fd = bpf_link_create(program, -1, type, &link);
	close(program);
	return fd;
}

/* With perf events the hijacking is the same as with multi links where the kernel has both; where it
 * has not, return probes are breakpoints, not system calls. */
static bool child_killed(enum attach_kind kind, pid_t pid, int start)
{
	uint64_t offset;
	int link, status;

	if (self_offset((const void *)probed, &offset))
		return true;
	link = attach_return(kind, pid, offset);
	if (link < 0 || write(start, "", 1) != 1)
		kill(pid, SIGKILL);
	if (waitpid(pid, &status, 0) != pid)
		status = -1;
	if (link >= 0)
		close(link);
	return status != 0;
}

bool selftest_seccomp_kills(enum attach_kind wanted)
{
	struct features features;
	int start[2], kind;
	bool killed;
	pid_t pid;

	features_probe(&features);
	if (features.bpf)
		return true;
	if (!features.multi)
		return false;
	kind = features.session && wanted != ATTACH_MULTI ? ATTACH_SESSION : ATTACH_MULTI;
	if (pipe2(start, O_CLOEXEC))
		return true;
	pid = fork();
	if (!pid)
		run_child(start[0]);
	killed = pid < 0 || child_killed(kind, pid, start[1]);
	close(start[0]);
	close(start[1]);
	diag_debug("a return probe under a seccomp filter %s", killed ? "kills" : "is let through");
	return killed;
}
