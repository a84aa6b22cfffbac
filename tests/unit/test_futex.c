// SPDX-License-Identifier: GPL-2.0-or-later
/* Who holds the mutex that a thread is blocked in; nobody holds what is no mutex. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <pthread.h>
#include <sched.h>
#include <semaphore.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "stack/futex.h"

struct waiter {
	pthread_t thread;
	pid_t tid;
	void (*wait)(struct waiter *me);
	pthread_mutex_t mutex;
	pthread_cond_t condition;
	sem_t semaphore;
	int done;
};

static void wait_mutex(struct waiter *me)
{
	pthread_mutex_lock(&me->mutex);
	pthread_mutex_unlock(&me->mutex);
}

static void wait_condition(struct waiter *me)
{
	pthread_mutex_lock(&me->mutex);
	while (!me->done)
		pthread_cond_wait(&me->condition, &me->mutex);
	pthread_mutex_unlock(&me->mutex);
}

static void wait_semaphore(struct waiter *me)
{
	sem_wait(&me->semaphore);
}

static void *run(void *arg)
{
	struct waiter *me = arg;

	__atomic_store_n(&me->tid, (pid_t)syscall(SYS_gettid), __ATOMIC_RELEASE);
	me->wait(me);
	return NULL;
}

/* Until it is blocked in futex(). */
static void start(struct waiter *me, void (*wait)(struct waiter *))
{
	char line[32] = "";
	char path[64];

	me->wait = wait;
	me->tid = 0;
	assert_int_equal(pthread_create(&me->thread, NULL, run, me), 0);
	while (!__atomic_load_n(&me->tid, __ATOMIC_ACQUIRE))
		sched_yield();
	snprintf(path, sizeof(path), "/proc/self/task/%d/syscall", me->tid);
	while (strncmp(line, "202 ", 4)) {
		FILE *file = fopen(path, "r");

		assert_non_null(file);
		if (!fgets(line, sizeof(line), file))
			*line = '\0';
		fclose(file);
		sched_yield();
	}
}

static void of_a_mutex(int type, int protocol)
{
	struct waiter waiter = {0};
	pthread_mutexattr_t attributes;
	pid_t holder = 0;

	pthread_mutexattr_init(&attributes);
	pthread_mutexattr_settype(&attributes, type);
	pthread_mutexattr_setprotocol(&attributes, protocol);
	pthread_mutex_init(&waiter.mutex, &attributes);
	pthread_mutex_lock(&waiter.mutex);
	start(&waiter, wait_mutex);
	holder = futex_holder(getpid(), waiter.tid);
	pthread_mutex_unlock(&waiter.mutex);
	pthread_join(waiter.thread, NULL);
	assert_int_equal(holder, syscall(SYS_gettid));
	assert_int_equal(futex_holder(getpid(), waiter.tid), 0);
}

static void mutexes(void **state)
{
	(void)state;
	of_a_mutex(PTHREAD_MUTEX_NORMAL, PTHREAD_PRIO_NONE);
	of_a_mutex(PTHREAD_MUTEX_RECURSIVE, PTHREAD_PRIO_NONE);
	of_a_mutex(PTHREAD_MUTEX_ERRORCHECK, PTHREAD_PRIO_NONE);
	of_a_mutex(PTHREAD_MUTEX_NORMAL, PTHREAD_PRIO_INHERIT);
}

static void conditions(void **state)
{
	struct waiter waiter = {.mutex = PTHREAD_MUTEX_INITIALIZER, .condition = PTHREAD_COND_INITIALIZER};

	(void)state;
	start(&waiter, wait_condition);
	assert_int_equal(futex_holder(getpid(), waiter.tid), 0);
	pthread_mutex_lock(&waiter.mutex);
	waiter.done = 1;
	pthread_cond_signal(&waiter.condition);
	pthread_mutex_unlock(&waiter.mutex);
	pthread_join(waiter.thread, NULL);
}

static void semaphores(void **state)
{
	struct waiter waiter = {0};

	(void)state;
	sem_init(&waiter.semaphore, 0, 0);
	start(&waiter, wait_semaphore);
	assert_int_equal(futex_holder(getpid(), waiter.tid), 0);
	sem_post(&waiter.semaphore);
	pthread_join(waiter.thread, NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(mutexes),
		cmocka_unit_test(conditions),
		cmocka_unit_test(semaphores),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
