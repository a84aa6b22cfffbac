// SPDX-License-Identifier: GPL-2.0-or-later
/* Runs programs: of each handler a few at once, some that wait, each with a time limit. */
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
	char *environment[ENV_SIZE + 1];
	char *json;
};

struct run {
	pid_t pid; /* 0: a free slot */
	uint64_t deadline_ns;
	bool told_to_end;
};

struct exec_pool {
	struct run running[RUNNING_MAX];
	struct job waiting[WAITING_MAX]; /* a ring */
	size_t first, n_waiting;
};

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

static int job_init(struct job *job, const struct handler_event *event)
{
	const struct alert *alert = event->alert;

	*job = (struct job){.json = strdup(event->json)};
	job->environment[ENV_PATH] =
		strdup("PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin");
	job->environment[ENV_COMPONENT] = variable("LAPSE_COMPONENT", event->component);
	job->environment[ENV_VIOLATION] = variable("LAPSE_VIOLATION", objective_info(alert->kind)->violation);
	job->environment[ENV_SEVERITY] = variable("LAPSE_SEVERITY", config_severity_names[alert->severity]);
	job->environment[ENV_STATE] = variable("LAPSE_STATE", handler_state_name(alert->event));
	for (size_t i = 0; i < ENV_SIZE; i++)
		if (!job->environment[i])
			return -ENOMEM;
	return job->json ? 0 : -ENOMEM;
}

static void run_job(struct handler *handler, struct run *run, struct job *job)
{
	pid_t pid = handler_spawn(handler->config->argv, job->environment, job->json);

	handler->stats.runs++;
	handler->stats.failures += pid < 0;
	if (pid < 0)
		handler_say(handler, TROUBLE_START, "handler %s could not be started: %s", program(handler),
			    strerror(-pid));
	else
		*run = (struct run){pid, handler_now() + handler->config->timeout_ns, false};
	job_free(job);
}

static struct run *free_slot(struct exec_pool *pool)
{
	for (size_t i = 0; i < RUNNING_MAX; i++)
		if (!pool->running[i].pid)
			return &pool->running[i];
	return NULL;
}

static void run_waiting(struct handler *handler)
{
	struct exec_pool *pool = handler->state;
	struct run *slot;

	while (pool->n_waiting && (slot = free_slot(pool))) {
		struct job *job = &pool->waiting[pool->first];

		pool->first = (pool->first + 1) % WAITING_MAX;
		pool->n_waiting--;
		run_job(handler, slot, job);
	}
}

static void tell(struct handler *handler, const struct handler_event *event)
{
	struct exec_pool *pool = handler->state;
	struct job job;

	if (job_init(&job, event)) {
		handler_say(handler, TROUBLE_START, "handler %s: out of memory", program(handler));
		handler->stats.drops++;
		job_free(&job);
		return;
	}
	if (pool->n_waiting == WAITING_MAX) {
		handler_say(handler, TROUBLE_DROPPED,
			    "handler %s: too many alerts at once, some were dropped", program(handler));
		handler->stats.drops++;
		job_free(&job);
		return;
	}
	pool->waiting[(pool->first + pool->n_waiting++) % WAITING_MAX] = job;
	run_waiting(handler);
}

static int check(const struct config_handler *config, char *why, size_t size)
{
	const char *path = config->argv[0];
	int err = handler_may_execute(path);

	if (err)
		snprintf(why, size, "handler program %s: %s%s", path, strerror(-err),
			 err == -EACCES && !access(path, X_OK) ? " to user nobody, who runs it" : "");
	return err;
}

static int start(struct handler *handler)
{
	char why[CHECK_WORDS];
	int err = check(handler->config, why, sizeof(why));

	handler->stats.target = program(handler);
	if (err)
		return handler_bad(handler, err, "%s", why);
	handler->state = calloc(1, sizeof(struct exec_pool));
	return handler->state ? 0 : -ENOMEM;
}

/* ---- programs that run ------------------------------------------------------------------------ */

static void judge_status(struct handler *handler, int status)
{
	handler->stats.failures += status != 0;
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
static bool reap(struct handler *handler, struct run *run)
{
	siginfo_t info = {.si_pid = 0};
	int status = 0;

	if (waitid(P_PID, (id_t)run->pid, &info, WEXITED | WNOHANG | WNOWAIT) == 0 && !info.si_pid)
		return false;
	/* Its number, and so the group's, is not given anew before it is waited for. */
	if (run->told_to_end)
		kill(-run->pid, SIGKILL);
	if (waitpid(run->pid, &status, WNOHANG) == run->pid && !run->told_to_end)
		judge_status(handler, status);
	run->pid = 0;
	return true;
}

static void limit(struct handler *handler, struct run *run, uint64_t now_ns)
{
	char word[32];

	if (now_ns < run->deadline_ns)
		return;
	handler->stats.failures += !run->told_to_end;
	if (!run->told_to_end)
		handler_say(handler, TROUBLE_TIMEOUT, "handler %s was ended: it ran longer than %s",
			    program(handler),
			    units_format_duration(handler->config->timeout_ns, word, sizeof(word)));
	kill(-run->pid, run->told_to_end ? SIGKILL : SIGTERM);
	run->told_to_end = true;
	run->deadline_ns = now_ns + GRACE_NS;
}

static void tick(struct handler *handler, uint64_t now_ns)
{
	struct exec_pool *pool = handler->state;

	for (size_t i = 0; i < RUNNING_MAX; i++)
		if (pool->running[i].pid && !reap(handler, &pool->running[i]))
			limit(handler, &pool->running[i], now_ns);
	run_waiting(handler);
}

static bool busy(struct handler *handler)
{
	const struct exec_pool *pool = handler->state;

	for (size_t i = 0; i < RUNNING_MAX; i++)
		if (pool->running[i].pid)
			return true;
	return pool->n_waiting;
}

static void count(struct handler *handler)
{
	handler->stats.waiting = ((const struct exec_pool *)handler->state)->n_waiting;
}

/* Time is up: what waits is dropped, what runs is told to end. */
static void hurry(struct handler *handler)
{
	struct exec_pool *pool = handler->state;
	uint64_t now_ns = handler_now();

	for (; pool->n_waiting; pool->n_waiting--, pool->first = (pool->first + 1) % WAITING_MAX)
		job_free(&pool->waiting[pool->first]);
	for (size_t i = 0; i < RUNNING_MAX; i++)
		if (!pool->running[i].told_to_end && pool->running[i].deadline_ns > now_ns)
			pool->running[i].deadline_ns = now_ns;
}

static void stop(struct handler *handler)
{
	const struct timespec pause = {.tv_nsec = POLL_NS};

	if (!handler->state)
		return;
	hurry(handler);
	while (busy(handler)) {
		tick(handler, handler_now());
		nanosleep(&pause, NULL);
	}
	free(handler->state);
}

const struct handler_kind handler_exec = {
	.check = check,
	.start = start,
	.tell = tell,
	.tick = tick,
	.busy = busy,
	.hurry = hurry,
	.count = count,
	.stop = stop,
};
