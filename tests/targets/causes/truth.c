// SPDX-License-Identifier: GPL-2.0-or-later
/* What a call took in truth, and telling it. */
#include "causes.h"

#include <sys/resource.h>

void must(int good, const char *what)
{
	if (good)
		return;
	perror(what);
	exit(2);
}

void nap(uint64_t ns)
{
	struct timespec ts = {.tv_sec = (time_t)(ns / 1000000000), .tv_nsec = (long)(ns % 1000000000)};

	while (nanosleep(&ts, &ts))
		;
}

uint64_t ran_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &ts);
	return (uint64_t)ts.tv_sec * 1000000000 + (uint64_t)ts.tv_nsec;
}

/* Where the kernel does not count, nothing is known of it. */
static uint64_t runq_ns(int schedstat)
{
	char text[128] = "";
	unsigned long long ran, waited = 0;

	if (pread(schedstat, text, sizeof(text) - 1, 0) > 0)
		sscanf(text, "%llu %llu", &ran, &waited);
	return waited;
}

static long waits_of_thread(void)
{
	struct rusage usage;

	must(!getrusage(RUSAGE_THREAD, &usage), "getrusage");
	return usage.ru_nvcsw;
}

/* Of one and the same stretch on the processor. */
struct moment now_of(struct worker *me)
{
	struct moment now;

	do {
		now.runq = runq_ns(me->schedstat);
		now.waits = waits_of_thread();
		now.ran = ran_ns();
		now.wall = now_ns();
	} while (runq_ns(me->schedstat) != now.runq);
	if (!me->now->start.wall)
		me->now->start = now;
	me->now->end = now;
	return now;
}

static uint64_t away_between(const struct moment *from, const struct moment *to)
{
	uint64_t running = to->ran - from->ran + to->runq - from->runq;
	uint64_t wall = to->wall - from->wall;

	return wall > running ? wall - running : 0;
}

void blocked(struct worker *me, enum cause cause, struct moment from)
{
	struct moment to = now_of(me);

	if (to.waits > from.waits)
		me->now->blocked[cause] += away_between(&from, &to);
	else
		me->now->stolen += away_between(&from, &to);
}

void write_log(const struct worker *me, FILE *out)
{
	for (const struct call *call = me->calls; call < me->calls + n_calls; call++) {
		fprintf(out, "%s %llu %llu %d %llu %llu", kind->function,
			(unsigned long long)call->start.wall,
			(unsigned long long)(call->end.wall - call->start.wall), me->tid,
			(unsigned long long)(call->end.ran - call->start.ran),
			(unsigned long long)(call->end.runq - call->start.runq));
		for (int i = 0; i < CAUSES; i++)
			fprintf(out, " %llu", (unsigned long long)call->blocked[i]);
		fprintf(out, " %d %llu\n", me->partner_tid, (unsigned long long)call->stolen);
	}
}

static int compare(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

void tell(const struct worker *workers, int port, uint64_t rivals_ns)
{
	size_t n = 0, all = (size_t)(n_threads * n_calls);
	uint64_t *waits = calloc(all, sizeof(*waits)), sum = 0, ran = 0, runq = 0;

	must(waits != NULL, "memory");
	for (const struct worker *w = workers; w < workers + n_threads; w++)
		for (const struct call *call = w->calls; call < w->calls + n_calls; call++, n++) {
			for (int i = 0; i < CAUSES; i++)
				waits[n] += call->blocked[i];
			sum += waits[n];
			ran += call->end.ran - call->start.ran;
			runq += call->end.runq - call->start.runq;
		}
	qsort(waits, all, sizeof(*waits), compare);
	target_done(
		"calls=%zu blocked_ns=%llu median_ns=%llu ran_ns=%llu runq_ns=%llu port=%d rivals_ns=%llu",
		all, (unsigned long long)sum, (unsigned long long)waits[(all - 1) / 2],
		(unsigned long long)ran, (unsigned long long)runq, port, (unsigned long long)rivals_ns);
	free(waits);
}

void log_all(const struct worker *workers)
{
	FILE *out = log_path ? log_open(log_path) : NULL;

	for (long t = 0; out && t < n_threads; t++)
		write_log(&workers[t], out);
	if (out)
		log_close(out);
}
