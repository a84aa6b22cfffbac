// SPDX-License-Identifier: GPL-2.0-or-later
#include "stack/thread.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static FILE *open_of(pid_t pid, pid_t tid, const char *what)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/task/%d/%s", pid, tid, what);
	return fopen(path, "re");
}

/* "running", or a system call with its arguments, or -1; then the stack pointer and the instruction. */
int thread_registers(pid_t pid, pid_t tid, uint64_t *ip, uint64_t *sp)
{
	FILE *file = open_of(pid, tid, "syscall");
	unsigned long long at[2];
	char line[256] = "";

	if (!file)
		return -errno;
	if (!fgets(line, sizeof(line), file))
		*line = '\0';
	fclose(file);
	if (!strncmp(line, "running", 7))
		return 0;
	if (sscanf(line, "-1 0x%llx 0x%llx", &at[0], &at[1]) != 2 &&
	    sscanf(line, "%*d 0x%*x 0x%*x 0x%*x 0x%*x 0x%*x 0x%*x 0x%llx 0x%llx", &at[0], &at[1]) != 2)
		return -ESRCH;
	*sp = at[0];
	*ip = at[1];
	return 1;
}

long thread_call(pid_t pid, pid_t tid, uint64_t arguments[THREAD_ARGUMENTS])
{
	FILE *file = open_of(pid, tid, "syscall");
	unsigned long long a[THREAD_ARGUMENTS];
	long number = -1;
	int n;

	if (!file)
		return -1;
	n = fscanf(file, "%ld 0x%llx 0x%llx 0x%llx 0x%llx 0x%llx 0x%llx", &number, &a[0], &a[1], &a[2], &a[3],
		   &a[4], &a[5]);
	fclose(file);
	if (n != 1 + THREAD_ARGUMENTS)
		return -1;
	for (int i = 0; i < THREAD_ARGUMENTS; i++)
		arguments[i] = a[i];
	return number;
}

size_t thread_memory(pid_t pid, uint64_t sp, void *bytes, size_t size)
{
	char path[32];
	ssize_t n;
	int memory;

	snprintf(path, sizeof(path), "/proc/%d/mem", pid);
	memory = open64(path, O_RDONLY | O_CLOEXEC);
	if (memory < 0)
		return 0;
	n = pread64(memory, bytes, size, (off64_t)sp);
	close(memory);
	return n > 0 ? (size_t)n : 0;
}

void thread_name(pid_t pid, pid_t tid, char comm[16])
{
	FILE *file = open_of(pid, tid, "comm");
	char line[32] = "";

	if (file && fgets(line, sizeof(line), file)) {
		line[strcspn(line, "\n")] = '\0';
		memset(comm, 0, 16);
		memcpy(comm, line, strnlen(line, 15));
	}
	if (file)
		fclose(file);
}

size_t thread_kernel_stack(pid_t pid, pid_t tid, char names[][THREAD_NAME], size_t max)
{
	FILE *file = open_of(pid, tid, "stack");
	char line[512];
	size_t n = 0;

	while (file && n < max && fgets(line, sizeof(line), file)) {
		/* "[<0>] futex_wait_queue+0x65/0x90" */
		if (sscanf(line, "[<%*x>] %255[^/ \n]", names[n]) == 1)
			n++;
	}
	if (file)
		fclose(file);
	return n;
}
