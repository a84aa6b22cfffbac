// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A program that gives up all system calls but a few, with death for the rest, and then calls
 * a probed function. A return probe that makes the program issue a call of its own would kill
 * it.
 *
 *     jailed [CALLS [early]]
 *
 * With "early" it is locked up before a tracer can attach.
 */
#include "common.h"

#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <sys/prctl.h>

#define ALLOW(call)                                                          \
	BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (unsigned int)SYS_##call, 0, 1), \
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW)

static struct sock_filter filter[] = {
	BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
	ALLOW(read),
	ALLOW(write),
	ALLOW(exit),
	ALLOW(exit_group),
	ALLOW(futex),
	ALLOW(clock_nanosleep),
	ALLOW(clock_gettime),
	ALLOW(fstat),
	ALLOW(newfstatat),
	ALLOW(lseek),
	ALLOW(brk),
	ALLOW(mmap),
	ALLOW(munmap),
	ALLOW(rt_sigreturn),
	ALLOW(getrandom),
	ALLOW(getpid),
	BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS),
};

static void lock_up(void)
{
	struct sock_fprog program = {sizeof(filter) / sizeof(*filter), filter};

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) || prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program)) {
		perror("seccomp");
		exit(2);
	}
}

PROBED long confined(long i)
{
	__asm__ volatile("" : "+r"(i) : : "memory");
	return i + 1;
}

int main(int argc, char **argv)
{
	long calls = argc > 1 ? atol(argv[1]) : 1000, sum = 0, i;
	int early = argc > 2 && !strcmp(argv[2], "early");

	if (early)
		lock_up();
	target_ready();
	if (!early)
		lock_up();
	for (i = 0; i < calls; i++)
		sum += confined(i) == i + 1;
	target_done("calls=%ld", sum);
	return 0;
}
