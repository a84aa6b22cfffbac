// SPDX-License-Identifier: GPL-2.0-or-later
#include "probe/lookup.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "base/diag.h"
#include "probe/tcp.h"

struct name {
	char *host;
	size_t spec;
	const char *why; /* it was not found; NULL: it was */
	struct tcp_addresses found;
};

/* Whoever leaves the job last releases it. */
enum job_state { JOB_IDLE, JOB_RUNNING, JOB_DONE, JOB_LEFT };

struct job {
	_Atomic enum job_state state;
	size_t n;
	struct name names[];
};

struct lookup {
	struct job *job;
	uint64_t period_ns, next_ns;
	bool full_said;
};

/* ---- the job ----------------------------------------------------------------------------------- */

static void job_free(struct job *job)
{
	for (size_t i = 0; i < job->n; i++)
		free(job->names[i].host);
	free(job);
}

static size_t count_names(const struct probe_spec *specs, size_t n_specs)
{
	size_t n = 0;

	for (size_t i = 0; i < n_specs; i++)
		n += specs[i].tcp.host != NULL;
	return n;
}

static struct job *job_new(const struct probe_spec *specs, size_t n_specs, size_t n)
{
	struct job *job = calloc(1, sizeof(*job) + n * sizeof(*job->names));

	for (size_t i = 0; job && i < n_specs; i++) {
		struct name *name = &job->names[job->n];

		if (!specs[i].tcp.host)
			continue;
		job->n++;
		name->spec = i;
		name->host = strdup(specs[i].tcp.host);
		if (name->host)
			continue;
		job_free(job);
		return NULL;
	}
	return job;
}

static void *run(void *context)
{
	struct job *job = context;

	for (size_t i = 0; i < job->n; i++)
		job->names[i].why = tcp_lookup(job->names[i].host, &job->names[i].found);
	if (atomic_exchange(&job->state, JOB_DONE) == JOB_LEFT)
		job_free(job);
	return NULL;
}

/* Without a thread the addresses stay as they are until the next time. */
static void begin(struct job *job)
{
	pthread_attr_t attr;
	pthread_t thread;
	int err;

	pthread_attr_init(&attr);
	pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
	atomic_store(&job->state, JOB_RUNNING);
	err = pthread_create(&thread, &attr, run, job);
	pthread_attr_destroy(&attr);
	if (!err)
		return;
	diag_debug("names are not looked up again now: %s", strerror(err));
	atomic_store(&job->state, JOB_IDLE);
}

/* ---- at ticks ---------------------------------------------------------------------------------- */

int lookup_new(const struct probe_spec *specs, size_t n_specs, uint64_t now_ns, uint64_t period_ns,
	       struct lookup **out)
{
	size_t n = count_names(specs, n_specs);
	struct lookup *lookup;

	*out = NULL;
	if (!n)
		return 0;
	lookup = calloc(1, sizeof(*lookup));
	if (!lookup)
		return -ENOMEM;
	lookup->period_ns = period_ns;
	lookup->next_ns = now_ns + period_ns;
	lookup->job = job_new(specs, n_specs, n);
	if (!lookup->job) {
		free(lookup);
		return -ENOMEM;
	}
	*out = lookup;
	return 0;
}

static void say_full(struct lookup *lookup, const struct name *name)
{
	if (!lookup->full_said)
		diag_warn(
			"'%s' has more addresses than there is room for (%d in all): spans of the others are "
			"not measured",
			name->host, LAPSE_TCP_RULES);
	lookup->full_said = true;
}

static int take_name(struct lookup *lookup, const struct name *name, struct plan *plan)
{
	int err;

	if (name->why) {
		diag_debug("'%s' is not found now: %s", name->host, name->why);
		return 0;
	}
	err = tcp_add_addresses(plan, name->spec, &name->found);
	if (err == -E2BIG)
		say_full(lookup, name);
	return err == -ENOMEM ? err : 0;
}

static int take(struct lookup *lookup, struct plan *plan)
{
	struct job *job = lookup->job;
	size_t before = plan->n_tcps;
	int err = 0;

	for (size_t i = 0; i < job->n && !err; i++)
		err = take_name(lookup, &job->names[i], plan);
	atomic_store(&job->state, JOB_IDLE);
	return err ? err : plan->n_tcps > before;
}

int lookup_poll(struct lookup *lookup, uint64_t now_ns, struct plan *plan)
{
	if (!lookup)
		return 0;
	if (atomic_load(&lookup->job->state) == JOB_DONE)
		return take(lookup, plan);
	if (now_ns < lookup->next_ns || atomic_load(&lookup->job->state) != JOB_IDLE)
		return 0;
	lookup->next_ns = now_ns + lookup->period_ns;
	begin(lookup->job);
	return 0;
}

void lookup_free(struct lookup *lookup)
{
	if (!lookup)
		return;
	/* Never begun, or over; else the thread finds it left. */
	if (atomic_exchange(&lookup->job->state, JOB_LEFT) != JOB_RUNNING)
		job_free(lookup->job);
	free(lookup);
}
