// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The way of single spans from the kernel to user space, with lapse's own programs and its own reader, and
 * nothing done with what is read: what writing lines or files costs is not in it.
 *
 *     ring PID FUNCTION [usual]    until the end of standard input, then: spans dropped cpu_ns
 *
 * "usual": as with --no-realtime, without a thread that runs ahead of all others.
 */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "base/clock.h"
#include "kernel/tracer.h"
#include "probe/plan.h"
#include "probe/spec.h"
#include "probe/target.h"

#define RING_BYTES (4U << 20)
#define POLL_MS	   10 /* as in user/cli/loop.c */

static uint64_t spans;

static int count(void *context, const struct lapse_span *span)
{
	(void)context;
	spans += span->kind == LAPSE_REC_SPAN;
	return 0;
}

static int forget(void *context, const struct lapse_proc *process)
{
	(void)context;
	(void)process;
	return 0;
}

static const struct tracer_records records = {.span = count, .process = forget};

static uint64_t cpu_ns(void)
{
	struct timespec time;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
	return (uint64_t)time.tv_sec * NSEC_PER_SEC + (uint64_t)time.tv_nsec;
}

static int make_plan(const char *function, pid_t *pid, struct plan *plan)
{
	struct target_selection selection = {.pids = pid, .n_pids = 1};
	struct plan_options options = {0};
	struct process *processes;
	struct probe_spec spec;
	size_t n;

	return spec_parse(function, &spec) ?: target_find(&selection, &processes, &n)
		?: plan_make(&spec, 1, &selection, processes, n, &options, plan);
}

/* More than can be made. */
#define SPANS_A_SECOND 1000000000

/* Each span is sent, and none is urgent. */
static int start(const struct plan *plan, bool realtime, struct tracer **tracer)
{
	struct tracer_component component = {.flags = plan->components[0].flags | LAPSE_COMP_STREAM,
					     .fed = NO_COMPONENT};
	struct tracer_options options = {.ring_bytes = RING_BYTES, .tick_ns = NSEC_PER_SEC, .places = true,
					 .stream_rate = SPANS_A_SECOND, .realtime = realtime};

	for (int level = 0; level < LAPSE_LEVELS; level++)
		component.level_ns[level] = UINT64_MAX;
	return tracer_open(&options, &component, 1, tracer) ?: tracer_load(*tracer)
		?: tracer_calibrate(*tracer, 1U << plan->places[0].cls) ?: tracer_attach(*tracer, plan, 0, 0);
}

static void follow(struct tracer *tracer)
{
	struct pollfd fds[] = {{.fd = tracer_fd(tracer), .events = POLLIN}, {.fd = 0, .events = POLLIN}};

	while (!fds[1].revents) {
		poll(fds, 2, POLL_MS);
		tracer_drain(tracer, 0, &records);
	}
}

int main(int argc, char **argv)
{
	pid_t pid = argc >= 3 ? atoi(argv[1]) : 0;
	struct tracer *tracer = NULL;
	struct plan plan = {0};
	uint64_t before;
	struct tick tick;

	if (argc < 3 || make_plan(argv[2], &pid, &plan) || start(&plan, argc == 3, &tracer))
		return 1;
	printf("ready\n");
	fflush(stdout);
	before = cpu_ns();
	follow(tracer);
	before = cpu_ns() - before;
	tracer_detach(tracer);
	tracer_drain(tracer, 0, &records);
	if (tracer_tick(tracer, clock_now_ns(), true, &records, &tick))
		return 1;
	printf("%llu %llu %llu\n", (unsigned long long)spans,
	       (unsigned long long)tick.components[0].counters.ring_dropped, (unsigned long long)before);
	tracer_free(tracer);
	return 0;
}
