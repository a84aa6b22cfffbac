// SPDX-License-Identifier: GPL-2.0-or-later
/* Runs programs: a few at once, some that wait, each with a time limit. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/diag.h"
#include "base/units.h"
#include "handler/handler_kind.h"

#define RUNNING_MAX 8
#define WAITING_MAX 64
/* Between the request to end and the order. */
#define GRACE_NS    NSEC_PER_SEC
#define POLL_NS	    (10 * NSEC_PER_MSEC)

enum { ENV_PATH, ENV_COMPONENT, ENV_VIOLATION, ENV_SEVERITY, ENV_STATE, ENV_SIZE };

/* An alert that a program is to be told of. */
struct job {
	struct handler *handler;
	char *environment[ENV_SIZE + 1];
	char *json;
};

struct run {
	struct handler *handler;
	pid_t pid; /* 0: a free slot */
	uint64_t deadline_ns;
	bool told_to_end;
};

struct exec_pool {
	struct run running[RUNNING_MAX];
	struct job waiting[WAITING_MAX]; /* a ring */
	size_t first, n_waiting;
};

struct exec_pool *exec_pool_new(void)
{
	return calloc(1, sizeof(struct exec_pool));
}

static uint64_t clock_now(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * NSEC_PER_SEC + (uint64_t)now.tv_nsec;
}

static const char *program(const struct handler *handler)
{
	return handler->config->argv[0];
}

/* ---- jobs ----------------------------------------------------------------------------------- */

static void job_free(struct job *job)
{
	for (size_t i = 0; i < ENV_SIZE; i++)
		free(job->environment[i]);
	free(job->json);
}

static char *variable(const char *name, const char *value)
{
	char *text;

	return asprintf(&text, "%s=%s", name, value) < 0 ? NULL : text;
}

static int job_init(struct job *job, struct handler *handler, const struct handler_event *event)
{
	static const char *const states[] = {"firing", "escalated", "resolved"};
	const struct alert *alert = event->alert;

	*job = (struct job){.handler = handler, .json = strdup(event->json)};
	job->environment[ENV_PATH] =
		strdup("PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin");
	job->environment[ENV_COMPONENT] = variable("LAPSE_COMPONENT", event->component);
	job->environment[ENV_VIOLATION] = variable("LAPSE_VIOLATION", objective_info(alert->kind)->violation);
	job->environment[ENV_SEVERITY] = variable("LAPSE_SEVERITY", config_severity_names[alert->severity]);
	job->environment[ENV_STATE] = variable("LAPSE_STATE", states[alert->event]);
	for (size_t i = 0; i < ENV_SIZE; i++)
		if (!job->environment[i])
			return -ENOMEM;
	return job->json ? 0 : -ENOMEM;
}

static void run_job(struct run *run, struct job *job)
{
	struct handler *handler = job->handler;
	pid_t pid = handler_spawn(handler->config->argv, job->environment, job->json);

	if (pid < 0)
		handler_say(handler, TROUBLE_START, "handler %s could not be started: %s", program(handler),
			    strerror(-pid));
	else
		*run = (struct run){handler, pid, clock_now() + handler->config->timeout_ns, false};
	job_free(job);
}

static struct run *free_slot(struct exec_pool *pool)
{
	for (size_t i = 0; i < RUNNING_MAX; i++)
		if (!pool->running[i].pid)
			return &pool->running[i];
	return NULL;
}

static void run_waiting(struct exec_pool *pool)
{
	struct run *slot;

	while (pool->n_waiting && (slot = free_slot(pool))) {
		struct job *job = &pool->waiting[pool->first];

		pool->first = (pool->first + 1) % WAITING_MAX;
		pool->n_waiting--;
		run_job(slot, job);
	}
}

static void drop(struct job *job)
{
	handler_say(job->handler, TROUBLE_DROPPED, "handler %s: too many alerts at once, some were dropped",
		    program(job->handler));
	job_free(job);
}

static void tell(struct handler *handler, const struct handler_event *event)
{
	struct exec_pool *pool = handler->pool;
	struct job job;

	if (job_init(&job, handler, event)) {
		handler_say(handler, TROUBLE_START, "handler %s: out of memory", program(handler));
		job_free(&job);
		return;
	}
	if (pool->n_waiting == WAITING_MAX) {
		drop(&job);
		return;
	}
	pool->waiting[(pool->first + pool->n_waiting++) % WAITING_MAX] = job;
	run_waiting(pool);
}

static int start(struct handler *handler)
{
	const struct config_mark *mark = &handler->config->mark;
	int err;

	if (!access(program(handler), X_OK))
		return 0;
	err = -errno;
	diag_at(handler->file, mark->line, mark->column, "handler program %s: %s", program(handler),
		strerror(-err));
	return err;
}

const struct handler_kind handler_exec = {.start = start, .tell = tell};

/* ---- programs that run ------------------------------------------------------------------------ */

static void judge_status(struct handler *handler, int status)
{
	if (WIFSIGNALED(status))
		handler_say(handler, TROUBLE_SIGNAL, "handler %s was killed by signal %d (%s)",
			    program(handler), WTERMSIG(status), strsignal(WTERMSIG(status)));
	else if (WIFEXITED(status) && WEXITSTATUS(status))
		handler_say(handler, TROUBLE_STATUS, "handler %s ended with status %d%s", program(handler),
			    WEXITSTATUS(status),
			    WEXITSTATUS(status) == 127	 ? " (could it not be executed?)"
			    : WEXITSTATUS(status) == 126 ? " (may user nobody execute it?)"
							 : "");
}

/* True when @run has ended; what is left of its group after a timeout goes with it. */
static bool reap(struct run *run)
{
	siginfo_t info = {.si_pid = 0};
	int status = 0;

	if (waitid(P_PID, (id_t)run->pid, &info, WEXITED | WNOHANG | WNOWAIT) == 0 && !info.si_pid)
		return false;
	/* Its number, and so the group's, is not given anew before it is waited for. */
	if (run->told_to_end)
		kill(-run->pid, SIGKILL);
	if (waitpid(run->pid, &status, WNOHANG) == run->pid && !run->told_to_end)
		judge_status(run->handler, status);
	run->pid = 0;
	return true;
}

static void limit(struct run *run, uint64_t now_ns)
{
	char word[32];

	if (now_ns < run->deadline_ns)
		return;
	if (!run->told_to_end)
		handler_say(run->handler, TROUBLE_TIMEOUT, "handler %s was ended: it ran longer than %s",
			    program(run->handler),
			    units_format_duration(run->handler->config->timeout_ns, word, sizeof(word)));
	kill(-run->pid, run->told_to_end ? SIGKILL : SIGTERM);
	run->told_to_end = true;
	run->deadline_ns = now_ns + GRACE_NS;
}

void exec_pool_tick(struct exec_pool *pool, uint64_t now_ns)
{
	for (size_t i = 0; i < RUNNING_MAX; i++)
		if (pool->running[i].pid && !reap(&pool->running[i]))
			limit(&pool->running[i], now_ns);
	run_waiting(pool);
}

static bool is_busy(const struct exec_pool *pool)
{
	for (size_t i = 0; i < RUNNING_MAX; i++)
		if (pool->running[i].pid)
			return true;
	return pool->n_waiting;
}

/* Time is up: what waits is dropped, what runs is told to end. */
static void hurry(struct exec_pool *pool, uint64_t now_ns)
{
	for (; pool->n_waiting; pool->n_waiting--, pool->first = (pool->first + 1) % WAITING_MAX)
		drop(&pool->waiting[pool->first]);
	for (size_t i = 0; i < RUNNING_MAX; i++)
		if (!pool->running[i].told_to_end && pool->running[i].deadline_ns > now_ns)
			pool->running[i].deadline_ns = now_ns;
}

void exec_pool_free(struct exec_pool *pool, uint64_t limit_ns)
{
	const struct timespec pause = {.tv_nsec = POLL_NS};
	uint64_t end_ns = clock_now() + limit_ns;

	while (pool && is_busy(pool)) {
		uint64_t now_ns = clock_now();

		if (now_ns >= end_ns)
			hurry(pool, now_ns);
		exec_pool_tick(pool, now_ns);
		if (is_busy(pool))
			nanosleep(&pause, NULL);
	}
	free(pool);
}
