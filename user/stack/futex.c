// SPDX-License-Identifier: GPL-2.0-or-later
#include "stack/futex.h"

#include <linux/futex.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "stack/thread.h"

/* Of pthread_mutex_t on x86-64: a word that is 2 while the mutex is held and waited for, or (PI) the owner's
 * number with flags; then the owner. */
struct mutex {
	uint32_t lock, count;
	int32_t owner;
	uint32_t users;
	int32_t kind;
};
#define LOCK_CONTENDED 2
#define KINDS_MASK     0x3ff

struct wait {
	uint64_t address;
	unsigned operation;
};

/* The futex that it is blocked in. */
static bool read_wait(pid_t pid, pid_t tid, struct wait *wait)
{
	uint64_t arguments[THREAD_ARGUMENTS];

	if (thread_call(pid, tid, arguments) != SYS_futex)
		return false;
	wait->address = arguments[0];
	wait->operation = (unsigned)arguments[1] & FUTEX_CMD_MASK;
	return true;
}

static bool same_numbers(pid_t pid)
{
	char path[64], theirs[64] = "", ours[64] = "";

	snprintf(path, sizeof(path), "/proc/%d/ns/pid", pid);
	return readlink(path, theirs, sizeof(theirs) - 1) > 0 &&
	       readlink("/proc/self/ns/pid", ours, sizeof(ours) - 1) > 0 && !strcmp(theirs, ours);
}

static bool is_thread(pid_t pid, pid_t tid)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/task/%d", pid, tid);
	return !access(path, F_OK);
}

static pid_t owner_of(const struct mutex *mutex, unsigned operation)
{
	bool looks_so = mutex->owner > 0 && mutex->users && !(mutex->kind & ~KINDS_MASK);

	switch (operation) {
	case FUTEX_LOCK_PI:
	case FUTEX_LOCK_PI2:
		return (pid_t)(mutex->lock & FUTEX_TID_MASK);
	case FUTEX_WAIT:
	case FUTEX_WAIT_BITSET:
		return looks_so && mutex->lock == LOCK_CONTENDED ? mutex->owner : 0;
	default:
		return 0;
	}
}

pid_t futex_holder(pid_t pid, pid_t tid)
{
	struct mutex mutex;
	struct wait wait;
	pid_t owner;

	if (!read_wait(pid, tid, &wait) || !same_numbers(pid) ||
	    thread_memory(pid, wait.address, &mutex, sizeof(mutex)) != sizeof(mutex))
		return 0;
	owner = owner_of(&mutex, wait.operation);
	return owner > 0 && owner != tid && is_thread(pid, owner) ? owner : 0;
}
