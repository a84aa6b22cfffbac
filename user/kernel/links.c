// SPDX-License-Identifier: GPL-2.0-or-later
/* What holds the probes: links, and perf events where there are none. */
#include "kernel/tracer_parts.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bpf/config.h"

/* Releasing a link waits 30 to 100 ms for grace periods: many wait at once. */
#define RELEASE_THREADS 64

static int more_links(struct tracer *tracer)
{
	if (tracer->n_links == tracer->max_links) {
		size_t max = tracer->max_links ? 2 * tracer->max_links : 64;
		struct kept_link *links = realloc(tracer->links, max * sizeof(*links));

		if (!links)
			return -ENOMEM;
		tracer->links = links;
		tracer->max_links = max;
	}
	return 0;
}

int tracer_keep_link(struct tracer *tracer, struct bpf_link *link, pid_t pid)
{
	int err = link ? more_links(tracer) : -errno;

	if (!err)
		tracer->links[tracer->n_links++] =
			(struct kept_link){.link = link, .event = -1, .pid = pid, .component = NO_COMPONENT};
	else
		bpf_link__destroy(link);
	return err;
}

int links_keep_event(struct tracer *tracer, int event, pid_t pid)
{
	int err = event < 0 ? event : more_links(tracer);

	if (!err)
		tracer->links[tracer->n_links++] =
			(struct kept_link){.event = event, .pid = pid, .component = NO_COMPONENT};
	else if (event >= 0)
		close(event);
	return err;
}

struct release {
	struct kept_link *links;
	size_t first, n;
};

static pthread_mutex_t usdts = PTHREAD_MUTEX_INITIALIZER;

/* Marks go one after the other: each returns its numbers to a list of libbpf's, which no lock guards. */
static void release_one(const struct kept_link *kept)
{
	if (kept->kind == LINK_USDTS)
		pthread_mutex_lock(&usdts);
	bpf_link__destroy(kept->link);
	if (kept->kind == LINK_USDTS)
		pthread_mutex_unlock(&usdts);
	if (kept->event >= 0)
		close(kept->event);
}

static void *release_some(void *argument)
{
	const struct release *release = argument;

	for (size_t i = release->first; i < release->n; i += RELEASE_THREADS)
		release_one(&release->links[i]);
	return NULL;
}

void links_release(struct kept_link *links, size_t n)
{
	struct release parts[RELEASE_THREADS];
	pthread_t threads[RELEASE_THREADS];
	size_t started = 0;

	for (size_t i = 0; i < RELEASE_THREADS; i++)
		parts[i] = (struct release){.links = links, .first = i, .n = n};
	while (started < RELEASE_THREADS && started < n &&
	       !pthread_create(&threads[started], NULL, release_some, &parts[started]))
		started++;
	for (size_t i = started; i < RELEASE_THREADS; i++)
		release_some(&parts[i]);
	for (size_t i = 0; i < started; i++)
		pthread_join(threads[i], NULL);
}

void links_release_from(struct tracer *tracer, size_t first_link)
{
	size_t n = tracer->n_links - first_link;

	if (!n)
		return;
	links_release(tracer->links + first_link, n);
	tracer->n_links = first_link;
}

size_t links_part(struct tracer *tracer, bool (*goes)(const struct kept_link *link, pid_t pid), pid_t pid)
{
	struct kept_link *links = tracer->links;
	size_t kept = 0;

	for (size_t i = 0; i < tracer->n_links; i++) {
		struct kept_link link = links[i];

		if (goes(&link, pid))
			continue;
		links[i] = links[kept];
		links[kept++] = link;
	}
	return kept;
}

void links_mark(struct tracer *tracer, size_t first_link, enum link_kind kind, uint32_t component)
{
	for (size_t i = first_link; i < tracer->n_links; i++) {
		tracer->links[i].kind = kind;
		tracer->links[i].component = component;
	}
}

static bool is_sample(const struct kept_link *link, pid_t pid)
{
	(void)pid;
	return link->kind == LINK_SAMPLES;
}

static void *release_going(void *argument)
{
	const struct links_going *going = argument;

	links_release(going->links, going->n);
	return NULL;
}

/* A link that comes to its release after another one waits for a grace period of its own, after the other's:
 * each that has gone before the end makes the end shorter. */
void tracer_settle(struct tracer *tracer)
{
	size_t kept = links_part(tracer, is_sample, 0), n = tracer->n_links - kept;
	struct links_going *going = &tracer->going;

	if (!n)
		return;
	links_await(tracer);
	going->links = malloc(n * sizeof(*going->links));
	if (!going->links)
		return;
	going->n = n;
	memcpy(going->links, tracer->links + kept, n * sizeof(*going->links));
	if (pthread_create(&going->thread, NULL, release_going, going)) {
		free(going->links);
		going->links = NULL;
		return;
	}
	tracer->n_links = kept;
}

void links_await(struct tracer *tracer)
{
	struct links_going *going = &tracer->going;

	if (!going->links)
		return;
	pthread_join(going->thread, NULL);
	free(going->links);
	going->links = NULL;
}

bool links_filter(const struct tracer *tracer)
{
	return tracer->filter == LAPSE_FILTER_TGID && !tracer->options.follow && !tracer->options.apart &&
	       !tracer->pid_filter_broken;
}
